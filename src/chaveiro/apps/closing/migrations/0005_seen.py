"""A correction is seen by the organisation that proposed it and the operator: said a second time."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_correction(organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'channel' THEN organisation = scope_organisation()
        ELSE false END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_correction(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0004_desk"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
