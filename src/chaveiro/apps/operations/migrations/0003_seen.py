"""Long work is seen by who began it, and by the operator: said a second time, apart from the wall."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_operation(actor uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        ELSE actor = scope_account() END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_operation(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0002_walls"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
