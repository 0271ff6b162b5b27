"""Drafts are seen by who shows their secret; redemptions by who made them, whom they are for, and the operator. The commit is one function."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('redemption_draft', 'redemption_draftkey', 'redemption_redemption', 'redemption_line');
CALL house_keeper('SELECT, UPDATE', 'redemption_draft');
CALL house_keeper('SELECT, DELETE', 'redemption_draftkey');
CALL house_keeper('SELECT, INSERT, UPDATE', 'redemption_redemption', 'redemption_line');

ALTER TABLE redemption_line ADD CONSTRAINT line_subscription_in_one_customer
    FOREIGN KEY (customer_id, subscription_id) REFERENCES subscriptions_subscription (customer_id, id);

GRANT SELECT, INSERT, UPDATE ON redemption_draft TO {R}_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON redemption_draftkey TO {R}_web;
CREATE POLICY web_own ON redemption_draft TO {R}_web
    USING (id = scope_draft() OR actor_id = scope_account()) WITH CHECK (id = scope_draft());
CREATE POLICY web_own ON redemption_draftkey TO {R}_web
    USING (draft_id = scope_draft()) WITH CHECK (draft_id = scope_draft());
CREATE FUNCTION redemption_by_secret(digest bytea) RETURNS uuid LANGUAGE sql STABLE AS $body$
    SELECT id FROM redemption_draft WHERE secret_digest = digest
$body$;
-- Whether these keys, all in the caller's hand, are all that the draft that holds them has: then it is theirs to take up.
CREATE FUNCTION redemption_whole_draft(draft uuid, numbers bigint[]) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT NOT EXISTS (SELECT FROM keys_hold WHERE draft_id = draft AND NOT key_id = ANY (numbers))
       AND EXISTS (SELECT FROM keys_hold WHERE draft_id = draft)
$body$;
-- Ends another draft whose keys the caller presents in full.
CREATE FUNCTION redemption_start_over(draft uuid, numbers bigint[]) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT redemption_whole_draft(draft, numbers) THEN RETURN false; END IF;
    DELETE FROM keys_hold WHERE draft_id = draft;
    DELETE FROM redemption_draftkey WHERE draft_id = draft;
    UPDATE redemption_draft SET state = 'abandoned', form = '{{}}' WHERE id = draft AND state = 'open';
    RETURN true;
END $body$;

GRANT SELECT ON redemption_redemption, redemption_line TO {R}_web;
CREATE POLICY web_reads ON redemption_redemption FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation()))
    OR draft_id = (SELECT scope_draft()));
CREATE POLICY web_reads ON redemption_line FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR EXISTS (SELECT FROM redemption_redemption r WHERE r.id = redemption_line.redemption_id
               AND (((SELECT scope_kind() = 'channel') AND r.organisation_id = (SELECT scope_organisation())) OR r.draft_id = (SELECT scope_draft()))));

-- Who may change an existing customer's subscriptions, looked at again inside the commit (D1).
CREATE FUNCTION redemption_may_change(of_customer uuid, purpose text) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT (scope_kind() = 'customer' AND scope_customer() = of_customer AND EXISTS (
                SELECT FROM customers_role r JOIN customers_person p ON p.id = r.person_id
                WHERE p.account_id = scope_account() AND r.customer_id = of_customer AND r.ended_at IS NULL))
        OR (scope_kind() = 'channel' AND purpose = 'extend' AND EXISTS (
                SELECT FROM delegation_partnerofrecord d WHERE d.customer_id = of_customer
                AND d.organisation_id = scope_organisation() AND d.state = 'confirmed'))
$body$;

-- The commit: every row of a redemption or none; answers how many. No network, no rule: the rulebook's plan is applied,
-- each claim guarded. The rooms' functions stand in sums, not in statements: a statement around each would cost as much
-- again as what it calls.
CREATE FUNCTION redemption_commit(plan jsonb, instant timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE
    redemption jsonb := plan -> 'redemption';
    actor jsonb := plan -> 'actor';
    lines jsonb := plan -> 'lines';
    effects jsonb := plan -> 'effects';
    licences jsonb := plan -> 'licences';
    customer uuid := (redemption ->> 'customer')::uuid;
    draft uuid := (redemption ->> 'draft')::uuid;
    day date := (redemption ->> 'day')::date;
    opens boolean := plan -> 'customer' <> 'null';
    subscriptions uuid[] := '{{}}';
    written integer;
BEGIN
    IF NOT opens AND NOT redemption_may_change(customer, redemption ->> 'purpose') THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = 'CV003';
    END IF;
    written := keys_spend(lines, customer, draft, instant);
    IF opens THEN
        written := written + identity_open_account(plan -> 'account', instant)
            + customers_open(plan -> 'customer', plan -> 'person', instant);
    END IF;
    FOR place IN 0 .. jsonb_array_length(effects) - 1 LOOP
        written := written + subscriptions_apply(effects -> place, customer, actor, day, instant);
        subscriptions := subscriptions || (effects -> place ->> 'subscription')::uuid;
    END LOOP;
    FOR place IN 0 .. jsonb_array_length(licences) - 1 LOOP
        written := written + licences_assign(licences -> place, instant);
    END LOOP;
    IF plan -> 'proposal' <> 'null' THEN
        written := written + delegation_propose(plan -> 'proposal', customer, instant);
    END IF;
    IF plan -> 'seller' <> 'null' THEN
        written := written + customers_reach_out(customer, (plan ->> 'seller')::uuid, 'seller', subscriptions, instant);
    END IF;
    written := written + redemption_write(redemption, actor, lines, instant)
        + journal_append(plan -> 'entries', actor, customer, instant) + notices_owe(plan -> 'owed', instant);
    IF plan -> 'answer' <> 'null' THEN
        written := written + operations_remember(plan -> 'answer', instant);
    END IF;
    RETURN written;
END $body$;

CREATE FUNCTION redemption_write(redemption jsonb, actor jsonb, lines jsonb, instant timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
BEGIN
    WITH made AS (
        INSERT INTO redemption_redemption (id, reference, draft_id, purpose, customer_id, actor_kind, actor_id,
            organisation_id, opened_customer, person_id, attestation, fingerprint, day, at, reversal_reason)
        VALUES ((redemption ->> 'id')::uuid, redemption ->> 'reference', (redemption ->> 'draft')::uuid,
            redemption ->> 'purpose', (redemption ->> 'customer')::uuid, actor ->> 'kind',
            (actor ->> 'account')::uuid, (actor ->> 'organisation')::uuid,
            (redemption ->> 'opened_customer')::boolean, (redemption ->> 'person')::uuid, redemption -> 'attestation',
            redemption ->> 'fingerprint', (redemption ->> 'day')::date, instant, ''))
    INSERT INTO redemption_line (redemption_id, key_id, subscription_id, customer_id, ledger_number, seats, months,
        reversed)
    SELECT (redemption ->> 'id')::uuid, line.number, line.subscription, (redemption ->> 'customer')::uuid,
        line.ledger_number, line.seats, line.months, false
    FROM jsonb_to_recordset(lines)
        AS line (number bigint, subscription uuid, ledger_number integer, seats integer, months integer);
    IF redemption ->> 'draft' IS NOT NULL THEN
        UPDATE redemption_draft SET state = 'committed', redemption_id = (redemption ->> 'id')::uuid, form = '{{}}'
        WHERE id = (redemption ->> 'draft')::uuid AND state = 'open';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the draft is not open' USING ERRCODE = 'CV004';
        END IF;
        DELETE FROM redemption_draftkey WHERE draft_id = (redemption ->> 'draft')::uuid;
    END IF;
    RETURN 1 + jsonb_array_length(lines);
END $body$;

-- Everything that a receipt says, for whoever may read it: the operator, the customer, who redeemed, or the draft's holder.
CREATE FUNCTION redemption_facts(wanted uuid) RETURNS jsonb LANGUAGE sql STABLE AS $body$
    SELECT jsonb_build_object(
        'id', r.id, 'reference', r.reference, 'purpose', r.purpose, 'day', r.day, 'at', r.at, 'draft', r.draft_id,
        'opened_customer', r.opened_customer, 'fingerprint', r.fingerprint, 'actor_kind', r.actor_kind,
        'reversed_at', r.reversed_at, 'reversal_reason', r.reversal_reason,
        'customer', jsonb_build_object('id', c.id, 'name', c.name, 'country', c.country,
            'domain_prefix', c.domain_prefix, 'closed', c.closed_at IS NOT NULL),
        'administrator', (SELECT jsonb_build_object('id', p.id, 'given_name', a.given_name,
                'family_name', a.family_name, 'email', a.email, 'user_name', p.user_name)
            FROM customers_person p JOIN identity_account a ON a.id = p.account_id
            WHERE p.id = r.person_id AND r.opened_customer),
        'partner', (SELECT jsonb_build_object('id', o.id, 'name', o.name,
                'registration_number', o.registration_number)
            FROM channel_organisation o WHERE o.id = r.organisation_id),
        'lines', (SELECT jsonb_agg(jsonb_build_object('number', l.key_id, 'last_five', k.last_five,
                'seats', l.seats, 'months', l.months, 'subscription', l.subscription_id) ORDER BY l.id)
            FROM redemption_line l JOIN keys_key k ON k.number = l.key_id WHERE l.redemption_id = r.id),
        'effects', (SELECT jsonb_agg(to_jsonb(e) || jsonb_build_object('product', p.code, 'names',
                (SELECT v.names FROM catalog_productversion v WHERE v.product_id = p.id ORDER BY v.number DESC LIMIT 1))
                ORDER BY e.id)
            FROM subscriptions_ledgerrow e
            JOIN subscriptions_subscription s ON s.id = e.subscription_id JOIN catalog_product p ON p.id = s.product_id
            WHERE e.redemption_id = r.id AND e.kind <> 'reverse' AND e.customer_id = r.customer_id
              AND e.subscription_id IN (SELECT l.subscription_id FROM redemption_line l WHERE l.redemption_id = r.id)))
    FROM redemption_redemption r JOIN customers_customer c ON c.id = r.customer_id
    WHERE r.id = wanted AND (
        scope_kind() IN ('operator', 'system')
        OR (scope_kind() = 'customer' AND r.customer_id = scope_customer())
        OR (scope_kind() = 'channel' AND r.organisation_id = scope_organisation())
        OR r.draft_id = scope_draft())
$body$;
-- As keys_find: one plan for all, by indexes from the first day on.
ALTER FUNCTION redemption_commit(jsonb, timestamptz) SET plan_cache_mode = 'force_generic_plan';
ALTER FUNCTION redemption_commit(jsonb, timestamptz) SET enable_seqscan = off;
CALL house_keep('redemption_by_secret(bytea)', 'redemption_whole_draft(uuid, bigint[])',
    'redemption_start_over(uuid, bigint[])', 'redemption_commit(jsonb, timestamptz)', 'redemption_facts(uuid)');
"""

