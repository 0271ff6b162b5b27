"""An operator opens and closes accounts of the vendor and the channel at a page; customers' accounts open by redemption."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
GRANT INSERT ON identity_account TO {R}_web;
GRANT UPDATE (closed_at) ON identity_account TO {R}_web;
CREATE POLICY web_opens ON identity_account FOR INSERT TO {R}_web
    WITH CHECK (scope_kind() = 'operator' AND kind IN ('operator', 'channel'));
CREATE POLICY web_closes ON identity_account FOR UPDATE TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');
-- An operator's page must not change anybody's password or addresses: only the account itself does.
CREATE FUNCTION identity_own_changes() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF current_user = '{R}_web' AND OLD.id IS DISTINCT FROM scope_account()
       AND (NEW.password, NEW.last_login, NEW.language, NEW.time_zone, NEW.owned_at, NEW.alternate_email)
           IS DISTINCT FROM
           (OLD.password, OLD.last_login, OLD.language, OLD.time_zone, OLD.owned_at, OLD.alternate_email) THEN
        RAISE EXCEPTION 'an account is changed by itself' USING ERRCODE = '42501';
    END IF;
    IF current_user = '{R}_web' AND OLD.id IS NOT DISTINCT FROM scope_account() AND scope_kind() <> 'operator'
       AND NEW.closed_at IS DISTINCT FROM OLD.closed_at THEN
        RAISE EXCEPTION 'an account is closed by an operator' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $body$;
CREATE TRIGGER account_changes BEFORE UPDATE ON identity_account
    FOR EACH ROW EXECUTE FUNCTION identity_own_changes();

-- Closing an account ends its tokens and links at once; `web` sees only its own, so the keeper does it.
CREATE FUNCTION identity_end_secrets(of_account uuid, instant timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = '42501';
    END IF;
    UPDATE identity_token SET revoked_at = instant WHERE account_id = of_account AND revoked_at IS NULL;
    UPDATE identity_link SET used_at = instant WHERE account_id = of_account AND used_at IS NULL;
END $body$;
CALL house_keep('identity_end_secrets(uuid, timestamptz)');
"""

BACKWARD = f"""
DROP FUNCTION identity_end_secrets(uuid, timestamptz);
DROP TRIGGER account_changes ON identity_account;
DROP FUNCTION identity_own_changes();
DROP POLICY web_closes ON identity_account;
DROP POLICY web_opens ON identity_account;
REVOKE UPDATE (closed_at) ON identity_account FROM {R}_web;
REVOKE INSERT ON identity_account FROM {R}_web;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
