"""Services of the vendor, their secrets, and what people gave them by signing in.

Operators see and keep services; a person sees what they gave themselves. Who shows a code, a secret or a token is
looked up by the keeper's functions alone, each of which answers for the one who shows it.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('identity_service', 'identity_servicesecret', 'identity_grant');
CALL house_keeper('SELECT', 'identity_service', 'identity_servicesecret');
CALL house_keeper('SELECT, UPDATE', 'identity_grant');

GRANT SELECT, INSERT, UPDATE ON identity_service, identity_servicesecret TO {R}_web;
CREATE POLICY web_keeps ON identity_service TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');
CREATE POLICY web_keeps ON identity_servicesecret TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');
GRANT SELECT, INSERT ON identity_grant TO {R}_web;
CREATE POLICY web_own ON identity_grant TO {R}_web
    USING (account_id = scope_account()) WITH CHECK (account_id = scope_account());

-- What everybody may know of a service whose public name they have: pages send people there.
CREATE FUNCTION identity_service_named(wanted uuid)
RETURNS TABLE (id uuid, name text, confidential boolean, algorithm text, returns text[], leaves text[])
LANGUAGE sql STABLE AS $body$
    SELECT s.id, s.name, s.confidential, s.algorithm, s.returns, s.leaves
    FROM identity_service s WHERE s.id = wanted AND s.removed_at IS NULL
$body$;

-- Whether a service may show this secret.
CREATE FUNCTION identity_service_shows(wanted uuid, shown bytea, instant timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $body$
    SELECT EXISTS (SELECT FROM identity_servicesecret c WHERE c.digest = shown AND c.service_id = wanted
        AND c.kind = 'client' AND (c.expires_at IS NULL OR c.expires_at > instant))
$body$;

-- What a code stood for, once: of two at once exactly one is answered. Whoever shows it a second time ends what it
-- bought, for one of the two is a thief.
CREATE FUNCTION identity_take_code(shown bytea, of_service uuid, buys bytea, buys_until timestamptz,
    instant timestamptz)
RETURNS TABLE (account uuid, session uuid, kind text, organisation uuid, customer uuid, back text, scope text,
    nonce text, challenge text, signed_in_at timestamptz)
LANGUAGE plpgsql AS $body$
#variable_conflict use_column
DECLARE taken uuid;
BEGIN
    UPDATE identity_grant g SET taken_at = instant, access = buys, access_until = buys_until
    FROM identity_session s, identity_account a
    WHERE g.code = shown AND g.service_id = of_service AND g.taken_at IS NULL AND g.expires_at > instant
      AND s.id = g.session_id AND s.ended_at IS NULL AND a.id = g.account_id AND a.closed_at IS NULL
    RETURNING g.id INTO taken;
    IF taken IS NULL THEN
        UPDATE identity_grant g SET access_until = instant
        WHERE g.code = shown AND g.taken_at IS NOT NULL AND g.access_until > instant;
        RETURN;
    END IF;
    RETURN QUERY SELECT a.id, s.id, a.kind, a.organisation_id, a.customer_id, g.back, g.scope, g.nonce, g.challenge,
            greatest(s.started_at, s.confirmed_at)
        FROM identity_grant g JOIN identity_account a ON a.id = g.account_id JOIN identity_session s ON s.id = g.session_id
        WHERE g.id = taken;
END $body$;

-- Ends a token, for whoever has it in hand.
CREATE FUNCTION identity_withdraw(shown bytea, instant timestamptz) RETURNS void LANGUAGE sql AS $body$
    UPDATE identity_grant SET access_until = instant WHERE access = shown AND access_until > instant
$body$;

-- Who signed in to get this token, while it is good, and the sign-in that gave it stands.
CREATE FUNCTION identity_by_access(shown bytea, instant timestamptz)
RETURNS TABLE (service uuid, account uuid, session uuid, kind text, organisation uuid, customer uuid, back text,
    scope text, signed_in_at timestamptz)
LANGUAGE sql STABLE AS $body$
    SELECT g.service_id, a.id, s.id, a.kind, a.organisation_id, a.customer_id, g.back, g.scope,
        greatest(s.started_at, s.confirmed_at)
    FROM identity_grant g JOIN identity_account a ON a.id = g.account_id JOIN identity_session s ON s.id = g.session_id
        JOIN identity_service v ON v.id = g.service_id
    WHERE g.access = shown AND g.access_until > instant AND s.ended_at IS NULL AND a.closed_at IS NULL
      AND v.removed_at IS NULL
$body$;

CALL house_keep('identity_service_named(uuid)', 'identity_service_shows(uuid, bytea, timestamptz)',
    'identity_take_code(bytea, uuid, bytea, timestamptz, timestamptz)', 'identity_withdraw(bytea, timestamptz)',
    'identity_by_access(bytea, timestamptz)');
"""

BACKWARD = f"""
DROP FUNCTION identity_by_access(bytea, timestamptz);
DROP FUNCTION identity_withdraw(bytea, timestamptz);
DROP FUNCTION identity_take_code(bytea, uuid, bytea, timestamptz, timestamptz);
DROP FUNCTION identity_service_shows(uuid, bytea, timestamptz);
DROP FUNCTION identity_service_named(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0007_seen"),
    ]
    operations = [
        migrations.CreateModel(
            name="Service",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("confidential", models.BooleanField()),
                ("algorithm", models.TextField()),
                ("returns", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("leaves", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("created_at", models.DateTimeField()),
                ("removed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ServiceSecret",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("digest", models.BinaryField(unique=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("service", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="identity.service")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["client", "token"])), name="service_secret_is_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("code", models.BinaryField(unique=True)),
                ("back", models.TextField()),
                ("scope", models.TextField()),
                ("nonce", models.TextField(default="")),
                ("challenge", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("taken_at", models.DateTimeField(null=True)),
                ("access", models.BinaryField(null=True, unique=True)),
                ("access_until", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="identity.service"
                    ),
                ),
                ("session", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="identity.session")),
            ],
            options={"indexes": [models.Index(fields=["created_at"], name="grant_by_age")]},
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
