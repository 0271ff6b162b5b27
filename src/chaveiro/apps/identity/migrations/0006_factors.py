"""Second factors, passkeys, linked providers, changes of address, and the questions that browsers answer once.

Everything of an account is seen and changed by itself alone. A question is put to one browser: who answers shows the
question and the browser's own secret, and only the keeper's functions look it up.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

OWN = ("passkey", "onetimecodes", "recoverycode", "testimony", "addresschange")

OWN_WALLS = "".join(
    f"""
CALL house_wall('identity_{table}');
GRANT SELECT, INSERT, UPDATE, DELETE ON identity_{table} TO {R}_web;
CREATE POLICY web_own ON identity_{table} TO {R}_web
    USING (account_id = scope_account()) WITH CHECK (account_id = scope_account());
"""
    for table in OWN
)

FORWARD = f"""
{OWN_WALLS}
CALL house_wall('identity_challenge');
CALL house_keeper('SELECT, INSERT, UPDATE, DELETE', 'identity_challenge');
CALL house_keeper('SELECT', 'identity_passkey', 'identity_testimony');
GRANT UPDATE (email, given_name, family_name) ON identity_account TO {R}_web;

CREATE OR REPLACE FUNCTION identity_own_changes() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF current_user = '{R}_web' AND OLD.id IS DISTINCT FROM scope_account()
       AND (NEW.password, NEW.last_login, NEW.language, NEW.time_zone, NEW.owned_at, NEW.alternate_email, NEW.email,
            NEW.given_name, NEW.family_name)
           IS DISTINCT FROM
           (OLD.password, OLD.last_login, OLD.language, OLD.time_zone, OLD.owned_at, OLD.alternate_email, OLD.email,
            OLD.given_name, OLD.family_name) THEN
        RAISE EXCEPTION 'an account is changed by itself' USING ERRCODE = '42501';
    END IF;
    IF current_user = '{R}_web' AND OLD.id IS NOT DISTINCT FROM scope_account() AND scope_kind() <> 'operator'
       AND NEW.closed_at IS DISTINCT FROM OLD.closed_at THEN
        RAISE EXCEPTION 'an account is closed by an operator' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $body$;

