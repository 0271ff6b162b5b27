"""A redemption is seen by its customer, who made it, the draft's holder, the operator: said a second time."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_of_draft(draft uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'system' THEN true ELSE draft = scope_draft() END
$body$;

CREATE FUNCTION seen_draft(draft uuid, actor uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'system' THEN true
        ELSE coalesce(draft = scope_draft(), false) OR coalesce(actor = scope_account(), false) END
$body$;

CREATE FUNCTION seen_redemption(customer uuid, organisation uuid, draft uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer() OR draft = scope_draft()
        WHEN 'channel' THEN organisation = scope_organisation() OR draft = scope_draft()
        ELSE draft = scope_draft() END
$body$;

CREATE FUNCTION seen_line_of(redemption uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT EXISTS (SELECT FROM redemption_redemption r WHERE r.id = redemption
        AND seen_redemption(r.customer_id, r.organisation_id, r.draft_id))
$body$;

CREATE FUNCTION seen_line(customer uuid, redemption uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer() OR seen_line_of(redemption)
        ELSE seen_line_of(redemption) END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_line(uuid, uuid);
DROP FUNCTION seen_line_of(uuid);
DROP FUNCTION seen_redemption(uuid, uuid, uuid);
DROP FUNCTION seen_draft(uuid, uuid);
DROP FUNCTION seen_of_draft(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("redemption", "0006_partner_of_one"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
