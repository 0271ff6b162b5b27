"""What other numbers would do to the subscriptions of a policy: counted and listed, over all of them at once."""

from django.db import migrations

# Grace, retention and thresholds of a policy's JSON; what an old version does not name has the default of the rules.
GRACE = "coalesce(({0} ->> 'grace_days')::integer, 30)"
RETENTION = "coalesce(({0} ->> 'retention_days')::integer, 120)"

FORWARD = f"""
-- Subscriptions that end on the same day behave alike: they are counted in groups before anything is asked of them.
-- The day is each one's own: whoever lives on a test clock is weighed on its day.
CREATE FUNCTION closing_whatif(of_name text, fresh jsonb, on_day date) RETURNS jsonb LANGUAGE plpgsql STABLE AS $body$
DECLARE answer jsonb;
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN NULL; END IF;
    WITH grouped AS MATERIALIZED (
        SELECT s.policy_id, s.ends_on, s.erase_on, s.paid_by, coalesce(k.day, on_day) AS today, l.day AS first_day,
            count(*) AS many
        FROM subscriptions_subscription s
        JOIN subscriptions_ledgerrow l ON l.subscription_id = s.id AND l.number = s.version
        LEFT JOIN clocks_clock k ON k.id = s.clock_id
        WHERE s.closed_at IS NULL AND s.erased_on IS NULL
          AND s.policy_id IN (SELECT p.id FROM catalog_policy p WHERE p.name = of_name)
        GROUP BY 1, 2, 3, 4, 5, 6
    ), weighed AS MATERIALIZED (
        SELECT g.many, subscriptions_stage(g.today, g.ends_on, {GRACE.format("p.numbers")}, NULL) AS was,
            subscriptions_stage(g.today, g.ends_on, {GRACE.format("fresh")}, NULL) AS becomes,
            {GRACE.format("fresh")} - {GRACE.format("p.numbers")} AS stops_later,
            subscriptions_erases_on(g.ends_on, g.erase_on, {RETENTION.format("fresh")}, false)
                - subscriptions_erases_on(g.ends_on, g.erase_on, {RETENTION.format("p.numbers")}, false) AS erases_later,
            (SELECT count(*) FROM closing_slots(g.first_day, g.ends_on, p.numbers, g.erase_on, false,
                g.paid_by = 'direct', NULL) AS slot
                WHERE slot.sent AND slot.due > g.today AND slot.due <= g.today + 365) AS notices_before,
            (SELECT count(*) FROM closing_slots(g.first_day, g.ends_on, fresh, g.erase_on, false,
                g.paid_by = 'direct', NULL) AS slot
                WHERE slot.sent AND slot.due > g.today AND slot.due <= g.today + 365) AS notices_after
        FROM grouped g JOIN catalog_policy p ON p.id = g.policy_id
    )
    SELECT jsonb_build_object(
        'subscriptions', coalesce(sum(many), 0),
        'changed', coalesce(sum(many) FILTER (WHERE was <> becomes OR stops_later <> 0 OR erases_later <> 0), 0),
        'stops_earlier', coalesce(sum(many) FILTER (WHERE stops_later < 0), 0),
        'stops_later', coalesce(sum(many) FILTER (WHERE stops_later > 0), 0),
        'erases_earlier', coalesce(sum(many) FILTER (WHERE erases_later < 0), 0),
        'erases_later', coalesce(sum(many) FILTER (WHERE erases_later > 0), 0),
        'notices_before', coalesce(sum(many * notices_before), 0),
        'notices_after', coalesce(sum(many * notices_after), 0),
        'stages', coalesce((SELECT jsonb_agg(jsonb_build_array(one.was, one.becomes, one.many)
                ORDER BY one.was, one.becomes)
            FROM (SELECT w.was, w.becomes, sum(w.many) AS many FROM weighed w GROUP BY 1, 2) AS one), '[]'))
    INTO answer FROM weighed;
    RETURN answer;
END $body$;

-- Those of which some date or today's stage would be another, in the order of their ids; `wanted`: stage, earlier or all.
CREATE FUNCTION closing_whatif_rows(of_name text, fresh jsonb, on_day date, wanted text, after_id uuid, at_most integer)
RETURNS TABLE (subscription uuid, customer uuid, customer_name text, product text, version integer, ends_on date,
    was text, becomes text, stopped_on date, stops_on date, erased_on date, erases_on date)
LANGUAGE plpgsql STABLE ROWS 50 AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN; END IF;
    RETURN QUERY
    SELECT s.id, c.id, c.name, product.code, p.version, s.ends_on, stage.was, stage.becomes,
        s.ends_on + {GRACE.format("p.numbers")}, s.ends_on + {GRACE.format("fresh")}, erases.was, erases.becomes
    FROM subscriptions_subscription s
    JOIN catalog_policy p ON p.id = s.policy_id AND p.name = of_name
    JOIN catalog_product product ON product.id = s.product_id
    JOIN customers_customer c ON c.id = s.customer_id
    LEFT JOIN clocks_clock k ON k.id = s.clock_id
    CROSS JOIN LATERAL (SELECT
        subscriptions_stage(coalesce(k.day, on_day), s.ends_on, {GRACE.format("p.numbers")}, NULL) AS was,
        subscriptions_stage(coalesce(k.day, on_day), s.ends_on, {GRACE.format("fresh")}, NULL) AS becomes) AS stage
    CROSS JOIN LATERAL (SELECT
        subscriptions_erases_on(s.ends_on, s.erase_on, {RETENTION.format("p.numbers")}, false) AS was,
        subscriptions_erases_on(s.ends_on, s.erase_on, {RETENTION.format("fresh")}, false) AS becomes) AS erases
    WHERE s.closed_at IS NULL AND s.erased_on IS NULL AND (after_id IS NULL OR s.id > after_id)
      AND CASE wanted
        WHEN 'stage' THEN stage.was <> stage.becomes
        WHEN 'earlier' THEN {GRACE.format("fresh")} < {GRACE.format("p.numbers")} OR erases.becomes < erases.was
        ELSE stage.was <> stage.becomes OR {GRACE.format("fresh")} <> {GRACE.format("p.numbers")}
            OR erases.becomes <> erases.was END
    ORDER BY s.id LIMIT at_most;
END $body$;
CALL house_keep('closing_whatif(text, jsonb, date)', 'closing_whatif_rows(text, jsonb, date, text, uuid, integer)');
"""

BACKWARD = """
DROP FUNCTION closing_whatif_rows(text, jsonb, date, text, uuid, integer);
DROP FUNCTION closing_whatif(text, jsonb, date);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0010_entitlements"),
        ("catalog", "0004_policy_drafts"),
        ("subscriptions", "0007_blocks"),
        ("clocks", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