-- Puts a question to a browser: about the account of the scope, or about nobody yet. Old ones go on the way.
CREATE FUNCTION identity_ask(question uuid, of_browser bytea, wanted text, of_account uuid, known jsonb,
    instant timestamptz, ends timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    IF of_account IS DISTINCT FROM scope_account() AND of_account IS NOT NULL THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = '42501';
    END IF;
    DELETE FROM identity_challenge WHERE id IN (
        SELECT c.id FROM identity_challenge c WHERE c.expires_at < instant ORDER BY c.expires_at LIMIT 20
        FOR UPDATE SKIP LOCKED
    );
    INSERT INTO identity_challenge (id, browser, purpose, account_id, facts, tries, created_at, expires_at)
    VALUES (question, of_browser, wanted, of_account, known, 0, instant, ends);
END $body$;

-- What a question was about, for the browser that it was put to; looking does not use it up.
CREATE FUNCTION identity_look(question uuid, of_browser bytea, wanted text, instant timestamptz)
RETURNS TABLE (facts jsonb, account uuid, kind text, organisation uuid, customer uuid, language text)
LANGUAGE sql STABLE AS $body$
    SELECT c.facts, a.id, a.kind, a.organisation_id, a.customer_id, a.language
    FROM identity_challenge c LEFT JOIN identity_account a ON a.id = c.account_id
    WHERE c.id = question AND c.browser = of_browser AND c.purpose = wanted AND c.expires_at > instant
      AND (c.account_id IS NULL OR a.closed_at IS NULL)
$body$;

-- The same, and uses it up: of two at once exactly one is answered.
CREATE FUNCTION identity_take(question uuid, of_browser bytea, wanted text, instant timestamptz)
RETURNS TABLE (facts jsonb, account uuid, kind text, organisation uuid, customer uuid, language text)
LANGUAGE sql AS $body$
    WITH taken AS (
        DELETE FROM identity_challenge c
        WHERE c.id = question AND c.browser = of_browser AND c.purpose = wanted AND c.expires_at > instant
        RETURNING c.facts, c.account_id
    )
    SELECT t.facts, a.id, a.kind, a.organisation_id, a.customer_id, a.language
    FROM taken t LEFT JOIN identity_account a ON a.id = t.account_id
    WHERE t.account_id IS NULL OR a.closed_at IS NULL
$body$;

-- Counts one try at a question; false when it has had its tries.
CREATE FUNCTION identity_try(question uuid, of_browser bytea, wanted text, most integer, instant timestamptz)
RETURNS boolean LANGUAGE sql AS $body$
    WITH counted AS (
        UPDATE identity_challenge c SET tries = c.tries + 1
        WHERE c.id = question AND c.browser = of_browser AND c.purpose = wanted AND c.expires_at > instant
          AND c.tries < most
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM counted)
$body$;

-- Whose passkey this is; whether its signature holds is found out in that account's own scope.
CREATE FUNCTION identity_by_credential(wanted bytea)
RETURNS TABLE (account uuid, kind text, organisation uuid, customer uuid, language text)
LANGUAGE sql STABLE AS $body$
    SELECT a.id, a.kind, a.organisation_id, a.customer_id, a.language
    FROM identity_passkey p JOIN identity_account a ON a.id = p.account_id
    WHERE p.credential_id = wanted AND a.closed_at IS NULL
$body$;

-- Whom a provider's verified statement leads to: every open account that was linked to it.
CREATE FUNCTION identity_by_testimony(of_issuer text, of_subject text, most integer)
RETURNS TABLE (account uuid, kind text, organisation uuid, customer uuid, language text)
LANGUAGE sql STABLE AS $body$
    SELECT a.id, a.kind, a.organisation_id, a.customer_id, a.language
    FROM identity_testimony v JOIN identity_account a ON a.id = v.account_id
    WHERE v.issuer = of_issuer AND v.subject = of_subject AND a.closed_at IS NULL
    ORDER BY v.created_at, a.id LIMIT most
$body$;

CALL house_keep('identity_ask(uuid, bytea, text, uuid, jsonb, timestamptz, timestamptz)',
    'identity_look(uuid, bytea, text, timestamptz)', 'identity_take(uuid, bytea, text, timestamptz)',
    'identity_try(uuid, bytea, text, integer, timestamptz)', 'identity_by_credential(bytea)',
    'identity_by_testimony(text, text, integer)');
"""

BACKWARD = f"""
DROP FUNCTION identity_by_testimony(text, text, integer);
DROP FUNCTION identity_by_credential(bytea);
DROP FUNCTION identity_try(uuid, bytea, text, integer, timestamptz);
DROP FUNCTION identity_take(uuid, bytea, text, timestamptz);
DROP FUNCTION identity_look(uuid, bytea, text, timestamptz);
DROP FUNCTION identity_ask(uuid, bytea, text, uuid, jsonb, timestamptz, timestamptz);
REVOKE UPDATE (email, given_name, family_name) ON identity_account FROM {R}_web;
CREATE OR REPLACE FUNCTION identity_own_changes() RETURNS trigger LANGUAGE plpgsql AS $body$
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
"""


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0005_sessions'),
    ]

    operations = [
        migrations.CreateModel(
            name='AddressChange',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('which', models.TextField()),
                ('address', models.TextField()),
                ('previous', models.TextField()),
                ('link', models.BinaryField(null=True)),
                ('created_at', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
                ('confirmed', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='Challenge',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('browser', models.BinaryField()),
                ('purpose', models.TextField()),
                ('facts', models.JSONField(default=dict)),
                ('tries', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='OneTimeCodes',
            fields=[
                ('account', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, serialize=False, to=settings.AUTH_USER_MODEL)),
                ('sealed', models.BinaryField()),
                ('last_step', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Passkey',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('credential_id', models.BinaryField(unique=True)),
                ('public_key', models.BinaryField()),
                ('sign_count', models.BigIntegerField()),
                ('synced', models.BooleanField()),
                ('transports', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('created_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('digest', models.BinaryField(unique=True)),
                ('created_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Testimony',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('provider', models.TextField()),
                ('issuer', models.TextField()),
                ('subject', models.TextField()),
                ('label', models.TextField(default='')),
                ('created_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='link',
            name='link_purpose_is_known',
        ),
        migrations.AddConstraint(
            model_name='link',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['sign_in', 'ownership', 'reset', 'address'])), name='link_purpose_is_known'),
        ),
        migrations.AddField(
            model_name='addresschange',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='challenge',
            name='account',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='passkey',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='recoverycode',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='testimony',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='addresschange',
            constraint=models.CheckConstraint(condition=models.Q(('which__in', ['email', 'alternate_email'])), name='address_is_one_of_two'),
        ),
        migrations.AddConstraint(
            model_name='addresschange',
            constraint=models.UniqueConstraint(condition=models.Q(('settled_at__isnull', True)), fields=('account',), name='one_address_changes_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='challenge',
            index=models.Index(fields=['expires_at'], name='challenge_by_end'),
        ),
        migrations.AddConstraint(
            model_name='testimony',
            constraint=models.UniqueConstraint(fields=('issuer', 'subject', 'account'), name='testimony_is_linked_once'),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
