"""Renewals by bucket, month and partner, each subscription by its own day; redemptions by day.

Row-level security keeps conditions that could leak from using an index before a row is allowed; the keeper's functions
ask who is asking first, once, and then walk the index.
"""

from django.db import migrations

INDEXES = """
-- What asks for a renewal, by its end: the list walks it, counts and months are read off it without touching the table.
CREATE INDEX subscription_renewing ON subscriptions_subscription (ends_on, id)
    INCLUDE (seats, policy_id, product_id, paid_by, customer_id)
    WHERE clock_id IS NULL AND closed_at IS NULL AND erased_on IS NULL;
CREATE INDEX subscription_renewing_on_clock ON subscriptions_subscription (ends_on, id)
    WHERE clock_id IS NOT NULL AND closed_at IS NULL AND erased_on IS NULL;
CREATE INDEX redemption_by_day ON redemption_redemption (day) INCLUDE (organisation_id, reversed_at);
"""

UNINDEX = """
DROP INDEX redemption_by_day;
DROP INDEX subscription_renewing_on_clock;
DROP INDEX subscription_renewing;
"""

# Statements are put together from the constants below, never from what somebody asked for: that travels in `asked` ($1).
LOOK = """
-- The first and the last end (both included) that a bucket can have on a day, whatever the policies say of grace.
CREATE FUNCTION closing_renewal_window(in_bucket text, today date) RETURNS daterange LANGUAGE sql STABLE AS $body$
    SELECT CASE in_bucket
        WHEN '60' THEN daterange(today + 30, today + 60, '(]')
        WHEN '30' THEN daterange(today + 7, today + 30, '(]')
        WHEN '7' THEN daterange(today + 1, today + 7, '(]')
        WHEN '1' THEN daterange(today, today + 1, '(]')
        WHEN 'grace' THEN daterange(today - (SELECT max((p.numbers ->> 'grace_days')::integer) FROM catalog_policy p),
            today, '(]')
        WHEN 'retained' THEN daterange(NULL,
            today - (SELECT min((p.numbers ->> 'grace_days')::integer) FROM catalog_policy p), '(]')
        WHEN 'later' THEN daterange(today + 60, NULL, '(]')
        ELSE daterange(NULL, today + 60, '(]') END
$body$;

-- What the filters of `asked` mean, for a subscription `s`: only those that are asked for stand in the statement.
CREATE FUNCTION closing_renewal_filters(asked jsonb) RETURNS text LANGUAGE sql STABLE AS $body$
    SELECT concat(
        CASE WHEN scope_kind() = 'channel' THEN $q$ AND EXISTS (SELECT FROM customers_reach r
            WHERE r.organisation_id = scope_organisation() AND r.customer_id = s.customer_id AND r.ended_at IS NULL
            AND (r.subscription_id IS NULL OR r.subscription_id = s.id))$q$
            WHEN scope_kind() = 'customer' THEN ' AND s.customer_id = scope_customer()' END,
        CASE WHEN asked ->> 'product' <> '' THEN
            $q$ AND s.product_id = (SELECT x.id FROM catalog_product x WHERE x.code = $1 ->> 'product')$q$ END,
        CASE WHEN asked ->> 'paid_by' <> '' THEN $q$ AND s.paid_by = $1 ->> 'paid_by'$q$ END,
        CASE WHEN asked ->> 'partner' <> '' THEN $q$ AND s.customer_id IN (
            SELECT d.customer_id FROM delegation_partnerofrecord d
            WHERE d.organisation_id = ($1 ->> 'partner')::uuid AND d.state = 'confirmed')
            AND delegation_counts(s.customer_id, s.id, ($1 ->> 'partner')::uuid)$q$ END,
        CASE WHEN coalesce(asked ->> 'country', '') <> '' OR coalesce(asked ->> 'test', '') <> '' THEN concat(
            $q$ AND EXISTS (SELECT FROM customers_customer c WHERE c.id = s.customer_id$q$,
            CASE WHEN asked ->> 'country' <> '' THEN $q$ AND c.country = $1 ->> 'country'$q$ END,
            CASE asked ->> 'test' WHEN 'yes' THEN ' AND c.is_test' WHEN 'no' THEN ' AND NOT c.is_test' END,
            ')') END)
$body$;

-- Subscriptions of a bucket ('' for all that asks for somebody to act), those that end first, last, or with the most
-- seats at the top, from behind the last one seen. `at_place` and `at_id` are that one's end or seats, and its id.
CREATE FUNCTION closing_renewals(today date, asked jsonb, at_place text, at_id uuid, at_most integer)
RETURNS TABLE (subscription uuid, is_test boolean, place text) LANGUAGE plpgsql STABLE ROWS 50 AS $body$
DECLARE
    -- By seats only where the bucket bounds what is sorted.
    sorted text := CASE WHEN asked ->> 'sort' = 'seats' AND asked ->> 'bucket' = 'later' THEN 'end'
        ELSE coalesce(asked ->> 'sort', 'end') END;
    by_what text := CASE sorted WHEN 'seats' THEN 's.seats' ELSE 's.ends_on' END;
    way text := CASE sorted WHEN 'end' THEN 'ASC' ELSE 'DESC' END;
    filters text := closing_renewal_filters(asked);
    behind text := CASE WHEN at_id IS NULL THEN '' ELSE format(' AND (%s, s.id) %s ($3::%s, $4)', by_what,
        CASE sorted WHEN 'end' THEN '>' ELSE '<' END, CASE sorted WHEN 'seats' THEN 'integer' ELSE 'date' END) END;
    grace text := '(SELECT (p.numbers ->> $q$grace_days$q$)::integer FROM catalog_policy p WHERE p.id = s.policy_id)';
    bucket text := format(' AND delegation_bucket(k.day, s.ends_on, NULL, %s) = $1 ->> $q$bucket$q$', grace);
    -- Bounds rather than the bucket's own name: of these the planner expects enough to walk the index.
    ended text := CASE asked ->> 'bucket' WHEN 'grace' THEN format(' AND s.ends_on > $2 - %s', grace)
        WHEN 'retained' THEN format(' AND s.ends_on <= $2 - %s', grace) ELSE '' END;
    ends daterange := closing_renewal_window(asked ->> 'bucket', today);
    bounds text := concat(CASE WHEN lower(ends) IS NOT NULL THEN ' AND s.ends_on >= $6' END,
        CASE WHEN upper(ends) IS NOT NULL THEN ' AND s.ends_on < $7' END);
    most text := CASE coalesce(asked ->> 'bucket', '') WHEN '' THEN ' AND s.ends_on <= k.day + 60' ELSE '' END;
BEGIN
    IF scope_kind() NOT IN ('operator', 'system', 'channel', 'customer') THEN RETURN; END IF;
    RETURN QUERY EXECUTE format($q$
        SELECT f.id, c.is_test, CASE $8 WHEN 'seats' THEN f.seats::text ELSE f.ends_on::text END FROM (
            (SELECT s.id, s.customer_id, s.ends_on, s.seats FROM subscriptions_subscription s
             WHERE s.clock_id IS NULL AND s.closed_at IS NULL AND s.erased_on IS NULL%1$s%2$s%3$s%4$s
             ORDER BY %5$s %6$s, s.id %6$s LIMIT $5)
            UNION ALL
            (SELECT s.id, s.customer_id, s.ends_on, s.seats FROM subscriptions_subscription s
             JOIN clocks_clock k ON k.id = s.clock_id
             WHERE s.clock_id IS NOT NULL AND s.closed_at IS NULL AND s.erased_on IS NULL%7$s%8$s%3$s%4$s
             ORDER BY %5$s %6$s, s.id %6$s LIMIT $5)) AS f
        JOIN customers_customer c ON c.id = f.customer_id
        ORDER BY f.%9$s %6$s, f.id %6$s LIMIT $5$q$,
        bounds, ended, filters, behind, by_what, way, most,
        CASE coalesce(asked ->> 'bucket', '') WHEN '' THEN '' ELSE bucket END,
        CASE sorted WHEN 'seats' THEN 'seats' ELSE 'ends_on' END)
    USING asked, today, at_place, at_id, at_most, lower(ends), upper(ends), sorted;
END $body$;

-- How many subscriptions and seats stand in each bucket that asks for somebody to act.
CREATE FUNCTION closing_renewal_steps(today date, asked jsonb)
RETURNS TABLE (bucket text, subscriptions bigint, seats bigint) LANGUAGE plpgsql STABLE ROWS 6 AS $body$
DECLARE filters text := closing_renewal_filters(asked);
BEGIN
    IF scope_kind() NOT IN ('operator', 'system', 'channel', 'customer') THEN RETURN; END IF;
    RETURN QUERY EXECUTE format($q$
        SELECT delegation_bucket(g.day, g.ends_on, NULL, (p.numbers ->> 'grace_days')::integer) AS stands,
            sum(g.counted)::bigint, sum(g.seats)::bigint
        FROM (
            SELECT $2 AS day, s.ends_on, s.policy_id, count(*) AS counted, sum(s.seats) AS seats
            FROM subscriptions_subscription s
            WHERE s.clock_id IS NULL AND s.closed_at IS NULL AND s.erased_on IS NULL AND s.ends_on <= $2 + 60%1$s
            GROUP BY s.ends_on, s.policy_id
            UNION ALL
            SELECT k.day, s.ends_on, s.policy_id, 1, s.seats FROM subscriptions_subscription s
            JOIN clocks_clock k ON k.id = s.clock_id
            WHERE s.clock_id IS NOT NULL AND s.closed_at IS NULL AND s.erased_on IS NULL AND s.ends_on <= k.day + 60%1$s
        ) AS g JOIN catalog_policy p ON p.id = g.policy_id GROUP BY stands$q$, filters)
    USING asked, today;
END $body$;

-- What ends in each month from today's on, by its last covered day, as far as it has not ended yet.
CREATE FUNCTION closing_renewals_by_month(today date, asked jsonb, months integer)
RETURNS TABLE (month date, subscriptions bigint, seats bigint) LANGUAGE plpgsql STABLE ROWS 13 AS $body$
DECLARE filters text := closing_renewal_filters(asked);
BEGIN
    IF scope_kind() NOT IN ('operator', 'system', 'channel', 'customer') THEN RETURN; END IF;
    RETURN QUERY EXECUTE format($q$
        SELECT date_trunc('month', g.ends_on - 1)::date AS ending, sum(g.counted)::bigint, sum(g.seats)::bigint FROM (
            SELECT s.ends_on, count(*) AS counted, sum(s.seats) AS seats FROM subscriptions_subscription s
            WHERE s.clock_id IS NULL AND s.closed_at IS NULL AND s.erased_on IS NULL
              AND s.ends_on > $2 AND s.ends_on <= $3%1$s
            GROUP BY s.ends_on
            UNION ALL
            SELECT s.ends_on, 1, s.seats FROM subscriptions_subscription s JOIN clocks_clock k ON k.id = s.clock_id
            WHERE s.clock_id IS NOT NULL AND s.closed_at IS NULL AND s.erased_on IS NULL
              AND s.ends_on > greatest($2, k.day) AND s.ends_on <= $3%1$s
        ) AS g GROUP BY ending ORDER BY ending$q$, filters)
    USING asked, today, (date_trunc('month', today) + make_interval(months => months))::date;
END $body$;

-- Redemptions and how many of them were taken back or moved, from a day on, by `day`, `week` (from Monday) or `month`.
CREATE FUNCTION closing_redemptions_by(first_day date, last_day date, step text)
RETURNS TABLE (begins date, redemptions bigint, undone bigint) LANGUAGE plpgsql STABLE ROWS 40 AS $body$
DECLARE mine uuid := CASE WHEN scope_kind() = 'channel' THEN scope_organisation() END;
BEGIN
    IF step NOT IN ('day', 'week', 'month') THEN RETURN; END IF;
    IF scope_kind() = 'channel' THEN
        RETURN QUERY SELECT date_trunc(step, r.day)::date AS begun, count(*), count(r.reversed_at)
            FROM redemption_redemption r
            WHERE r.organisation_id = mine AND r.day BETWEEN first_day AND last_day GROUP BY begun ORDER BY begun;
    ELSIF scope_kind() IN ('operator', 'system') THEN
        RETURN QUERY SELECT date_trunc(step, g.day)::date AS begun, sum(g.counted)::bigint, sum(g.undone)::bigint
            FROM (SELECT r.day, count(*) AS counted, count(r.reversed_at) AS undone FROM redemption_redemption r
                WHERE r.day BETWEEN first_day AND last_day GROUP BY r.day) AS g
            GROUP BY begun ORDER BY begun;
    END IF;
END $body$;
CALL house_keep('closing_renewals(date, jsonb, text, uuid, integer)', 'closing_renewal_steps(date, jsonb)',
    'closing_renewals_by_month(date, jsonb, integer)', 'closing_redemptions_by(date, date, text)');
"""

UNLOOK = """
DROP FUNCTION closing_redemptions_by(date, date, text);
DROP FUNCTION closing_renewals_by_month(date, jsonb, integer);
DROP FUNCTION closing_renewal_steps(date, jsonb);
DROP FUNCTION closing_renewals(date, jsonb, text, uuid, integer);
DROP FUNCTION closing_renewal_filters(jsonb);
DROP FUNCTION closing_renewal_window(text, date);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0012_erasure"),
        ("delegation", "0006_days"),
        ("subscriptions", "0005_agenda_walls"),
        ("clocks", "0002_walls"),
        ("redemption", "0007_seen"),
    ]
    operations = [
        migrations.RunSQL(INDEXES, UNINDEX),
        migrations.RunSQL(LOOK, UNLOOK),
    ]
