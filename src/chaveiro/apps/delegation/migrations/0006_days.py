"""Each subscription by its own day: of its customer's test clock, else the platform's. Customers go onto clocks."""

from django.db import migrations

STEPS = """
DROP FUNCTION delegation_steps(date);
DROP FUNCTION delegation_pipeline(date, text, text, date, uuid, integer);
CREATE FUNCTION delegation_pipeline(on_day date, in_bucket text, wanted text, after_end date, after_id uuid,
    at_most integer) RETURNS TABLE (subscription uuid) LANGUAGE plpgsql STABLE ROWS 50 AS $body$
DECLARE mine uuid := CASE WHEN scope_kind() = 'channel' THEN scope_organisation() END;
BEGIN
    RETURN QUERY
    SELECT s.id
    FROM subscriptions_subscription s
    JOIN catalog_policy policy ON policy.id = s.policy_id
    JOIN customers_customer c ON c.id = s.customer_id{table}
    WHERE s.closed_at IS NULL AND EXISTS (
        SELECT FROM customers_reach r WHERE r.organisation_id = mine AND r.customer_id = s.customer_id
        AND r.ended_at IS NULL AND (r.subscription_id IS NULL OR r.subscription_id = s.id))
      AND CASE WHEN in_bucket = '' THEN s.erased_on IS NULL ELSE in_bucket = delegation_bucket(
        {day}, s.ends_on, s.erased_on, (policy.numbers ->> 'grace_days')::integer) END
      AND (wanted = '' OR position(delegation_plain(wanted) IN delegation_plain(c.name)) > 0)
      AND (after_end IS NULL OR (s.ends_on, s.id) > (after_end, after_id))
    ORDER BY s.ends_on, s.id LIMIT at_most;
END $body$;

-- By bucket; the row without one is all together but what is deleted.
CREATE FUNCTION delegation_steps(on_day date) RETURNS TABLE (bucket text, subscriptions bigint, seats bigint,
    customers bigint) LANGUAGE plpgsql STABLE AS $body$
DECLARE mine uuid := CASE WHEN scope_kind() = 'channel' THEN scope_organisation() END;
BEGIN
    RETURN QUERY
    WITH own AS (
        SELECT s.customer_id, s.seats, delegation_bucket({day}, s.ends_on, s.erased_on,
            (policy.numbers ->> 'grace_days')::integer) AS stands
        FROM subscriptions_subscription s JOIN catalog_policy policy ON policy.id = s.policy_id{table}
        WHERE s.closed_at IS NULL AND EXISTS (
            SELECT FROM customers_reach r WHERE r.organisation_id = mine AND r.customer_id = s.customer_id
            AND r.ended_at IS NULL AND (r.subscription_id IS NULL OR r.subscription_id = s.id)))
    SELECT own.stands, count(*), sum(own.seats)::bigint, count(DISTINCT own.customer_id) FROM own GROUP BY own.stands
    UNION ALL
    SELECT NULL, count(*), coalesce(sum(own.seats), 0)::bigint, count(DISTINCT own.customer_id) FROM own
    WHERE own.stands <> 'deleted';
END $body$;
CALL house_keep('delegation_pipeline(date, text, text, date, uuid, integer)', 'delegation_steps(date)');
"""

ATTACH = """
-- A test customer goes onto a clock, with all that it has. Answers what stands against it (`not_test`, `goes_back`,
-- `full`, `ended`) or nothing, and the last day that the customer has lived: of its ledger, its notices, its clock, and
-- by the platform's days, which it leaves, the platform's own.
CREATE FUNCTION delegation_attach(of_customer uuid, onto uuid, platform_day date, at_most integer)
RETURNS TABLE (against text, lived date) LANGUAGE plpgsql AS $body$
DECLARE
    who customers_customer;
    target clocks_clock;
    last_day date;
BEGIN
    IF scope_kind() NOT IN ('operator', 'system', 'channel') OR NOT seen_customer(of_customer) THEN
        RAISE EXCEPTION 'not there' USING ERRCODE = 'CV004';
    END IF;
    SELECT * INTO target FROM clocks_clock k WHERE k.id = onto AND seen_clock(k.organisation_id) FOR SHARE;
    IF NOT FOUND THEN RAISE EXCEPTION 'not there' USING ERRCODE = 'CV004'; END IF;
    SELECT * INTO who FROM customers_customer c WHERE c.id = of_customer AND c.closed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN RAISE EXCEPTION 'not there' USING ERRCODE = 'CV004'; END IF;
    last_day := greatest(
        (SELECT max(l.day) FROM subscriptions_ledgerrow l WHERE l.customer_id = of_customer),
        (SELECT max(n.written_on) FROM notices_notice n WHERE n.customer_id = of_customer),
        (SELECT k.day FROM clocks_clock k WHERE k.id = who.clock_id));
    IF who.clock_id IS NULL AND EXISTS (
        SELECT FROM subscriptions_subscription s WHERE s.customer_id = of_customer) THEN
        last_day := greatest(last_day, platform_day);
    END IF;
    IF NOT who.is_test THEN RETURN QUERY SELECT 'not_test', last_day; RETURN; END IF;
    IF target.ended_at IS NOT NULL THEN RETURN QUERY SELECT 'ended', last_day; RETURN; END IF;
    IF target.day < last_day THEN RETURN QUERY SELECT 'goes_back', last_day; RETURN; END IF;
    IF (SELECT count(*) FROM customers_customer c WHERE c.clock_id = onto AND c.id <> of_customer) >= at_most THEN
        RETURN QUERY SELECT 'full', last_day; RETURN;
    END IF;
    UPDATE customers_customer SET clock_id = onto WHERE id = of_customer;
    UPDATE subscriptions_subscription SET clock_id = onto WHERE customer_id = of_customer;
    RETURN QUERY SELECT NULL::text, last_day;
END $body$;
CALL house_keep('delegation_attach(uuid, uuid, date, integer)');
"""

