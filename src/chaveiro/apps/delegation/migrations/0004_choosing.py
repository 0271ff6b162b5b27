"""An administrator chooses the partner of record, for the organisation or for one subscription, changes or ends it."""

from django.db import migrations


FORWARD = """
-- Whether an organisation is the partner of record of a subscription: the subscription's own counts before the default.
CREATE FUNCTION delegation_counts(of_customer uuid, of_subscription uuid, by_organisation uuid) RETURNS boolean
LANGUAGE sql STABLE AS $body$
    SELECT (scope_kind() IN ('operator', 'system') OR by_organisation = scope_organisation()
            OR of_customer = scope_customer())
       AND EXISTS (
        SELECT FROM delegation_partnerofrecord d
        WHERE d.customer_id = of_customer AND d.organisation_id = by_organisation AND d.state = 'confirmed'
          AND (d.subscription_id = of_subscription OR (d.subscription_id IS NULL AND NOT EXISTS (
            SELECT FROM delegation_partnerofrecord own WHERE own.customer_id = of_customer
              AND own.subscription_id = of_subscription AND own.state = 'confirmed'))))
$body$;

-- Called inside the functions below, with their rights.
CREATE FUNCTION delegation_administers() RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT scope_kind() = 'customer' AND EXISTS (
        SELECT FROM customers_role r JOIN customers_person p ON p.id = r.person_id
        WHERE p.account_id = scope_account() AND p.deleted_at IS NULL AND r.customer_id = scope_customer()
          AND r.name = 'administrator' AND r.ended_at IS NULL)
$body$;

CREATE FUNCTION delegation_end(of_customer uuid, of_subscription uuid, instant timestamptz) RETURNS uuid
LANGUAGE sql AS $body$
    WITH ended AS (
        UPDATE delegation_partnerofrecord d SET state = 'ended', ended_at = instant
        WHERE d.customer_id = of_customer AND d.subscription_id IS NOT DISTINCT FROM of_subscription
          AND d.state = 'confirmed' RETURNING d.organisation_id
    ), unreached AS (
        UPDATE customers_reach r SET ended_at = instant FROM ended
        WHERE r.customer_id = of_customer AND r.organisation_id = ended.organisation_id
          AND r.kind = 'partner_of_record' AND r.subscription_id IS NOT DISTINCT FROM of_subscription
          AND r.ended_at IS NULL)
    SELECT organisation_id FROM ended
$body$;

-- Answers who was it before, nothing where nobody was. Whoever was proposed and is now chosen waits no longer.
CREATE FUNCTION delegation_choose(fresh uuid, chosen uuid, of_subscription uuid, instant timestamptz) RETURNS uuid
LANGUAGE plpgsql AS $body$
DECLARE before uuid;
BEGIN
    IF NOT delegation_administers() THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = 'CV003';
    END IF;
    -- One choice of a customer at a time, and no redemption under it meanwhile.
    PERFORM FROM customers_customer WHERE id = scope_customer() AND closed_at IS NULL FOR UPDATE;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM channel_organisation o
            WHERE o.id = chosen AND o.suspended_at IS NULL AND o.registration_number IS NOT NULL)
       OR (of_subscription IS NOT NULL AND NOT EXISTS (SELECT FROM subscriptions_subscription s
            WHERE s.id = of_subscription AND s.customer_id = scope_customer() AND s.closed_at IS NULL)) THEN
        RAISE EXCEPTION 'not there' USING ERRCODE = 'CV004';
    END IF;
    before := delegation_end(scope_customer(), of_subscription, instant);
    UPDATE delegation_partnerofrecord SET state = 'confirmed', settled_at = instant
    WHERE id = (SELECT d.id FROM delegation_partnerofrecord d WHERE d.customer_id = scope_customer()
        AND d.organisation_id = chosen AND d.state = 'proposed'
        AND d.subscription_id IS NOT DISTINCT FROM of_subscription ORDER BY d.proposed_at DESC LIMIT 1);
    IF NOT FOUND THEN
        INSERT INTO delegation_partnerofrecord
            (id, customer_id, subscription_id, organisation_id, state, proposed_at, settled_at)
        VALUES (fresh, scope_customer(), of_subscription, chosen, 'confirmed', instant, instant);
    END IF;
    PERFORM customers_reach_out(scope_customer(), chosen, 'partner_of_record', ARRAY[of_subscription], instant);
    RETURN before;
END $body$;

-- Answers who it was, nothing where nobody was.
CREATE FUNCTION delegation_remove(of_subscription uuid, instant timestamptz) RETURNS uuid LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT delegation_administers() THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = 'CV003';
    END IF;
    PERFORM FROM customers_customer WHERE id = scope_customer() FOR UPDATE;
    RETURN delegation_end(scope_customer(), of_subscription, instant);
END $body$;
-- The renewals pipeline of the partner who asks. Its rows are many and each would be looked at by the walls of four
-- tables; here its own reach is looked at once, and what is shown is read again behind the walls.
CREATE FUNCTION delegation_bucket(on_day date, ends_on date, erased_on date, grace_days integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $body$
    SELECT CASE WHEN erased_on <= on_day THEN 'deleted'
        WHEN ends_on + grace_days <= on_day THEN 'retained'
        WHEN ends_on <= on_day THEN 'grace'
        WHEN ends_on <= on_day + 1 THEN '1'
        WHEN ends_on <= on_day + 7 THEN '7'
        WHEN ends_on <= on_day + 30 THEN '30'
        WHEN ends_on <= on_day + 60 THEN '60'
        ELSE 'later' END
$body$;
-- Case and accents do not tell names apart when somebody searches.
CREATE FUNCTION delegation_plain(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $body$
    SELECT regexp_replace(normalize(lower(name), NFD), '[\u0300-\u036f]', '', 'g')
$body$;

CREATE FUNCTION delegation_pipeline(on_day date, in_bucket text, wanted text, after_end date, after_id uuid,
    at_most integer) RETURNS TABLE (subscription uuid) LANGUAGE plpgsql STABLE ROWS 50 AS $body$
DECLARE mine uuid := CASE WHEN scope_kind() = 'channel' THEN scope_organisation() END;
BEGIN
    RETURN QUERY
    SELECT s.id
    FROM subscriptions_subscription s
    JOIN catalog_policy policy ON policy.id = s.policy_id
    JOIN customers_customer c ON c.id = s.customer_id
    WHERE s.closed_at IS NULL AND EXISTS (
        SELECT FROM customers_reach r WHERE r.organisation_id = mine AND r.customer_id = s.customer_id
        AND r.ended_at IS NULL AND (r.subscription_id IS NULL OR r.subscription_id = s.id))
      AND CASE WHEN in_bucket = '' THEN s.erased_on IS NULL ELSE in_bucket = delegation_bucket(
        on_day, s.ends_on, s.erased_on, (policy.numbers ->> 'grace_days')::integer) END
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
        SELECT s.customer_id, s.seats, delegation_bucket(on_day, s.ends_on, s.erased_on,
            (policy.numbers ->> 'grace_days')::integer) AS stands
        FROM subscriptions_subscription s JOIN catalog_policy policy ON policy.id = s.policy_id
        WHERE s.closed_at IS NULL AND EXISTS (
            SELECT FROM customers_reach r WHERE r.organisation_id = mine AND r.customer_id = s.customer_id
            AND r.ended_at IS NULL AND (r.subscription_id IS NULL OR r.subscription_id = s.id)))
    SELECT own.stands, count(*), sum(own.seats)::bigint, count(DISTINCT own.customer_id) FROM own GROUP BY own.stands
    UNION ALL
    SELECT NULL, count(*), coalesce(sum(own.seats), 0)::bigint, count(DISTINCT own.customer_id) FROM own
    WHERE own.stands <> 'deleted';
END $body$;
CALL house_keep('delegation_pipeline(date, text, text, date, uuid, integer)', 'delegation_steps(date)');
CALL house_keep('delegation_counts(uuid, uuid, uuid)', 'delegation_choose(uuid, uuid, uuid, timestamptz)',
    'delegation_remove(uuid, timestamptz)');

CREATE INDEX partner_of_record_by_organisation ON delegation_partnerofrecord (organisation_id, state);
"""

BACKWARD = """
DROP INDEX partner_of_record_by_organisation;
DROP FUNCTION delegation_steps(date);
DROP FUNCTION delegation_pipeline(date, text, text, date, uuid, integer);
DROP FUNCTION delegation_plain(text);
DROP FUNCTION delegation_bucket(date, date, date, integer);
DROP FUNCTION delegation_remove(uuid, timestamptz);
DROP FUNCTION delegation_choose(uuid, uuid, uuid, timestamptz);
DROP FUNCTION delegation_end(uuid, uuid, timestamptz);
DROP FUNCTION delegation_administers();
DROP FUNCTION delegation_counts(uuid, uuid, uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("delegation", "0003_settling"),
        ("subscriptions", "0002_walls"),
        ("customers", "0002_walls"),
        ("channel", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
