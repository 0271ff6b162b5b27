"""The journal's tables only grow: UPDATE, DELETE and TRUNCATE are refused for everybody, the owner included.

The triggers are ENABLE ALWAYS, so that `session_replication_role = replica` does not pass them by. Whoever owns the
tables can still drop them, which is why checkpoints are signed and kept outside.
"""

from django.db import migrations

TABLES = ("journal_entry", "journal_seal", "journal_node", "journal_checkpoint")

REFUSE = """
CREATE FUNCTION journal_refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the journal only grows: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'write a new entry that says what is different now';
END
$$;
"""

GUARD = """
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER journal_append_only;
"""

PLAIN_FACTS = """
ALTER TABLE journal_entry ADD CONSTRAINT journal_entry_facts_are_an_object CHECK (jsonb_typeof(facts) = 'object');
"""


class Migration(migrations.Migration):
    dependencies = [("journal", "0002_rows")]
    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION journal_refuse_change();"),
        *(
            migrations.RunSQL(GUARD.format(table=table), f"DROP TRIGGER journal_append_only ON {table};")
            for table in TABLES
        ),
        migrations.RunSQL(
            PLAIN_FACTS, "ALTER TABLE journal_entry DROP CONSTRAINT journal_entry_facts_are_an_object;"
        ),
    ]
