"""What stock may never be: outside its batch, renumbered, without its pepper; and how its holder looks at it."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('keys_pepper');
REVOKE UPDATE, DELETE ON keys_pepper FROM {R}_system;
GRANT SELECT ON keys_pepper TO {R}_web;
CREATE POLICY web_reads ON keys_pepper FOR SELECT TO {R}_web USING (scope_kind() <> '');

-- A block of serial numbers, its first one answered. Blocks never overlap; one that is not used leaves a gap.
CREATE FUNCTION keys_reserve(quantity bigint) RETURNS bigint LANGUAGE plpgsql AS $body$
DECLARE beginning bigint;
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') OR quantity NOT BETWEEN 1 AND 1000000 THEN
        RAISE EXCEPTION 'not a block of serials' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('chaveiro serial numbers'));
    beginning := nextval('keys_serial_number');
    PERFORM setval('keys_serial_number', beginning + quantity - 1);
    RETURN beginning;
END $body$;
GRANT USAGE, UPDATE ON SEQUENCE keys_serial_number TO {R}_keeper;
REVOKE USAGE ON SEQUENCE keys_serial_number FROM {R}_web, {R}_system;

-- Every key has a batch, and a number in that batch's range. One look for a whole chunk: a foreign key would look for
-- each row anew, and know nothing of ranges.
CREATE FUNCTION keys_stand_in_their_batch() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT batch_id, min(number) AS least, max(number) AS greatest FROM fresh GROUP BY batch_id) AS f
        LEFT JOIN keys_batch b ON b.id = f.batch_id
            AND f.least >= b.first_number AND f.greatest < b.first_number + b.quantity
        WHERE b.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a key stands outside its batch' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $body$;
CREATE TRIGGER stands_in_its_batch AFTER INSERT ON keys_key REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION keys_stand_in_their_batch();

CREATE FUNCTION keys_keep_what_was_sold() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'a % keeps its numbers and what it carries', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $body$;
CREATE TRIGGER keeps_its_number BEFORE UPDATE OF number, batch_id, digest ON keys_key FOR EACH ROW
    WHEN (OLD.number <> NEW.number OR OLD.batch_id <> NEW.batch_id OR OLD.digest <> NEW.digest)
    EXECUTE FUNCTION keys_keep_what_was_sold();
CREATE TRIGGER keeps_what_it_carries
    BEFORE UPDATE OF id, number, first_number, quantity, product_version_id, seats, months ON keys_batch FOR EACH ROW
    WHEN ((OLD.id, OLD.number, OLD.first_number, OLD.quantity, OLD.product_version_id, OLD.seats, OLD.months)
        IS DISTINCT FROM
        (NEW.id, NEW.number, NEW.first_number, NEW.quantity, NEW.product_version_id, NEW.seats, NEW.months))
    EXECUTE FUNCTION keys_keep_what_was_sold();
CREATE TRIGGER stays BEFORE DELETE ON keys_batch FOR EACH ROW EXECUTE FUNCTION keys_keep_what_was_sold();

-- Who may look at a batch's keys: the house, the operator, and the organisation that holds them.
CREATE FUNCTION keys_may_look(holder uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT scope_kind() IN ('operator', 'system') OR (scope_kind() = 'channel' AND holder = scope_organisation())
$body$;

CREATE FUNCTION keys_counts(batches uuid[]) RETURNS TABLE (batch uuid, state text, amount bigint)
LANGUAGE sql STABLE AS $body$
    SELECT b.id, k.state, count(*)
    FROM keys_batch b
    JOIN keys_key k ON k.number >= b.first_number AND k.number < b.first_number + b.quantity
    WHERE b.id = ANY (batches) AND keys_may_look(b.holder_id)
    GROUP BY b.id, k.state
$body$;

-- Keys by serial number. Who redeemed them only the house and the operator see.
CREATE FUNCTION keys_look_up(numbers bigint[], instant timestamptz)
RETURNS TABLE (number bigint, state text, last_five text, batch uuid, kind text, product text, seats integer,
    months integer, countries text[], activate_before date, holder uuid, replaced_by bigint, redeemed_at timestamptz,
    customer uuid, held_until timestamptz)
LANGUAGE sql STABLE AS $body$
    SELECT k.number, k.state, k.last_five::text, b.id, b.kind, p.code, b.seats, b.months, b.countries::text[],
        b.activate_before, b.holder_id, k.replaced_by, k.redeemed_at,
        CASE WHEN scope_kind() IN ('operator', 'system') THEN k.customer_id END, h.until
    FROM keys_key k
    JOIN keys_batch b ON b.id = k.batch_id
    JOIN catalog_productversion v ON v.id = b.product_version_id
    JOIN catalog_product p ON p.id = v.product_id
    LEFT JOIN keys_hold h ON h.key_id = k.number AND h.until > instant
    WHERE k.number = ANY (numbers) AND keys_may_look(b.holder_id)
    ORDER BY k.number
$body$;

-- The newest numbers of keys that end in these five symbols.
CREATE FUNCTION keys_ending(ending text, at_most integer) RETURNS TABLE (number bigint) LANGUAGE sql STABLE AS $body$
    SELECT k.number FROM keys_key k JOIN keys_batch b ON b.id = k.batch_id
    WHERE k.last_five = ending AND keys_may_look(b.holder_id)
    ORDER BY k.number DESC LIMIT at_most
$body$;

-- Ends somebody's hold on a key; answers the draft that had it, nothing when there was none to break.
CREATE FUNCTION keys_break_hold(wanted bigint, instant timestamptz) RETURNS uuid LANGUAGE sql AS $body$
    DELETE FROM keys_hold h USING keys_key k, keys_batch b
    WHERE h.key_id = wanted AND h.until > instant AND k.number = h.key_id AND b.id = k.batch_id
      AND keys_may_look(b.holder_id)
    RETURNING h.draft_id
$body$;

-- Whether keys that can still be redeemed were digested under this version of the pepper.
CREATE FUNCTION keys_pepper_lives(asked smallint) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT EXISTS (SELECT FROM keys_key WHERE pepper = asked AND state IN ('minted', 'released'))
$body$;
CALL house_keep('keys_reserve(bigint)', 'keys_counts(uuid[])', 'keys_look_up(bigint[], timestamptz)',
    'keys_ending(text, integer)', 'keys_break_hold(bigint, timestamptz)', 'keys_pepper_lives(smallint)');
"""