BACKWARD = f"""
DROP FUNCTION redemption_facts(uuid);
DROP FUNCTION redemption_write(jsonb, jsonb, jsonb, timestamptz);
DROP FUNCTION redemption_commit(jsonb, timestamptz);
DROP FUNCTION redemption_may_change(uuid, text);
DROP FUNCTION redemption_start_over(uuid, bigint[]);
DROP FUNCTION redemption_whole_draft(uuid, bigint[]);
DROP FUNCTION redemption_by_secret(bytea);
ALTER TABLE redemption_line DROP CONSTRAINT line_subscription_in_one_customer;
DROP POLICY house_system ON redemption_draft;
DROP POLICY house_check ON redemption_draft;
DROP POLICY house_keeper ON redemption_draft;
DROP POLICY web_own ON redemption_draft;
REVOKE ALL ON redemption_draft FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE redemption_draft NO FORCE ROW LEVEL SECURITY;
ALTER TABLE redemption_draft DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON redemption_draftkey;
DROP POLICY house_check ON redemption_draftkey;
DROP POLICY house_keeper ON redemption_draftkey;
DROP POLICY web_own ON redemption_draftkey;
REVOKE ALL ON redemption_draftkey FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE redemption_draftkey NO FORCE ROW LEVEL SECURITY;
ALTER TABLE redemption_draftkey DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON redemption_redemption;
DROP POLICY house_check ON redemption_redemption;
DROP POLICY house_keeper ON redemption_redemption;
DROP POLICY web_reads ON redemption_redemption;
REVOKE ALL ON redemption_redemption FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE redemption_redemption NO FORCE ROW LEVEL SECURITY;
ALTER TABLE redemption_redemption DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON redemption_line;
DROP POLICY house_check ON redemption_line;
DROP POLICY house_keeper ON redemption_line;
DROP POLICY web_reads ON redemption_line;
REVOKE ALL ON redemption_line FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE redemption_line NO FORCE ROW LEVEL SECURITY;
ALTER TABLE redemption_line DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("redemption", "0001_rows"),
        ("delegation", "0002_walls"),
        ("licences", "0002_walls"),
        ("keys", "0002_walls"),
        ("operations", "0002_walls"),
        ("notices", "0002_walls"),
        ("journal", "0004_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
