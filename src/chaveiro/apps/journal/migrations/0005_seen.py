"""The second layer's first predicates: what is one person's, the operator's, the house's; an entry of one side."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_own(account uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'system' THEN true ELSE account = scope_account() END
$body$;

CREATE FUNCTION seen_by_operator() RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT scope_kind() = ANY ('{operator,system}')
$body$;

CREATE FUNCTION seen_by_house() RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT scope_kind() = 'system'
$body$;

CREATE FUNCTION seen_entry(customer uuid, organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN organisation = scope_organisation()
        ELSE false END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_entry(uuid, uuid);
DROP FUNCTION seen_by_house();
DROP FUNCTION seen_by_operator();
DROP FUNCTION seen_own(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0004_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