DIARY = """
-- What happened on the days of a clock: rows of ledgers, changes of stage, notices with what became of them, erasures.
-- For whoever sees the clock; of a notice it tells how many addresses, and of nobody who.
CREATE FUNCTION delegation_diary(of_clock uuid, first_day date, before_day date, at_most integer)
RETURNS TABLE (day date, place integer, what text, customer uuid, customer_name text, subscription uuid, names jsonb,
    facts jsonb) LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF NOT EXISTS (SELECT FROM clocks_clock k WHERE k.id = of_clock AND seen_clock(k.organisation_id)) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH own AS (
        SELECT s.id, s.customer_id, c.name, k.day AS today, s.erased_on,
            (SELECT v.names FROM catalog_productversion v WHERE v.product_id = s.product_id
             ORDER BY v.number DESC LIMIT 1) AS names
        FROM subscriptions_subscription s JOIN customers_customer c ON c.id = s.customer_id
        JOIN clocks_clock k ON k.id = s.clock_id WHERE s.clock_id = of_clock),
    terms AS (
        SELECT o.*, l.number, l.kind, l.day AS acted_on, l.seats_after, l.ends_after,
            l.ends_after + coalesce((p.numbers ->> 'grace_days')::integer, 30) AS stops_on,
            lead(l.day) OVER (PARTITION BY l.subscription_id ORDER BY l.number) AS until
        FROM own o JOIN subscriptions_ledgerrow l ON l.customer_id = o.customer_id AND l.subscription_id = o.id
        JOIN catalog_policy p ON p.id = l.policy_id),
    said AS (
        SELECT n.subscription_id, n.kind, n.written_on, count(*) AS addresses,
            count(*) FILTER (WHERE n.state = 'accepted') AS accepted,
            count(*) FILTER (WHERE n.state = 'bounced') AS bounced,
            count(*) FILTER (WHERE n.state = 'owed') AS owed,
            count(*) FILTER (WHERE n.state = 'dropped') AS dropped
        FROM notices_notice n JOIN own o ON o.customer_id = n.customer_id AND o.id = n.subscription_id
        WHERE n.state <> 'superseded'
        GROUP BY n.subscription_id, n.kind, n.written_on),
    lines AS (
        SELECT t.ends_after AS on_day, 1 AS at, 'grace' AS act, t.id, '{}'::jsonb AS told FROM terms t
        WHERE t.ends_after <= least(t.today, coalesce(t.until, t.today)) AND t.acted_on < t.ends_after
          AND (t.erased_on IS NULL OR t.ends_after < t.erased_on)
        UNION ALL
        SELECT t.stops_on, 1, 'retained', t.id, '{}' FROM terms t
        WHERE t.stops_on <= least(t.today, coalesce(t.until, t.today)) AND t.acted_on < t.ends_after
          AND (t.erased_on IS NULL OR t.stops_on < t.erased_on)
        UNION ALL
        SELECT o.erased_on, 2, 'erased', o.id, '{}' FROM own o WHERE o.erased_on <= o.today
        UNION ALL
        SELECT w.written_on, 3, 'notice:' || w.kind, w.subscription_id, jsonb_build_object('addresses', w.addresses,
            'accepted', w.accepted, 'bounced', w.bounced, 'owed', w.owed, 'dropped', w.dropped) FROM said w
        UNION ALL
        SELECT t.acted_on, 3 + t.number, 'ledger:' || t.kind, t.id,
            jsonb_build_object('seats', t.seats_after, 'ends_on', t.ends_after) FROM terms t)
    SELECT x.on_day, x.at, x.act, o.customer_id, o.name, o.id, o.names, x.told
    FROM lines x JOIN own o ON o.id = x.id
    WHERE x.on_day >= first_day AND x.on_day < before_day
    ORDER BY x.on_day DESC, x.at DESC, o.name, x.act LIMIT at_most;
END $body$;
CALL house_keep('delegation_diary(uuid, date, date, integer)');
"""

OWN = STEPS.format(table="\n    LEFT JOIN clocks_clock k ON k.id = s.clock_id", day="coalesce(k.day, on_day)")
FORWARD = OWN + ATTACH + DIARY
BACKWARD = """
DROP FUNCTION delegation_diary(uuid, date, date, integer);
DROP FUNCTION delegation_attach(uuid, uuid, date, integer);
""" + STEPS.format(table="", day="on_day")


class Migration(migrations.Migration):
    dependencies = [
        ("delegation", "0004_choosing"),
        ("delegation", "0005_seen"),
        ("subscriptions", "0005_agenda_walls"),
        ("customers", "0009_on_a_clock"),
        ("clocks", "0003_moving"),
        ("notices", "0006_notice_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
