"""Accounts are seen by themselves, their organisation and the operator; secrets are looked up by the keeper."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('identity_account', 'identity_token', 'identity_link');
CALL house_keeper('SELECT, INSERT, UPDATE', 'identity_account', 'identity_token', 'identity_link');

GRANT SELECT ON identity_account TO {R}_web;
GRANT UPDATE (password, last_login, language, time_zone, owned_at, alternate_email) ON identity_account TO {R}_web;
CREATE POLICY web_reads ON identity_account FOR SELECT TO {R}_web USING (
    id = (SELECT scope_account()) OR (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation()))
);
CREATE POLICY web_changes ON identity_account FOR UPDATE TO {R}_web USING (id = (SELECT scope_account()));

GRANT SELECT, INSERT, UPDATE ON identity_token TO {R}_web;
CREATE POLICY web_own ON identity_token TO {R}_web
    USING (account_id = scope_account()) WITH CHECK (account_id = scope_account());

-- Whose token this is, while it is good; nothing otherwise.
CREATE FUNCTION identity_by_token(token_digest bytea, instant timestamptz)
RETURNS TABLE (token uuid, account uuid, kind text, organisation uuid, customer uuid, scopes text[], language text)
LANGUAGE sql STABLE AS $body$
    SELECT t.id, a.id, a.kind, a.organisation_id, a.customer_id, t.scopes, a.language
    FROM identity_token t JOIN identity_account a ON a.id = t.account_id
    WHERE t.digest = token_digest AND t.revoked_at IS NULL AND a.closed_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > instant)
$body$;

-- Whom a one-time link leads to, while it is good; looking does not use it up.
CREATE FUNCTION identity_by_link(link_digest bytea, wanted text, instant timestamptz)
RETURNS TABLE (account uuid, kind text, organisation uuid, customer uuid, language text)
LANGUAGE sql STABLE AS $body$
    SELECT a.id, a.kind, a.organisation_id, a.customer_id, a.language
    FROM identity_link l JOIN identity_account a ON a.id = l.account_id
    WHERE l.digest = link_digest AND l.purpose = wanted AND l.used_at IS NULL AND l.expires_at > instant
      AND a.closed_at IS NULL
$body$;

-- Uses a link up: of two at once exactly one is answered.
CREATE FUNCTION identity_use_link(link_digest bytea, wanted text, instant timestamptz)
RETURNS uuid LANGUAGE sql AS $body$
    UPDATE identity_link SET used_at = instant
    WHERE digest = link_digest AND purpose = wanted AND used_at IS NULL AND expires_at > instant
    RETURNING account_id
$body$;
CALL house_keep('identity_by_token(bytea, timestamptz)', 'identity_by_link(bytea, text, timestamptz)',
    'identity_use_link(bytea, text, timestamptz)');

-- Called inside other rooms' functions, with their rights; answers how many rows it wrote.
CREATE FUNCTION identity_open_account(account jsonb, instant timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO identity_account (id, password, login_name, kind, customer_id, email, alternate_email, given_name,
        family_name, language, time_zone, created_at)
    VALUES ((account ->> 'id')::uuid, '!', account ->> 'login_name', 'customer', (account ->> 'customer')::uuid,
        account ->> 'email', account ->> 'alternate_email', account ->> 'given_name', account ->> 'family_name',
        account ->> 'language', account ->> 'time_zone', instant);
    RETURN 1;
END $body$;

CALL house_framework('SELECT, INSERT, UPDATE, DELETE', 'django_session');
CALL house_framework('SELECT', 'django_content_type', 'auth_permission', 'auth_group', 'auth_group_permissions',
    'django_migrations');
"""

BACKWARD = f"""
DROP FUNCTION identity_open_account(jsonb, timestamptz);
DROP FUNCTION identity_use_link(bytea, text, timestamptz);
DROP FUNCTION identity_by_link(bytea, text, timestamptz);
DROP FUNCTION identity_by_token(bytea, timestamptz);
DROP POLICY house_system ON identity_account;
DROP POLICY house_check ON identity_account;
DROP POLICY house_keeper ON identity_account;
DROP POLICY web_reads ON identity_account;
DROP POLICY web_changes ON identity_account;
REVOKE ALL ON identity_account FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE identity_account NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity_account DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON identity_token;
DROP POLICY house_check ON identity_token;
DROP POLICY house_keeper ON identity_token;
DROP POLICY web_own ON identity_token;
REVOKE ALL ON identity_token FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE identity_token NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity_token DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON identity_link;
DROP POLICY house_check ON identity_link;
DROP POLICY house_keeper ON identity_link;
REVOKE ALL ON identity_link FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE identity_link NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity_link DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0001_rows"),
        ("journal", "0001_house"),
        ("sessions", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
