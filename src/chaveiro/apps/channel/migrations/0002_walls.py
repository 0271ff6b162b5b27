"""An organisation of the channel sees itself; the operator sees all."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('channel_organisation', 'channel_member');
CALL house_keeper('SELECT', 'channel_organisation', 'channel_member');

GRANT SELECT, INSERT, UPDATE ON channel_organisation, channel_member TO {R}_web;
CREATE POLICY web_reads ON channel_organisation FOR SELECT TO {R}_web
    USING (scope_kind() = 'operator' OR id = scope_organisation());
CREATE POLICY web_operates ON channel_organisation TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');
CREATE POLICY web_reads ON channel_member FOR SELECT TO {R}_web USING (
    scope_kind() = 'operator' OR account_id = scope_account()
    OR (scope_kind() = 'channel' AND organisation_id = scope_organisation()));
CREATE POLICY web_operates ON channel_member TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');

-- The public card of one organisation, by its id or its registration number: what is printed on its own paper.
CREATE FUNCTION channel_card(wanted uuid, registration text)
RETURNS TABLE (id uuid, name text, country text, registration_number text, kind text, suspended boolean)
LANGUAGE sql STABLE AS $body$
    SELECT o.id, o.name, o.country::text, o.registration_number::text, o.kind, o.suspended_at IS NOT NULL
    FROM channel_organisation o
    WHERE o.id = wanted OR o.registration_number = registration
$body$;
CALL house_keep('channel_card(uuid, text)');
"""

BACKWARD = f"""
DROP FUNCTION channel_card(uuid, text);
DROP POLICY house_system ON channel_organisation;
DROP POLICY house_check ON channel_organisation;
DROP POLICY house_keeper ON channel_organisation;
DROP POLICY web_reads ON channel_organisation;
DROP POLICY web_operates ON channel_organisation;
REVOKE ALL ON channel_organisation FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE channel_organisation NO FORCE ROW LEVEL SECURITY;
ALTER TABLE channel_organisation DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON channel_member;
DROP POLICY house_check ON channel_member;
DROP POLICY house_keeper ON channel_member;
DROP POLICY web_reads ON channel_member;
DROP POLICY web_operates ON channel_member;
REVOKE ALL ON channel_member FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE channel_member NO FORCE ROW LEVEL SECURITY;
ALTER TABLE channel_member DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("channel", "0001_rows"),
        ("journal", "0001_house"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
