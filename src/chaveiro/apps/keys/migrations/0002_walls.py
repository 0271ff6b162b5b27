"""Keys are touched through the keeper's functions, by whoever has their text in hand; batches are the operator's and the holder's."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('keys_batch', 'keys_key', 'keys_hold', 'keys_export');
CALL house_keeper('SELECT', 'keys_batch');
CALL house_keeper('SELECT, UPDATE', 'keys_key');
CALL house_keeper('SELECT, INSERT, UPDATE, DELETE', 'keys_hold');

-- Serial numbers are taken in blocks, one a batch: they never overlap, whatever happens to the batch.
CREATE SEQUENCE keys_batch_number;
-- Eleven digits from the first on: a spreadsheet that drops leading zeros finds none.
CREATE SEQUENCE keys_serial_number START 10000000000;
GRANT USAGE ON SEQUENCE keys_batch_number, keys_serial_number TO {R}_web, {R}_system;
ALTER TABLE keys_batch ADD CONSTRAINT batch_ranges_are_apart
    EXCLUDE USING gist (int8range(first_number, first_number + quantity) WITH &&);

GRANT SELECT, INSERT, UPDATE ON keys_batch TO {R}_web;
GRANT SELECT, UPDATE ON keys_key TO {R}_web;
GRANT SELECT, DELETE ON keys_export, keys_hold TO {R}_web;
CREATE POLICY web_operates ON keys_batch TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');
CREATE POLICY web_holds ON keys_batch FOR SELECT TO {R}_web
    USING (scope_kind() = 'channel' AND holder_id = scope_organisation());
CREATE POLICY web_operates ON keys_key TO {R}_web
    USING ((SELECT scope_kind() = 'operator')) WITH CHECK (scope_kind() = 'operator');
CREATE POLICY web_operates ON keys_export TO {R}_web USING (scope_kind() = 'operator');
CREATE POLICY web_operates ON keys_hold TO {R}_web USING ((SELECT scope_kind() = 'operator'));

-- A key's path (K2): minted -> released -> redeemed -> released (reversal only); revoked from any but redeemed.
CREATE FUNCTION keys_follow_their_path() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (('minted', 'released'), ('released', 'redeemed'), ('redeemed', 'released'),
                                      ('minted', 'revoked'), ('released', 'revoked')) THEN
        RAISE EXCEPTION 'key % does not go from % to %', OLD.number, OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $body$;
CREATE TRIGGER path BEFORE UPDATE OF state ON keys_key FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keys_follow_their_path();

-- What is known of the keys whose texts the caller has in hand: everything that a verdict needs, in one statement.
CREATE FUNCTION keys_find(digests bytea[], mine uuid, instant timestamptz)
RETURNS TABLE (digest bytea, number bigint, last_five text, state text, seats integer, months integer,
    countries text[], activate_before date, product bigint, product_code text, names jsonb, price_class text,
    maximum_seats integer, markets text[], policy bigint, policy_numbers jsonb,
    held_by uuid, held_until timestamptz, yours boolean, redeemed_at timestamptz)
LANGUAGE plpgsql STABLE AS $body$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT k.digest, k.number, k.last_five::text, k.state, b.seats, b.months,
        b.countries::text[], b.activate_before, p.id, p.code, current.names, pinned.price_class,
        current.maximum_seats, current.markets::text[], current.policy_id, policy.numbers,
        h.draft_id, h.until,
        coalesce(k.customer_id = scope_customer() AND scope_kind() = 'customer', false),
        CASE WHEN k.customer_id = scope_customer() AND scope_kind() = 'customer' THEN k.redeemed_at END
    FROM keys_key k
    JOIN keys_batch b ON b.id = k.batch_id
    JOIN catalog_productversion pinned ON pinned.id = b.product_version_id
    JOIN catalog_product p ON p.id = pinned.product_id
    JOIN LATERAL (SELECT v.* FROM catalog_productversion v WHERE v.product_id = p.id ORDER BY v.number DESC LIMIT 1)
        AS current ON true
    JOIN catalog_policy policy ON policy.id = current.policy_id
    LEFT JOIN keys_hold h ON h.key_id = k.number AND h.until > instant AND h.draft_id IS DISTINCT FROM mine
    WHERE k.digest = ANY (digests);
END $body$;
-- One plan for all: planning its six tables anew costs more than running it. It goes by indexes from the first day on,
-- so that a plan made while a table was small does no harm when it has grown.
ALTER FUNCTION keys_find(bytea[], uuid, timestamptz) SET plan_cache_mode = 'force_generic_plan';
ALTER FUNCTION keys_find(bytea[], uuid, timestamptz) SET enable_seqscan = off;
ALTER FUNCTION keys_find(bytea[], uuid, timestamptz) SET enable_hashjoin = off;
ALTER FUNCTION keys_find(bytea[], uuid, timestamptz) SET enable_mergejoin = off;
ALTER FUNCTION keys_find(bytea[], uuid, timestamptz) SET enable_bitmapscan = off;
ALTER FUNCTION keys_find(bytea[], uuid, timestamptz) SET enable_memoize = off;

-- Sets keys aside for a draft, those that are for sale and in nobody else's live hold; answers which it got.
CREATE FUNCTION keys_hold_for(numbers bigint[], draft uuid, instant timestamptz, for_long interval, at_most interval)
RETURNS SETOF bigint LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM FROM keys_key WHERE number = ANY (numbers) ORDER BY number FOR UPDATE;
    RETURN QUERY
        INSERT INTO keys_hold AS h (key_id, draft_id, since, until)
        SELECT k.number, draft, instant, instant + for_long FROM keys_key k
        WHERE k.number = ANY (numbers) AND k.state = 'released'
        ON CONFLICT (key_id) DO UPDATE SET
            until = CASE WHEN h.draft_id = excluded.draft_id THEN least(excluded.until, h.since + at_most)
                ELSE excluded.until END,
            since = CASE WHEN h.draft_id = excluded.draft_id THEN h.since ELSE excluded.since END,
            draft_id = excluded.draft_id
        WHERE h.draft_id = excluded.draft_id OR h.until <= instant
        RETURNING h.key_id;
END $body$;

-- Lets a draft's keys go, but for some: what stays held keeps the day on which it was first held.
CREATE FUNCTION keys_let_go(draft uuid, but bigint[]) RETURNS integer LANGUAGE sql AS $body$
    WITH gone AS (DELETE FROM keys_hold WHERE draft_id = draft AND NOT key_id = ANY (but) RETURNING 1) SELECT count(*)::integer FROM gone
$body$;
CALL house_keep('keys_find(bytea[], uuid, timestamptz)', 'keys_hold_for(bigint[], uuid, timestamptz, interval, interval)',
    'keys_let_go(uuid, bigint[])');

-- Called inside other rooms' functions, with their rights. Compare-and-set: all of these keys, for sale and in no other
-- live hold, or none. In order of number, so that two overlapping baskets wait for each other and never for ever.
-- Answers how many.
CREATE FUNCTION keys_spend(lines jsonb, customer uuid, draft uuid, instant timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
DECLARE line jsonb; spent bigint[] := '{{}}';
BEGIN
    IF jsonb_array_length(lines) > 1 THEN
        lines := (SELECT jsonb_agg(one ORDER BY (one ->> 'number')::bigint) FROM jsonb_array_elements(lines) AS one);
    END IF;
    FOR place IN 0 .. jsonb_array_length(lines) - 1 LOOP
        line := lines -> place;
        UPDATE keys_key k SET state = 'redeemed', customer_id = customer, redeemed_at = instant
        FROM keys_batch b
        WHERE k.number = (line ->> 'number')::bigint AND k.state = 'released' AND b.id = k.batch_id
          AND b.seats = (line ->> 'seats')::integer AND b.months = (line ->> 'months')::integer;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a key changed' USING ERRCODE = 'CV001';
        END IF;
        spent := spent || (line ->> 'number')::bigint;
    END LOOP;
    -- The keys are locked: no hold of them begins from here on, so that what is not deleted is somebody else's.
    IF EXISTS (SELECT FROM keys_hold h WHERE h.key_id = ANY (spent)) THEN
        DELETE FROM keys_hold h
        WHERE h.key_id = ANY (spent) AND (h.until <= instant OR h.draft_id IS NOT DISTINCT FROM draft);
        IF EXISTS (SELECT FROM keys_hold h WHERE h.key_id = ANY (spent)) THEN
            RAISE EXCEPTION 'a key is held' USING ERRCODE = 'CV001';
        END IF;
    END IF;
    RETURN cardinality(spent);
END $body$;

CREATE FUNCTION keys_give_back(wanted bigint[]) RETURNS integer LANGUAGE sql AS $body$
    WITH back AS (
        UPDATE keys_key SET state = 'released', customer_id = NULL, redeemed_at = NULL
        WHERE number = ANY (wanted) AND state = 'redeemed' RETURNING 1)
    SELECT count(*)::integer FROM back
$body$;
"""

