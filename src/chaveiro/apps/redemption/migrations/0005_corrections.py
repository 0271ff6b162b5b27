"""A redemption that a correction made names the one whose keys it took over; both receipts say so."""

from django.db import migrations, models

# The keeper owns the function, so that only dropping and making it anew is the owner's.
RENAME = """DO $do$
DECLARE whole text := pg_get_functiondef('{0}(uuid)'::regprocedure);
BEGIN
    DROP FUNCTION {0}(uuid);
    EXECUTE replace(whole, '{0}(', '{1}(');
END $do$;
CALL house_keep('{1}(uuid)');"""

FORWARD = """
""" + RENAME.format("redemption_facts", "redemption_facts_alone") + """
-- Everything that a receipt says, and whether a correction moved it: by reference only, never to whom or from whom.
CREATE FUNCTION redemption_facts(wanted uuid) RETURNS jsonb LANGUAGE sql STABLE AS $body$
    SELECT redemption_facts_alone(wanted) || jsonb_build_object(
        'corrects', (SELECT before.reference FROM redemption_redemption r
            JOIN redemption_redemption before ON before.id = r.corrects WHERE r.id = wanted),
        'corrected_to', (SELECT later.reference FROM redemption_redemption later WHERE later.corrects = wanted))
$body$;
CALL house_keep('redemption_facts(uuid)');
"""

BACKWARD = """
DROP FUNCTION redemption_facts(uuid);
""" + RENAME.format("redemption_facts_alone", "redemption_facts") + """
"""


class Migration(migrations.Migration):
    dependencies = [("redemption", "0004_links_and_ways_back")]
    operations = [
        migrations.AddField(
            model_name="redemption", name="corrects", field=models.UUIDField(null=True, unique=True)
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
