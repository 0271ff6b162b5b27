"""A test clock is seen by whose it is and by the operator; the platform's own clock by the operator."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('clocks_clock', 'clocks_platform');
CALL house_keeper('SELECT', 'clocks_clock');

GRANT SELECT, INSERT, UPDATE ON clocks_clock TO {R}_web;
GRANT SELECT ON clocks_platform TO {R}_web;
CREATE POLICY web_reads ON clocks_clock FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation())));
CREATE POLICY web_adds ON clocks_clock FOR INSERT TO {R}_web WITH CHECK (
    (scope_kind() = 'operator' AND organisation_id IS NULL)
    OR (scope_kind() = 'channel' AND organisation_id = scope_organisation()));
CREATE POLICY web_changes ON clocks_clock FOR UPDATE TO {R}_web
    USING (scope_kind() = 'operator' OR (scope_kind() = 'channel' AND organisation_id = scope_organisation()))
    WITH CHECK (scope_kind() = 'operator' OR (scope_kind() = 'channel' AND organisation_id = scope_organisation()));
CREATE POLICY web_reads ON clocks_platform FOR SELECT TO {R}_web USING (scope_kind() = 'operator');

CREATE FUNCTION seen_clock(organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'channel' THEN organisation = scope_organisation()
        ELSE false END
$body$;

-- A test clock never goes back: what was done on a day stays done.
CREATE FUNCTION clocks_only_forward() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.day < OLD.day THEN
        RAISE EXCEPTION 'a test clock never goes back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $body$;
CREATE TRIGGER only_forward BEFORE UPDATE OF day ON clocks_clock
    FOR EACH ROW EXECUTE FUNCTION clocks_only_forward();
"""

BACKWARD = f"""
DROP TRIGGER only_forward ON clocks_clock;
DROP FUNCTION clocks_only_forward();
DROP FUNCTION seen_clock(uuid);
DROP POLICY house_system ON clocks_clock;
DROP POLICY house_check ON clocks_clock;
DROP POLICY house_keeper ON clocks_clock;
DROP POLICY web_reads ON clocks_clock;
DROP POLICY web_adds ON clocks_clock;
DROP POLICY web_changes ON clocks_clock;
REVOKE ALL ON clocks_clock FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE clocks_clock NO FORCE ROW LEVEL SECURITY;
ALTER TABLE clocks_clock DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON clocks_platform;
DROP POLICY house_check ON clocks_platform;
DROP POLICY web_reads ON clocks_platform;
REVOKE ALL ON clocks_platform FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE clocks_platform NO FORCE ROW LEVEL SECURITY;
ALTER TABLE clocks_platform DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clocks", "0001_rows"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
