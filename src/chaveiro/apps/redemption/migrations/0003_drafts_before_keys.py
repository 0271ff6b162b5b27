"""Taking up another draft locks it before its holds, like everything that writes a draft: nobody waits for ever."""

from django.db import migrations

START_OVER = """
DROP FUNCTION redemption_start_over(uuid, bigint[]);
CREATE FUNCTION redemption_start_over(draft uuid, numbers bigint[]) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
    {lock}IF NOT redemption_whole_draft(draft, numbers) THEN RETURN false; END IF;
    DELETE FROM keys_hold WHERE draft_id = draft;
    DELETE FROM redemption_draftkey WHERE draft_id = draft;
    UPDATE redemption_draft SET state = 'abandoned', form = '{{}}' WHERE id = draft AND state = 'open';
    RETURN true;
END $body$;
COMMENT ON FUNCTION redemption_start_over(uuid, bigint[])
    IS 'Ends another draft whose keys the caller presents in full.';
CALL house_keep('redemption_start_over(uuid, bigint[])');
"""
LOCK = "PERFORM FROM redemption_draft WHERE id = draft FOR UPDATE;\n    "


class Migration(migrations.Migration):
    dependencies = [("redemption", "0002_walls")]
    operations = [migrations.RunSQL(START_OVER.format(lock=LOCK), START_OVER.format(lock=""))]
