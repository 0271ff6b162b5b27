"""An account is seen by itself, by its own side, and by the operator: said a second time, apart from the wall."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION seen_account(account uuid, customer uuid, organisation uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer() OR account = scope_account()
        WHEN 'channel' THEN organisation = scope_organisation() OR account = scope_account()
        ELSE false END
$body$;
"""

BACKWARD = """
DROP FUNCTION seen_account(uuid, uuid, uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0006_factors"),
        ("journal", "0005_seen"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
