"""Everybody may owe an effect; only the house reads what is owed."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('notices_owed', 'notices_letter');
CALL house_keeper('INSERT', 'notices_owed');

GRANT INSERT ON notices_owed TO {R}_web;
CREATE POLICY web_owes ON notices_owed FOR INSERT TO {R}_web
    WITH CHECK (scope_kind() <> '' AND relayed_at IS NULL);

-- The job engine's own tables belong to the house's processes; pages reach it through what is owed.
GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers,
    procrastinate_workers TO {R}_system;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {R}_system;

-- Called inside other rooms' functions, with their rights; answers how many rows it wrote.
CREATE FUNCTION notices_owe(owed jsonb, instant timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE written integer;
BEGIN
    INSERT INTO notices_owed (kind, facts, created_at)
    SELECT item ->> 'kind', item -> 'facts', instant FROM jsonb_array_elements(owed) AS item;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $body$;
"""

BACKWARD = f"""
DROP FUNCTION notices_owe(jsonb, timestamptz);
DROP POLICY house_system ON notices_owed;
DROP POLICY house_check ON notices_owed;
DROP POLICY house_keeper ON notices_owed;
DROP POLICY web_owes ON notices_owed;
REVOKE ALL ON notices_owed FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE notices_owed NO FORCE ROW LEVEL SECURITY;
ALTER TABLE notices_owed DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON notices_letter;
DROP POLICY house_check ON notices_letter;
REVOKE ALL ON notices_letter FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE notices_letter NO FORCE ROW LEVEL SECURITY;
ALTER TABLE notices_letter DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0001_rows"),
        ("journal", "0001_house"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
