"""A subscription is seen by its customer, by who reaches it, and by the operator: said a second time."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_by_reach(customer uuid, subscription uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT EXISTS (SELECT FROM customers_reach r WHERE r.customer_id = customer
        AND r.organisation_id = scope_organisation() AND r.ended_at IS NULL
        AND coalesce(r.subscription_id, subscription) = subscription)
$body$;

CREATE FUNCTION seen_subscription(customer uuid, subscription uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN seen_by_reach(customer, subscription)
        ELSE false END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_subscription(uuid, uuid);
DROP FUNCTION seen_by_reach(uuid, uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0002_walls"),
        ("customers", "0006_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