BACKWARD = f"""
DROP FUNCTION keys_pepper_lives(smallint);
DROP FUNCTION keys_break_hold(bigint, timestamptz);
DROP FUNCTION keys_ending(text, integer);
DROP FUNCTION keys_look_up(bigint[], timestamptz);
DROP FUNCTION keys_counts(uuid[]);
DROP FUNCTION keys_may_look(uuid);
DROP TRIGGER stays ON keys_batch;
DROP TRIGGER keeps_what_it_carries ON keys_batch;
DROP TRIGGER keeps_its_number ON keys_key;
DROP FUNCTION keys_keep_what_was_sold();
DROP TRIGGER stands_in_its_batch ON keys_key;
DROP FUNCTION keys_stand_in_their_batch();
GRANT USAGE ON SEQUENCE keys_serial_number TO {R}_web, {R}_system;
REVOKE UPDATE ON SEQUENCE keys_serial_number FROM {R}_keeper;
DROP FUNCTION keys_reserve(bigint);
DROP POLICY house_system ON keys_pepper;
DROP POLICY house_check ON keys_pepper;
DROP POLICY web_reads ON keys_pepper;
REVOKE ALL ON keys_pepper FROM {R}_web, {R}_system, {R}_check;
ALTER TABLE keys_pepper NO FORCE ROW LEVEL SECURITY;
ALTER TABLE keys_pepper DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0003_stock"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
