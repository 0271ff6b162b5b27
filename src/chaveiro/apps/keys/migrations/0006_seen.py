"""A batch is seen by its holder and the operator: said a second time, apart from the wall."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_batch(holder uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'channel' THEN holder = scope_organisation()
        ELSE false END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_batch(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0005_cards_and_recalls"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
