"""A draft is found again by a one-time link that is mailed, and by its own keys; holds last while it is used."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('redemption_draftlink');
CALL house_keeper('SELECT, UPDATE, DELETE', 'redemption_draftlink');
GRANT SELECT, INSERT ON redemption_draftlink TO {R}_web;
CREATE POLICY web_own ON redemption_draftlink TO {R}_web
    USING (draft_id = scope_draft()) WITH CHECK (draft_id = scope_draft());

-- The draft that a link leads to, and its resume code sealed under the link's own secret. Looking uses nothing up.
CREATE FUNCTION redemption_by_link(wanted bytea, instant timestamptz)
RETURNS TABLE (draft uuid, sealed bytea) LANGUAGE sql STABLE AS $body$
    SELECT l.draft_id, l.sealed_code FROM redemption_draftlink l
    WHERE l.digest = wanted AND l.used_at IS NULL AND l.expires_at > instant
$body$;
-- Uses a link up: of two at once one passes.
CREATE FUNCTION redemption_use_link(wanted bytea, instant timestamptz) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
    UPDATE redemption_draftlink SET used_at = instant
    WHERE digest = wanted AND used_at IS NULL AND expires_at > instant;
    RETURN FOUND;
END $body$;

-- What is told of drafts to whoever has their resume codes: one statement for all that a browser remembers.
CREATE FUNCTION redemption_drafts_of(digests bytea[])
RETURNS TABLE (draft uuid, digest bytea, state text, for_whom text, keys integer, ends_at timestamptz)
LANGUAGE sql STABLE AS $body$
    SELECT d.id, d.secret_digest, d.state, coalesce(nullif(d.form ->> 'target_name', ''), d.form ->> 'name', ''), (SELECT count(*)::integer FROM redemption_draftkey k
        WHERE k.draft_id = d.id AND k.position >= 0), d.ends_at
    FROM redemption_draft d WHERE d.secret_digest = ANY (digests) ORDER BY d.used_at DESC
$body$;

-- While a draft is used its holds last; answers when the first of them ends. Only for the draft in the caller's hand.
CREATE FUNCTION redemption_keep_alive(instant timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $body$
DECLARE ends timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM keys_hold h WHERE h.draft_id = scope_draft()) THEN RETURN NULL; END IF;
    UPDATE keys_hold h SET until = longer.until
    FROM (
        SELECT k.number, least(instant + make_interval(hours => (p.numbers ->> 'hold_hours')::integer),
            held.since + make_interval(days => (p.numbers ->> 'hold_days_at_most')::integer)) AS until
        FROM keys_hold held JOIN keys_key k ON k.number = held.key_id JOIN keys_batch b ON b.id = k.batch_id
        JOIN catalog_productversion v ON v.id = b.product_version_id JOIN catalog_policy p ON p.id = v.policy_id
        WHERE held.draft_id = scope_draft()
    ) AS longer
    WHERE h.key_id = longer.number AND h.draft_id = scope_draft() AND h.until > instant
      AND h.until < longer.until - interval '5 minutes';
    IF FOUND THEN UPDATE redemption_draft SET used_at = instant WHERE id = scope_draft(); END IF;
    SELECT min(h.until) INTO ends FROM keys_hold h WHERE h.draft_id = scope_draft() AND h.until > instant;
    RETURN ends;
END $body$;

-- Whether the caller, who has all keys of that draft in hand, may also read what was typed there: it was nobody's, or
-- the caller's own account's.
CREATE FUNCTION redemption_may_continue(draft uuid, numbers bigint[]) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT redemption_whole_draft(draft, numbers) AND EXISTS (SELECT FROM redemption_draft d
        WHERE d.id = draft AND d.state = 'open' AND (d.actor_id IS NULL OR d.actor_id = scope_account()))
$body$;
-- Goes on with another draft in the one in the caller's hand: what was typed there comes over, what was typed here
-- stays, and the other ends. Whose attestation stood there does not come over: each attests for themselves.
CREATE FUNCTION redemption_continue(other uuid, numbers bigint[]) RETURNS boolean LANGUAGE plpgsql AS $body$
DECLARE typed jsonb;
BEGIN
    PERFORM FROM redemption_draft WHERE id IN (other, scope_draft()) ORDER BY id FOR UPDATE;
    IF other = scope_draft() OR NOT redemption_may_continue(other, numbers) THEN RETURN false; END IF;
    SELECT form INTO typed FROM redemption_draft WHERE id = other;
    typed := typed - ARRAY(SELECT name FROM jsonb_object_keys(typed) AS name WHERE name LIKE 'attested%');
    UPDATE redemption_draft SET form = typed || form WHERE id = scope_draft() AND state = 'open';
    IF NOT FOUND THEN RETURN false; END IF;
    RETURN redemption_start_over(other, numbers);
END $body$;

-- The reseller that holds the stock of all keys of the draft in the caller's hand; nothing where they differ.
CREATE FUNCTION redemption_seller_of_keys()
RETURNS TABLE (name text, registration_number text) LANGUAGE sql STABLE AS $body$
    SELECT min(o.name), min(o.registration_number::text)
    FROM keys_hold h JOIN keys_key k ON k.number = h.key_id JOIN keys_batch b ON b.id = k.batch_id
    JOIN channel_organisation o ON o.id = b.holder_id
    WHERE h.draft_id = scope_draft()
    HAVING count(DISTINCT o.id) = 1 AND bool_and(o.kind = 'reseller' AND o.suspended_at IS NULL)
$body$;
CALL house_keep('redemption_by_link(bytea, timestamptz)', 'redemption_use_link(bytea, timestamptz)',
    'redemption_drafts_of(bytea[])', 'redemption_keep_alive(timestamptz)', 'redemption_may_continue(uuid, bigint[])',
    'redemption_continue(uuid, bigint[])', 'redemption_seller_of_keys()');
"""

BACKWARD = f"""
DROP FUNCTION redemption_seller_of_keys();
DROP FUNCTION redemption_continue(uuid, bigint[]);
DROP FUNCTION redemption_may_continue(uuid, bigint[]);
DROP FUNCTION redemption_keep_alive(timestamptz);
DROP FUNCTION redemption_drafts_of(bytea[]);
DROP FUNCTION redemption_use_link(bytea, timestamptz);
DROP FUNCTION redemption_by_link(bytea, timestamptz);
DROP POLICY house_system ON redemption_draftlink;
DROP POLICY house_check ON redemption_draftlink;
DROP POLICY house_keeper ON redemption_draftlink;
DROP POLICY web_own ON redemption_draftlink;
REVOKE ALL ON redemption_draftlink FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE redemption_draftlink NO FORCE ROW LEVEL SECURITY;
ALTER TABLE redemption_draftlink DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("redemption", "0003_drafts_before_keys"), ("catalog", "0002_walls"), ("channel", "0002_walls")]
    operations = [
        migrations.CreateModel(
            name="DraftLink",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("digest", models.BinaryField(unique=True)),
                ("sealed_code", models.BinaryField()),
                ("email", models.TextField()),
                ("language", models.TextField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "draft",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="redemption.draft"),
                ),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
