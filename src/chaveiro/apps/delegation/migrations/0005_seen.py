"""A partner of record is seen from its two sides and by the operator: said a second time, apart from the wall."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_partner_of_record(customer uuid, organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN organisation = scope_organisation()
        ELSE false END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_partner_of_record(uuid, uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("delegation", "0004_choosing"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
