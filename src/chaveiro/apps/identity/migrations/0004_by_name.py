"""Signing in with a password: which account a name belongs to. The password itself only the account's own scope reads."""

from django.db import migrations


FORWARD = """
CREATE FUNCTION identity_by_login_name(wanted text)
RETURNS TABLE (account uuid, kind text, organisation uuid, customer uuid, language text)
LANGUAGE sql STABLE AS $body$
    SELECT a.id, a.kind, a.organisation_id, a.customer_id, a.language
    FROM identity_account a WHERE a.login_name = wanted AND a.closed_at IS NULL
$body$;
CALL house_keep('identity_by_login_name(text)');
"""

BACKWARD = "DROP FUNCTION identity_by_login_name(text);"


class Migration(migrations.Migration):
    dependencies = [("identity", "0003_operators")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
