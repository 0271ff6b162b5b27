"""A notice is seen by the customer it is about, by the partner it went to, and by the operator; the house writes it."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('notices_notice');
CALL house_keeper('SELECT, INSERT, UPDATE', 'notices_notice');

GRANT SELECT ON notices_notice TO {R}_web;
GRANT UPDATE (read_at) ON notices_notice TO {R}_web;
CREATE POLICY web_reads ON notices_notice FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation())));
CREATE POLICY web_marks ON notices_notice FOR UPDATE TO {R}_web
    USING (account_id = (SELECT scope_account())) WITH CHECK (account_id = (SELECT scope_account()));

CREATE FUNCTION seen_notice(customer uuid, organisation uuid, account uuid) RETURNS boolean LANGUAGE sql STABLE
AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN organisation = scope_organisation()
        ELSE false END
$body$;
"""

BACKWARD = f"""
DROP FUNCTION seen_notice(uuid, uuid, uuid);
DROP POLICY house_system ON notices_notice;
DROP POLICY house_check ON notices_notice;
DROP POLICY house_keeper ON notices_notice;
DROP POLICY web_reads ON notices_notice;
DROP POLICY web_marks ON notices_notice;
REVOKE ALL ON notices_notice FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE notices_notice NO FORCE ROW LEVEL SECURITY;
ALTER TABLE notices_notice DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0005_notices"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
