"""A partner of record is seen by its customer, by the partner, and by the operator."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('delegation_partnerofrecord');
CALL house_keeper('SELECT, INSERT, UPDATE', 'delegation_partnerofrecord');

GRANT SELECT ON delegation_partnerofrecord TO {R}_web;
CREATE POLICY web_reads ON delegation_partnerofrecord FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation())));
GRANT UPDATE (state, settled_at, ended_at) ON delegation_partnerofrecord TO {R}_web;
CREATE POLICY web_settles ON delegation_partnerofrecord FOR UPDATE TO {R}_web USING (
    (SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()));

-- Called inside other rooms' functions, with their rights; answers how many rows it wrote.
CREATE FUNCTION delegation_propose(proposal jsonb, of_customer uuid, instant timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO delegation_partnerofrecord (id, customer_id, subscription_id, organisation_id, state, proposed_at)
    VALUES ((proposal ->> 'id')::uuid, of_customer, (proposal ->> 'subscription')::uuid,
        (proposal ->> 'organisation')::uuid, 'proposed', instant);
    RETURN 1;
END $body$;
"""

BACKWARD = f"""
DROP FUNCTION delegation_propose(jsonb, uuid, timestamptz);
DROP POLICY house_system ON delegation_partnerofrecord;
DROP POLICY house_check ON delegation_partnerofrecord;
DROP POLICY house_keeper ON delegation_partnerofrecord;
DROP POLICY web_reads ON delegation_partnerofrecord;
DROP POLICY web_settles ON delegation_partnerofrecord;
REVOKE ALL ON delegation_partnerofrecord FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE delegation_partnerofrecord NO FORCE ROW LEVEL SECURITY;
ALTER TABLE delegation_partnerofrecord DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("delegation", "0001_rows"),
        ("customers", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