BACKWARD = f"""
DROP FUNCTION keys_give_back(bigint[]);
DROP FUNCTION keys_spend(jsonb, uuid, uuid, timestamptz);
DROP FUNCTION keys_let_go(uuid, bigint[]);
DROP FUNCTION keys_hold_for(bigint[], uuid, timestamptz, interval, interval);
DROP FUNCTION keys_find(bytea[], uuid, timestamptz);
DROP TRIGGER path ON keys_key;
DROP FUNCTION keys_follow_their_path();
ALTER TABLE keys_batch DROP CONSTRAINT batch_ranges_are_apart;
DROP SEQUENCE keys_serial_number;
DROP SEQUENCE keys_batch_number;
DROP POLICY house_system ON keys_batch;
DROP POLICY house_check ON keys_batch;
DROP POLICY house_keeper ON keys_batch;
DROP POLICY web_operates ON keys_batch;
DROP POLICY web_holds ON keys_batch;
REVOKE ALL ON keys_batch FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE keys_batch NO FORCE ROW LEVEL SECURITY;
ALTER TABLE keys_batch DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON keys_key;
DROP POLICY house_check ON keys_key;
DROP POLICY house_keeper ON keys_key;
DROP POLICY web_operates ON keys_key;
REVOKE ALL ON keys_key FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE keys_key NO FORCE ROW LEVEL SECURITY;
ALTER TABLE keys_key DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON keys_hold;
DROP POLICY house_check ON keys_hold;
DROP POLICY house_keeper ON keys_hold;
DROP POLICY web_operates ON keys_hold;
REVOKE ALL ON keys_hold FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE keys_hold NO FORCE ROW LEVEL SECURITY;
ALTER TABLE keys_hold DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON keys_export;
DROP POLICY house_check ON keys_export;
DROP POLICY web_operates ON keys_export;
REVOKE ALL ON keys_export FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE keys_export NO FORCE ROW LEVEL SECURITY;
ALTER TABLE keys_export DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0001_rows"),
        ("channel", "0002_walls"),
        ("catalog", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
