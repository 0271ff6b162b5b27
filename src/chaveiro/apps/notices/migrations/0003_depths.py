"""How deep the house's queues are, for the metrics: counts and ages that name nobody, asked for without any scope."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CREATE INDEX letter_not_settled ON notices_letter (state) WHERE state IN ('owed', 'failed');
CREATE INDEX operation_not_ended ON operations_operation (state) WHERE state IN ('queued', 'running', 'failed');

GRANT SELECT ON notices_owed TO {R}_keeper;
CALL house_keeper('SELECT', 'notices_letter', 'operations_operation', 'journal_seal');
GRANT SELECT ON journal_entry, procrastinate_jobs, procrastinate_workers TO {R}_keeper;

CREATE FUNCTION notices_depths(instant timestamptz) RETURNS TABLE (name text, part text, value double precision)
LANGUAGE sql STABLE AS $body$
    SELECT 'owed_effects', '', count(*)::double precision FROM notices_owed WHERE relayed_at IS NULL
    UNION ALL
    SELECT 'owed_effects_age_seconds', '', coalesce(extract(epoch FROM instant - min(created_at)), 0)
    FROM notices_owed WHERE relayed_at IS NULL
    UNION ALL
    SELECT 'letters', wanted, (SELECT count(*) FROM notices_letter l WHERE l.state = wanted)
    FROM unnest(ARRAY['owed', 'failed']) AS wanted
    UNION ALL
    SELECT 'operations', wanted, (SELECT count(*) FROM operations_operation o WHERE o.state = wanted)
    FROM unnest(ARRAY['queued', 'running', 'failed']) AS wanted
    UNION ALL
    SELECT 'jobs', wanted, (SELECT count(*) FROM procrastinate_jobs j
        WHERE j.status = wanted::procrastinate_job_status)
    FROM unnest(ARRAY['todo', 'doing', 'failed']) AS wanted
    UNION ALL
    SELECT 'workers', '', count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '30 seconds'
    UNION ALL
    SELECT 'journal_sealed_entries', '', coalesce(max(number), 0) FROM journal_seal
    UNION ALL
    SELECT 'journal_unsealed_age_seconds', '', coalesce(extract(epoch FROM instant - min(e.at)), 0)
    FROM journal_entry e WHERE (e.era, e.xid, e.id) > (
        SELECT coalesce(max(l.era), -1), coalesce(max(l.xid), 0), coalesce(max(l.id), 0) FROM (
            SELECT t.era, t.xid, t.id FROM journal_seal s JOIN journal_entry t ON t.id = s.entry_id
            ORDER BY s.number DESC LIMIT 1) l)
$body$;
CALL house_keep('notices_depths(timestamptz)');
"""

BACKWARD = f"""
DROP FUNCTION notices_depths(timestamptz);
REVOKE SELECT ON journal_entry, procrastinate_jobs, procrastinate_workers FROM {R}_keeper;
DROP POLICY house_keeper ON journal_seal;
DROP POLICY house_keeper ON operations_operation;
DROP POLICY house_keeper ON notices_letter;
REVOKE ALL ON journal_seal, operations_operation, notices_letter FROM {R}_keeper;
REVOKE SELECT ON notices_owed FROM {R}_keeper;
DROP INDEX operation_not_ended;
DROP INDEX letter_not_settled;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0002_walls"),
        ("operations", "0002_walls"),
        ("journal", "0004_walls"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
