"""Who may see and write long work, remembered answers and rate limits."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('operations_operation', 'operations_answer', 'operations_bucket');
CALL house_keeper('SELECT, INSERT, UPDATE, DELETE', 'operations_bucket');
CALL house_keeper('SELECT, INSERT', 'operations_answer');

GRANT SELECT, INSERT, UPDATE ON operations_operation TO {R}_web;
CREATE POLICY web_reads ON operations_operation FOR SELECT TO {R}_web
    USING ((SELECT scope_kind() = 'operator') OR actor_id = (SELECT scope_account()));
CREATE POLICY web_begins ON operations_operation FOR INSERT TO {R}_web WITH CHECK (actor_id = scope_account());
CREATE POLICY web_changes ON operations_operation FOR UPDATE TO {R}_web
    USING ((SELECT scope_kind() = 'operator') OR actor_id = (SELECT scope_account()));

GRANT SELECT, INSERT ON operations_answer TO {R}_web;
CREATE POLICY web_own ON operations_answer TO {R}_web
    USING (actor_id = scope_account()) WITH CHECK (actor_id = scope_account());

-- The generic cell rate algorithm: one instant a bucket. Answers how long to wait, zero when the request may pass.
-- A basket of 200 keys costs 200.
CREATE FUNCTION operations_take(bucket uuid, every interval, burst integer, cost integer, instant timestamptz)
RETURNS interval LANGUAGE plpgsql AS $body$
DECLARE was timestamptz; becomes timestamptz;
BEGIN
    INSERT INTO operations_bucket (id, empty_at) VALUES (bucket, instant) ON CONFLICT (id) DO NOTHING;
    SELECT greatest(empty_at, instant) INTO was FROM operations_bucket WHERE id = bucket FOR UPDATE;
    becomes := was + every * cost;
    IF becomes > instant + every * burst THEN
        RETURN becomes - (instant + every * burst);
    END IF;
    UPDATE operations_bucket SET empty_at = becomes WHERE id = bucket;
    RETURN interval '0';
END $body$;
CALL house_keep('operations_take(uuid, interval, integer, integer, timestamptz)');

-- Called inside other rooms' functions, with their rights: the answer is stored with the act (K5). Answers how many rows
-- it wrote.
CREATE FUNCTION operations_remember(answer jsonb, instant timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO operations_answer (actor_id, method, path, key, body_digest, status, body, at)
    VALUES ((answer ->> 'actor')::uuid, answer ->> 'method', answer ->> 'path', answer ->> 'key',
        decode(answer ->> 'body_digest', 'hex'), (answer ->> 'status')::smallint, answer -> 'body', instant);
    RETURN 1;
END $body$;
"""

BACKWARD = f"""
DROP FUNCTION operations_remember(jsonb, timestamptz);
DROP FUNCTION operations_take(uuid, interval, integer, integer, timestamptz);
DROP POLICY house_system ON operations_operation;
DROP POLICY house_check ON operations_operation;
DROP POLICY web_reads ON operations_operation;
DROP POLICY web_begins ON operations_operation;
DROP POLICY web_changes ON operations_operation;
REVOKE ALL ON operations_operation FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE operations_operation NO FORCE ROW LEVEL SECURITY;
ALTER TABLE operations_operation DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON operations_answer;
DROP POLICY house_check ON operations_answer;
DROP POLICY house_keeper ON operations_answer;
DROP POLICY web_own ON operations_answer;
REVOKE ALL ON operations_answer FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE operations_answer NO FORCE ROW LEVEL SECURITY;
ALTER TABLE operations_answer DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON operations_bucket;
DROP POLICY house_check ON operations_bucket;
DROP POLICY house_keeper ON operations_bucket;
REVOKE ALL ON operations_bucket FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE operations_bucket NO FORCE ROW LEVEL SECURITY;
ALTER TABLE operations_bucket DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0001_rows"),
        ("journal", "0001_house"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
