"""A customer is seen by its own people, by who reaches it, and by the operator: said a second time, apart from the wall."""

from django.db import migrations

FORWARD = """
-- Apart, so that the function that calls it is written into a query's plan and asks only where it has to.
CREATE FUNCTION seen_by_reach(customer uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT EXISTS (SELECT FROM customers_reach r WHERE r.customer_id = customer
        AND r.organisation_id = scope_organisation() AND r.ended_at IS NULL)
$body$;

CREATE FUNCTION seen_customer(customer uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN seen_by_reach(customer)
        ELSE false END
$body$;

CREATE FUNCTION seen_person(customer uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        ELSE false END
$body$;

CREATE FUNCTION seen_reach(customer uuid, organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN organisation = scope_organisation()
        ELSE false END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_reach(uuid, uuid);
DROP FUNCTION seen_person(uuid);
DROP FUNCTION seen_customer(uuid);
DROP FUNCTION seen_by_reach(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0005_reach_by_index"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
