"""Sessions: each sign-in of an account at a browser is a row, and several accounts may be signed in at one browser.

Whoever shows a browser's secret learns who is signed in there (customers.0004_at_browser). An account sees and ends its
own sessions, wherever they are; it never sees who else is signed in at those browsers.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('identity_session');
CALL house_keeper('SELECT, INSERT, UPDATE', 'identity_session');
GRANT SELECT ON identity_session TO {R}_web;
GRANT UPDATE (seen_at, ends_at, confirmed_at, ended_at, forgotten) ON identity_session TO {R}_web;
CREATE POLICY web_reads ON identity_session FOR SELECT TO {R}_web USING (account_id = scope_account());
CREATE POLICY web_changes ON identity_session FOR UPDATE TO {R}_web
    USING (account_id = scope_account()) WITH CHECK (account_id = scope_account());

-- The account of the scope is signed in at a browser that may have had another secret until now: whoever else is signed
-- in there moves along, so that a secret planted before says nothing after. Beyond `most`, the longest unused one ends.
CREATE FUNCTION identity_start_session(begun jsonb, secret bytea, was bytea, most integer, instant timestamptz)
RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    IF scope_account() IS NULL OR NOT EXISTS (
        SELECT FROM identity_account a WHERE a.id = scope_account() AND a.closed_at IS NULL
    ) THEN
        RAISE EXCEPTION 'nobody to sign in' USING ERRCODE = '42501';
    END IF;
    UPDATE identity_session SET ended_at = coalesce(ended_at, instant), forgotten = true
    WHERE browser = was AND account_id = scope_account() AND NOT forgotten;
    UPDATE identity_session SET browser = secret WHERE browser = was AND NOT forgotten;
    UPDATE identity_session SET ended_at = coalesce(ended_at, instant), forgotten = true WHERE id IN (
        SELECT s.id FROM identity_session s WHERE s.browser = secret AND NOT s.forgotten
        ORDER BY s.seen_at DESC, s.id OFFSET most - 1
    );
    INSERT INTO identity_session (id, account_id, browser, how, agent, network, started_at, seen_at, ends_at,
        confirmed_at, forgotten)
    VALUES ((begun ->> 'id')::uuid, scope_account(), secret, begun ->> 'how', begun ->> 'agent', begun ->> 'network',
        instant, instant, (begun ->> 'ends_at')::timestamptz,
        CASE WHEN (begun ->> 'confirmed')::boolean THEN instant END, false);
END $body$;

-- Ended sessions leave a browser's list. Live ones are ended by their own account.
CREATE FUNCTION identity_forget_ended(secret bytea, of_account uuid, instant timestamptz)
RETURNS void LANGUAGE sql AS $body$
    UPDATE identity_session SET forgotten = true, ended_at = coalesce(ended_at, ends_at)
    WHERE browser = secret AND NOT forgotten AND (of_account IS NULL OR account_id = of_account)
      AND (ended_at IS NOT NULL OR ends_at <= instant)
$body$;

-- Whom a name leads to: the account that signs in with it first, then those that have it as e-mail address.
CREATE FUNCTION identity_by_name(wanted text, most integer)
RETURNS TABLE (account uuid, kind text, organisation uuid, customer uuid, language text)
LANGUAGE sql STABLE AS $body$
    SELECT found.id, found.kind, found.organisation_id, found.customer_id, found.language FROM (
        SELECT a.*, true AS exact FROM identity_account a WHERE a.login_name = wanted AND a.closed_at IS NULL
        UNION ALL
        SELECT a.*, false FROM identity_account a
        WHERE lower(a.email) = wanted AND a.login_name <> wanted AND a.closed_at IS NULL
    ) AS found
    -- Those that a password opens first: the others would only take their places.
    ORDER BY left(found.password, 1) = '!', found.exact DESC, found.created_at, found.id LIMIT most
$body$;

-- Somebody forgot a password. One row is written whoever it is: what was typed leads to accounts, or to none, and how
-- long it takes does not tell. The address itself is kept nowhere.
CREATE FUNCTION identity_ask_reset(wanted text, most integer, instant timestamptz) RETURNS void
LANGUAGE sql AS $body$
    SELECT notices_owe(jsonb_build_array(jsonb_build_object('kind', 'reset', 'facts', jsonb_build_object('accounts',
        coalesce((SELECT jsonb_agg(f.account) FROM identity_by_name(wanted, most) f), '[]'::jsonb)))), instant)
$body$;
CALL house_keep('identity_start_session(jsonb, bytea, bytea, integer, timestamptz)',
    'identity_forget_ended(bytea, uuid, timestamptz)', 'identity_by_name(text, integer)',
    'identity_ask_reset(text, integer, timestamptz)');

DROP FUNCTION identity_end_secrets(uuid, timestamptz);
CREATE FUNCTION identity_end_secrets(of_account uuid, instant timestamptz) RETURNS void
LANGUAGE plpgsql AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = '42501';
    END IF;
    UPDATE identity_token SET revoked_at = instant WHERE account_id = of_account AND revoked_at IS NULL;
    UPDATE identity_link SET used_at = instant WHERE account_id = of_account AND used_at IS NULL;
    UPDATE identity_session SET ended_at = coalesce(ended_at, instant), forgotten = true
    WHERE account_id = of_account AND NOT forgotten;
END $body$;
CALL house_keep('identity_end_secrets(uuid, timestamptz)');
"""

BACKWARD = f"""
DROP FUNCTION identity_end_secrets(uuid, timestamptz);
CREATE FUNCTION identity_end_secrets(of_account uuid, instant timestamptz) RETURNS void
LANGUAGE plpgsql AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = '42501';
    END IF;
    UPDATE identity_token SET revoked_at = instant WHERE account_id = of_account AND revoked_at IS NULL;
    UPDATE identity_link SET used_at = instant WHERE account_id = of_account AND used_at IS NULL;
END $body$;
CALL house_keep('identity_end_secrets(uuid, timestamptz)');
DROP FUNCTION identity_ask_reset(text, integer, timestamptz);
DROP FUNCTION identity_by_name(text, integer);
DROP FUNCTION identity_forget_ended(bytea, uuid, timestamptz);
DROP FUNCTION identity_start_session(jsonb, bytea, bytea, integer, timestamptz);
DROP POLICY web_changes ON identity_session;
DROP POLICY web_reads ON identity_session;
DROP POLICY house_keeper ON identity_session;
DROP POLICY house_check ON identity_session;
DROP POLICY house_system ON identity_session;
REVOKE ALL ON identity_session FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE identity_session NO FORCE ROW LEVEL SECURITY;
ALTER TABLE identity_session DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("identity", "0004_by_name"), ("notices", "0002_walls")]
    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("browser", models.BinaryField()),
                ("how", models.TextField()),
                ("agent", models.TextField(default="")),
                ("network", models.TextField(default="")),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("forgotten", models.BooleanField(default=False)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="identity.account"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "-started_at"], name="session_by_account"),
                    models.Index(fields=["ends_at"], name="session_by_end"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(how__in=["link", "password", "passkey", "oidc"]),
                        name="session_how_is_known",
                    ),
                    models.UniqueConstraint(
                        fields=["browser", "account"],
                        condition=models.Q(forgotten=False),
                        name="session_is_one_at_its_browser",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(model_name="link", name="link_purpose_is_known"),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(
                condition=models.Q(purpose__in=["sign_in", "ownership", "reset"]), name="link_purpose_is_known"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
