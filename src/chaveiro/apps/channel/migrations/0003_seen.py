"""An organisation of the channel is seen by its own people and the operator: said a second time, apart from the wall."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_organisation(organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        ELSE organisation = scope_organisation() END
$body$;

CREATE FUNCTION seen_member(account uuid, organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'channel' THEN organisation = scope_organisation() OR account = scope_account()
        ELSE account = scope_account() END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_member(uuid, uuid);
DROP FUNCTION seen_organisation(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("channel", "0002_walls"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
