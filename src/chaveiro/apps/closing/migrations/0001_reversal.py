"""Reversal: a look under lock, and the opposite rows, each room's by its own function."""

from django.db import migrations


FORWARD = """
-- What stands on a redemption now, its subscriptions and its customer locked until the transaction ends, so that
-- nothing is built on it between the look and the act. Only for who may read the redemption.
CREATE FUNCTION closing_look(wanted uuid) RETURNS jsonb LANGUAGE plpgsql AS $body$
DECLARE answer jsonb;
BEGIN
    IF redemption_facts(wanted) IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM customers_customer c WHERE c.id = (SELECT customer_id FROM redemption_redemption WHERE id = wanted)
        FOR UPDATE;
    PERFORM FROM subscriptions_subscription s
        WHERE s.id IN (SELECT subscription_id FROM redemption_line WHERE redemption_id = wanted) ORDER BY s.id FOR UPDATE;
    SELECT jsonb_build_object(
        'organisation', r.organisation_id, 'customer', r.customer_id, 'day', r.day, 'reversed_at', r.reversed_at,
        'opened_customer', r.opened_customer, 'reference', r.reference,
        'numbers', (SELECT jsonb_agg(l.key_id ORDER BY l.key_id) FROM redemption_line l WHERE l.redemption_id = r.id),
        'reversal_days', (SELECT min((p.numbers ->> 'reversal_days')::integer)
            FROM subscriptions_ledgerrow e JOIN catalog_policy p ON p.id = e.policy_id
            WHERE e.customer_id = r.customer_id AND e.redemption_id = r.id
              AND e.subscription_id IN (SELECT subscription_id FROM redemption_line WHERE redemption_id = r.id)),
        'rows', (SELECT jsonb_agg(jsonb_build_object('subscription', e.subscription_id, 'number', e.number,
                'version', s.version, 'term', s.term, 'policy', e.policy_id,
                -- acts of keys that stand on top of this one; what was taken back itself stands on nothing
                'later', (SELECT count(*) FROM subscriptions_ledgerrow l WHERE l.subscription_id = s.id
                    AND l.number > e.number AND l.kind <> 'reverse' AND NOT EXISTS (
                        SELECT FROM subscriptions_ledgerrow u WHERE u.subscription_id = s.id AND u.reverses = l.number)),
                'seats_before', e.seats_before, 'ends_before', e.ends_before, 'credit_before', e.credit_before,
                'seats_after', e.seats_after, 'ends_after', e.ends_after, 'credit_after', e.credit_after))
            FROM subscriptions_subscription s JOIN subscriptions_ledgerrow e ON e.subscription_id = s.id
            WHERE s.id IN (SELECT subscription_id FROM redemption_line WHERE redemption_id = r.id)
              AND e.redemption_id = r.id AND e.kind <> 'reverse'),
        'people', CASE WHEN r.opened_customer THEN (SELECT count(*) FROM customers_person p
            WHERE p.customer_id = r.customer_id AND p.id IS DISTINCT FROM r.person_id) ELSE 0 END,
        'licences', (SELECT sum(CASE WHEN e.number = 1 THEN (SELECT count(*) FROM licences_licence a
                    WHERE a.subscription_id = s.id AND a.ended_at IS NULL AND NOT a.automatic)
                ELSE greatest(0, s.assigned - e.seats_before) END)
            FROM subscriptions_subscription s JOIN subscriptions_ledgerrow e ON e.subscription_id = s.id
            WHERE s.id IN (SELECT subscription_id FROM redemption_line WHERE redemption_id = r.id)
              AND e.redemption_id = r.id AND e.kind <> 'reverse'))
    INTO answer FROM redemption_redemption r WHERE r.id = wanted;
    RETURN answer;
END $body$;

-- Called inside closing_reverse, with its rights: the ledger gets the opposite row, the subscription what was before.
CREATE FUNCTION closing_undo(item jsonb, redemption uuid, of_customer uuid, actor jsonb, why text, on_day date,
    instant timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    one uuid := (item ->> 'subscription')::uuid;
    undone integer := (item ->> 'number')::integer;
    opened boolean := undone = 1;
BEGIN
    IF opened THEN
        UPDATE licences_licence SET ended_at = instant WHERE subscription_id = one AND ended_at IS NULL;
    END IF;
    UPDATE subscriptions_subscription SET version = version + 1, term = term + 1,
        seats = (item ->> 'seats_before')::integer, credit = (item ->> 'credit_before')::integer,
        ends_on = coalesce((item ->> 'ends_before')::date, ends_on),
        assigned = CASE WHEN opened THEN 0 ELSE assigned END, closed_at = CASE WHEN opened THEN instant END
    WHERE id = one AND version = (item ->> 'version')::integer;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the subscription changed' USING ERRCODE = 'CV002';
    END IF;
    INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, redemption_id, reverses,
        day, origin, granted, seats_before, ends_before, credit_before, seats_after, ends_after, credit_after, policy_id,
        actor_kind, actor_id, organisation_id, at)
    VALUES (one, of_customer, (item ->> 'version')::integer + 1, (item ->> 'term')::integer + 1, 'reverse', why, redemption, undone, on_day,
        on_day, 0, (item ->> 'seats_after')::integer, (item ->> 'ends_after')::date, (item ->> 'credit_after')::integer,
        (item ->> 'seats_before')::integer, (item ->> 'ends_before')::date, (item ->> 'credit_before')::integer,
        (item ->> 'policy')::bigint, actor ->> 'kind', (actor ->> 'account')::uuid, (actor ->> 'organisation')::uuid,
        instant);
END $body$;

-- A customer opened by a redemption that is taken back: nobody signs in any more, nobody reaches it, the prefix stays.
CREATE FUNCTION closing_close_customer(one uuid, instant timestamptz) RETURNS void LANGUAGE sql AS $body$
    UPDATE customers_customer SET closed_at = instant WHERE id = one AND closed_at IS NULL;
    UPDATE customers_role SET ended_at = instant WHERE customer_id = one AND ended_at IS NULL;
    UPDATE identity_account SET closed_at = instant WHERE customer_id = one AND closed_at IS NULL;
    UPDATE delegation_partnerofrecord SET state = 'ended', ended_at = instant
        WHERE customer_id = one AND state IN ('proposed', 'confirmed');
    UPDATE customers_reach SET ended_at = instant
        WHERE customer_id = one AND ended_at IS NULL AND kind <> 'seller';
$body$;

CREATE FUNCTION closing_reverse(plan jsonb, instant timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    wanted uuid := (plan ->> 'redemption')::uuid;
    customer uuid := (plan ->> 'customer')::uuid;
    actor jsonb := plan -> 'actor';
    numbers bigint[];
    item jsonb;
BEGIN
    UPDATE redemption_redemption SET reversed_at = instant, reversed_by = (actor ->> 'account')::uuid,
        reversal_reason = plan ->> 'reason'
    WHERE id = wanted AND reversed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'reversed before' USING ERRCODE = 'CV002';
    END IF;
    UPDATE redemption_line SET reversed = true WHERE redemption_id = wanted;
    SELECT array_agg(number::bigint) INTO numbers FROM jsonb_array_elements_text(plan -> 'numbers') AS number;
    IF keys_give_back(numbers) <> cardinality(numbers) THEN
        RAISE EXCEPTION 'a key changed' USING ERRCODE = 'CV001';
    END IF;
    FOR item IN SELECT jsonb_array_elements(plan -> 'rows') LOOP
        PERFORM closing_undo(item, wanted, customer, actor, plan ->> 'reason', (plan ->> 'day')::date, instant);
    END LOOP;
    IF (plan ->> 'opened_customer')::boolean THEN
        PERFORM closing_close_customer(customer, instant);
    END IF;
    PERFORM journal_append(plan -> 'entries', actor, customer, instant);
    PERFORM notices_owe(plan -> 'owed', instant);
    IF plan -> 'answer' <> 'null' THEN
        PERFORM operations_remember(plan -> 'answer', instant);
    END IF;
END $body$;
CALL house_keep('closing_look(uuid)', 'closing_reverse(jsonb, timestamptz)');
"""

BACKWARD = """
DROP FUNCTION closing_reverse(jsonb, timestamptz);
DROP FUNCTION closing_close_customer(uuid, timestamptz);
DROP FUNCTION closing_undo(jsonb, uuid, uuid, jsonb, text, date, timestamptz);
DROP FUNCTION closing_look(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [("redemption", "0002_walls")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
