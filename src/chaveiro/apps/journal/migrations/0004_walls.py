"""Every act writes its entry; it is read by those whom it concerns. The tree is the sealer's."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('journal_entry', 'journal_seal', 'journal_node', 'journal_checkpoint');
CALL house_keeper('INSERT', 'journal_entry');
REVOKE UPDATE, DELETE ON journal_entry, journal_seal, journal_node, journal_checkpoint FROM {R}_system;

-- Nobody chooses where in the order of sealing an entry belongs, nor its salt: those columns are the database's.
REVOKE INSERT ON journal_entry FROM {R}_system, {R}_keeper;
GRANT INSERT (at, tag, actor_kind, actor_id, organisation_id, on_behalf, customer_id, subject_kind, subject_id, facts)
    ON journal_entry TO {R}_web, {R}_system, {R}_keeper;
GRANT SELECT ON journal_entry TO {R}_web;
GRANT SELECT ON journal_seal, journal_node, journal_checkpoint TO {R}_web;
CREATE POLICY web_writes ON journal_entry FOR INSERT TO {R}_web WITH CHECK (
    scope_kind() <> '' AND actor_kind = scope_kind() AND actor_id IS NOT DISTINCT FROM scope_account());
CREATE POLICY web_reads ON journal_entry FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation())));
-- Hashes say nothing of what they stand for; a proof needs its neighbours'.
CREATE POLICY web_reads ON journal_seal FOR SELECT TO {R}_web USING (scope_kind() <> '');
CREATE POLICY web_reads ON journal_node FOR SELECT TO {R}_web USING (scope_kind() <> '');
CREATE POLICY web_reads ON journal_checkpoint FOR SELECT TO {R}_web USING (scope_kind() <> '');

-- Called inside other rooms' functions, with their rights; answers how many entries it wrote.
CREATE FUNCTION journal_append(entries jsonb, actor jsonb, of_customer uuid, instant timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
DECLARE written integer;
BEGIN
    INSERT INTO journal_entry (at, tag, actor_kind, actor_id, organisation_id, on_behalf, customer_id, subject_kind,
        subject_id, facts)
    SELECT instant, entry.tag, actor ->> 'kind', (actor ->> 'account')::uuid, (actor ->> 'organisation')::uuid,
        entry.on_behalf, of_customer, entry.subject_kind, entry.subject_id, entry.facts
    FROM jsonb_to_recordset(entries)
        AS entry (tag text, on_behalf uuid, subject_kind text, subject_id text, facts jsonb);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $body$;
"""

BACKWARD = f"""
DROP FUNCTION journal_append(jsonb, jsonb, uuid, timestamptz);
DROP POLICY house_system ON journal_entry;
DROP POLICY house_check ON journal_entry;
DROP POLICY house_keeper ON journal_entry;
DROP POLICY web_writes ON journal_entry;
DROP POLICY web_reads ON journal_entry;
REVOKE ALL ON journal_entry FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE journal_entry NO FORCE ROW LEVEL SECURITY;
ALTER TABLE journal_entry DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON journal_seal;
DROP POLICY house_check ON journal_seal;
DROP POLICY web_reads ON journal_seal;
REVOKE ALL ON journal_seal FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE journal_seal NO FORCE ROW LEVEL SECURITY;
ALTER TABLE journal_seal DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON journal_node;
DROP POLICY house_check ON journal_node;
DROP POLICY web_reads ON journal_node;
REVOKE ALL ON journal_node FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE journal_node NO FORCE ROW LEVEL SECURITY;
ALTER TABLE journal_node DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON journal_checkpoint;
DROP POLICY house_check ON journal_checkpoint;
DROP POLICY web_reads ON journal_checkpoint;
REVOKE ALL ON journal_checkpoint FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE journal_checkpoint NO FORCE ROW LEVEL SECURITY;
ALTER TABLE journal_checkpoint DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0003_append_only"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
