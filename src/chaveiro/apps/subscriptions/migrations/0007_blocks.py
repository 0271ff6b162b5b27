"""Blocks are put and lifted by the side that holds them; and the stage of a subscription, said once in SQL."""

from django.db import migrations

FORWARD = """
-- The twin of rules.lifecycle.stage_on: equal values, equal stage.
CREATE FUNCTION subscriptions_stage(on_day date, ends_on date, grace_days integer, erased_on date) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT CASE WHEN erased_on <= on_day THEN 'deleted' WHEN on_day < ends_on THEN 'active'
        WHEN on_day - ends_on < grace_days THEN 'grace' ELSE 'retained' END
$body$;

-- The side on which the caller puts and lifts; the command line on the machine acts for the vendor.
CREATE FUNCTION subscriptions_side() RETURNS text LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN 'operator' WHEN 'system' THEN 'operator' WHEN 'channel' THEN 'channel' END
$body$;

-- Whoever lives on a test clock has the block from its day on. The row is locked against an erasure at that moment.
CREATE FUNCTION subscriptions_put_block(fresh uuid, of_subscription uuid, of_kind text, why text, on_day date,
    instant timestamptz) RETURNS date LANGUAGE plpgsql AS $body$
DECLARE of_customer uuid; own_day date; side text := subscriptions_side();
BEGIN
    SELECT s.customer_id, coalesce((SELECT k.day FROM clocks_clock k WHERE k.id = s.clock_id), on_day)
    INTO of_customer, own_day FROM subscriptions_subscription s
    WHERE s.id = of_subscription AND s.erased_on IS NULL AND seen_subscription(s.customer_id, s.id) FOR SHARE OF s;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'not there' USING ERRCODE = 'CV004';
    END IF;
    -- A partner blocks what it redeemed itself, for what it is owed.
    IF side IS NULL OR (side = 'channel' AND (of_kind <> 'unpaid' OR NOT EXISTS (
        SELECT FROM customers_reach r WHERE r.customer_id = of_customer AND r.organisation_id = scope_organisation()
          AND r.kind = 'seller' AND r.ended_at IS NULL
          AND (r.subscription_id IS NULL OR r.subscription_id = of_subscription)))) THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = 'CV003';
    END IF;
    INSERT INTO subscriptions_block (id, customer_id, subscription_id, kind, holder, holder_id, reason, put_by, put_on,
        put_at)
    VALUES (fresh, of_customer, of_subscription, of_kind, side,
        CASE WHEN side = 'channel' THEN scope_organisation() END, why, scope_account(), own_day, instant);
    RETURN own_day;
END $body$;

-- Answers whether it stood and was the caller's own.
CREATE FUNCTION subscriptions_lift_block(wanted uuid, on_day date, instant timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $body$
BEGIN
    UPDATE subscriptions_block b SET lifted_by = scope_account(), lifted_at = instant,
        lifted_on = coalesce((SELECT k.day FROM customers_customer c JOIN clocks_clock k ON k.id = c.clock_id
            WHERE c.id = b.customer_id), on_day)
    WHERE b.id = wanted AND b.lifted_at IS NULL AND b.holder = subscriptions_side()
      AND (b.holder <> 'channel' OR b.holder_id = scope_organisation());
    RETURN FOUND;
END $body$;
CALL house_keep('subscriptions_put_block(uuid, uuid, text, text, date, timestamptz)',
    'subscriptions_lift_block(uuid, date, timestamptz)');
"""

BACKWARD = """
DROP FUNCTION subscriptions_lift_block(uuid, date, timestamptz);
DROP FUNCTION subscriptions_put_block(uuid, uuid, text, text, date, timestamptz);
DROP FUNCTION subscriptions_side();
DROP FUNCTION subscriptions_stage(date, date, integer, date);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0006_erase_on"),
        ("customers", "0009_on_a_clock"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
