"""How many keys of a batch are in which state, kept as they change: a batch of a million is not counted for a page.

Each statement that changes keys adds rows that say by how many; nothing is locked, so two redemptions of one batch never
wait for each other here. The worker folds the rows of a batch together from time to time. The sum is exact in every
snapshot, because it is written by the transaction that changed the keys.
"""

from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('keys_tally');
CALL house_keeper('SELECT, INSERT', 'keys_tally');

-- The owner sees no row behind the walls; the keeper sees the keys that are there already.
SET LOCAL ROLE {R}_keeper;
INSERT INTO keys_tally (batch_id, state, amount) SELECT batch_id, state, count(*) FROM keys_key GROUP BY batch_id, state;
RESET ROLE;

CREATE FUNCTION keys_tally_up() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO keys_tally (batch_id, state, amount)
        SELECT batch_id, state, count(*) FROM fresh GROUP BY batch_id, state;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO keys_tally (batch_id, state, amount)
        SELECT batch_id, state, -count(*) FROM stale GROUP BY batch_id, state;
    ELSE
        INSERT INTO keys_tally (batch_id, state, amount)
        SELECT batch_id, state, sum(one) FROM (
            SELECT batch_id, state, -1 AS one FROM stale UNION ALL SELECT batch_id, state, 1 FROM fresh) AS changed
        GROUP BY batch_id, state HAVING sum(one) <> 0;
    END IF;
    RETURN NULL;
END $body$;
CREATE TRIGGER tallies_fresh AFTER INSERT ON keys_key REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION keys_tally_up();
CREATE TRIGGER tallies_changed AFTER UPDATE ON keys_key REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION keys_tally_up();
CREATE TRIGGER tallies_stale AFTER DELETE ON keys_key REFERENCING OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION keys_tally_up();

CALL house_keep('keys_tally_up()');

DROP FUNCTION keys_counts(uuid[]);
CREATE FUNCTION keys_counts(batches uuid[]) RETURNS TABLE (batch uuid, state text, amount bigint)
LANGUAGE sql STABLE AS $body$
    SELECT b.id, t.state, sum(t.amount)::bigint
    FROM keys_batch b JOIN keys_tally t ON t.batch_id = b.id
    WHERE b.id = ANY (batches) AND keys_may_look(b.holder_id)
    GROUP BY b.id, t.state HAVING sum(t.amount) <> 0
$body$;
CALL house_keep('keys_counts(uuid[])');
"""

BACKWARD = f"""
DROP FUNCTION keys_counts(uuid[]);
CREATE FUNCTION keys_counts(batches uuid[]) RETURNS TABLE (batch uuid, state text, amount bigint)
LANGUAGE sql STABLE AS $body$
    SELECT b.id, k.state, count(*)
    FROM keys_batch b
    JOIN keys_key k ON k.number >= b.first_number AND k.number < b.first_number + b.quantity
    WHERE b.id = ANY (batches) AND keys_may_look(b.holder_id)
    GROUP BY b.id, k.state
$body$;
CALL house_keep('keys_counts(uuid[])');
DROP TRIGGER tallies_stale ON keys_key;
DROP TRIGGER tallies_changed ON keys_key;
DROP TRIGGER tallies_fresh ON keys_key;
DROP FUNCTION keys_tally_up();
DROP POLICY house_system ON keys_tally;
DROP POLICY house_check ON keys_tally;
DROP POLICY house_keeper ON keys_tally;
REVOKE ALL ON keys_tally FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE keys_tally NO FORCE ROW LEVEL SECURITY;
ALTER TABLE keys_tally DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0006_seen"),
    ]
    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("batch_id", models.UUIDField(db_index=True)),
                ("state", models.TextField()),
                ("amount", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
