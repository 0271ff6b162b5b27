"""A partner's sight of a customer is looked up by index for each row, and the scope is asked once for a statement."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
DROP POLICY web_reads ON customers_customer;
CREATE POLICY web_reads ON customers_customer FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND EXISTS (
        SELECT FROM customers_reach r WHERE r.organisation_id = (SELECT scope_organisation())
        AND r.customer_id = customers_customer.id AND r.ended_at IS NULL)));
DROP POLICY web_reads ON customers_reach;
CREATE POLICY web_reads ON customers_reach FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation()))
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer())));
"""

BACKWARD = f"""
DROP POLICY web_reads ON customers_reach;
CREATE POLICY web_reads ON customers_reach FOR SELECT TO {R}_web USING (
    scope_kind() = 'operator'
    OR (scope_kind() = 'channel' AND organisation_id = scope_organisation())
    OR (scope_kind() = 'customer' AND customer_id = scope_customer()));
DROP POLICY web_reads ON customers_customer;
CREATE POLICY web_reads ON customers_customer FOR SELECT TO {R}_web USING (
    scope_kind() = 'operator'
    OR (scope_kind() = 'customer' AND id = scope_customer())
    OR (scope_kind() = 'channel' AND id IN (
        SELECT r.customer_id FROM customers_reach r
        WHERE r.organisation_id = scope_organisation() AND r.ended_at IS NULL)));
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_at_browser")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
