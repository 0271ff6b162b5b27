"""Corrections: proposed by one, agreed to by another, written by one function into both ledgers."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

# The keeper owns the function, so that only dropping and making it anew is the owner's.
RENAME = """DO $do$
DECLARE whole text := pg_get_functiondef('{0}(uuid)'::regprocedure);
BEGIN
    DROP FUNCTION {0}(uuid);
    EXECUTE replace(whole, '{0}(', '{1}(');
END $do$;
CALL house_keep('{1}(uuid)');"""

ROWS = migrations.CreateModel(
    name="Correction",
    fields=[
        ("id", models.UUIDField(primary_key=True, serialize=False)),
        ("purpose", models.TextField()),
        ("subscription_id", models.UUIDField(null=True)),
        ("reason", models.TextField()),
        ("state", models.TextField(default="proposed")),
        ("proposed_kind", models.TextField()),
        ("proposed_by", models.UUIDField(null=True)),
        ("organisation_id", models.UUIDField(null=True)),
        ("proposed_at", models.DateTimeField()),
        ("settled_by", models.UUIDField(null=True)),
        ("settled_at", models.DateTimeField(null=True)),
        ("answer", models.TextField(default="")),
        ("made", models.UUIDField(null=True)),
        (
            "redemption",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="redemption.redemption"
            ),
        ),
        (
            "right_customer",
            models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="customers.customer"),
        ),
    ],
    options={
        "indexes": [
            models.Index(fields=["redemption", "proposed_at"], name="correction_by_redemption"),
            models.Index(condition=models.Q(("state", "proposed")), fields=["id"], name="correction_waiting"),
        ],
        "constraints": [
            models.UniqueConstraint(
                condition=models.Q(("state", "proposed")), fields=("redemption",), name="correction_waits_once"
            ),
            models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "approved", "declined", "withdrawn"])),
                name="correction_state_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(("purpose__in", ["open", "add", "extend"])), name="correction_purpose_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("made__isnull", False), ("state", "approved")),
                    models.Q(models.Q(("state", "approved"), _negated=True), ("made__isnull", True)),
                    _connector="OR",
                ),
                name="approved_correction_made_one",
            ),
        ],
    },
)

WALLS = f"""
CALL house_wall('closing_correction');
CALL house_keeper('SELECT, UPDATE', 'closing_correction');
GRANT SELECT, INSERT ON closing_correction TO {R}_web;
GRANT UPDATE (state, settled_by, settled_at, answer) ON closing_correction TO {R}_web;
CREATE POLICY web_reads ON closing_correction FOR SELECT TO {R}_web USING (
    scope_kind() = 'operator' OR (scope_kind() = 'channel' AND organisation_id = scope_organisation()));
CREATE POLICY web_proposes ON closing_correction FOR INSERT TO {R}_web WITH CHECK (
    state = 'proposed' AND proposed_by IS NOT DISTINCT FROM scope_account() AND proposed_kind = scope_kind()
    AND (scope_kind() = 'operator' OR (scope_kind() = 'channel' AND organisation_id = scope_organisation())));
CREATE POLICY web_settles ON closing_correction FOR UPDATE TO {R}_web
    USING (state = 'proposed' AND (scope_kind() = 'operator'
        OR (scope_kind() = 'channel' AND organisation_id = scope_organisation())))
    WITH CHECK (state = 'withdrawn' OR (state = 'declined' AND scope_kind() = 'operator'));
-- What was proposed is what is agreed to: only its state and who settled it change, and no state but the first does.
CREATE FUNCTION closing_keep_proposal() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'a correction keeps what was proposed' USING ERRCODE = 'integrity_constraint_violation';
END $body$;
CREATE TRIGGER keeps_proposal BEFORE UPDATE ON closing_correction FOR EACH ROW
    WHEN (OLD.state <> 'proposed' OR (OLD.id, OLD.redemption_id, OLD.right_customer_id, OLD.purpose,
            OLD.subscription_id, OLD.reason, OLD.proposed_kind, OLD.proposed_by, OLD.organisation_id, OLD.proposed_at)
        IS DISTINCT FROM (NEW.id, NEW.redemption_id, NEW.right_customer_id, NEW.purpose,
            NEW.subscription_id, NEW.reason, NEW.proposed_kind, NEW.proposed_by, NEW.organisation_id, NEW.proposed_at))
    EXECUTE FUNCTION closing_keep_proposal();
CREATE TRIGGER stays BEFORE DELETE ON closing_correction FOR EACH ROW EXECUTE FUNCTION closing_keep_proposal();
"""

UNWALLS = f"""
DROP TRIGGER stays ON closing_correction;
DROP TRIGGER keeps_proposal ON closing_correction;
DROP FUNCTION closing_keep_proposal();
DROP POLICY house_system ON closing_correction;
DROP POLICY house_check ON closing_correction;
DROP POLICY house_keeper ON closing_correction;
DROP POLICY web_reads ON closing_correction;
DROP POLICY web_proposes ON closing_correction;
DROP POLICY web_settles ON closing_correction;
REVOKE ALL ON closing_correction FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE closing_correction NO FORCE ROW LEVEL SECURITY;
ALTER TABLE closing_correction DISABLE ROW LEVEL SECURITY;
"""

LOOK = """
-- Everything that decides a correction, both customers and all subscriptions locked until the transaction ends, in one
-- order whichever way it goes. Only for whoever may read the redemption and reaches the right customer.
CREATE FUNCTION closing_scene(wanted uuid, to_customer uuid, target uuid) RETURNS jsonb LANGUAGE plpgsql AS $body$
DECLARE answer jsonb;
BEGIN
    IF scope_kind() NOT IN ('operator', 'system', 'channel') OR redemption_facts(wanted) IS NULL
       OR NOT EXISTS (SELECT FROM customers_customer c WHERE c.id = to_customer AND c.closed_at IS NULL
           AND (scope_kind() <> 'channel' OR EXISTS (SELECT FROM customers_reach h WHERE h.customer_id = c.id
               AND h.organisation_id = scope_organisation() AND h.ended_at IS NULL)))
    THEN
        RETURN NULL;
    END IF;
    PERFORM FROM customers_customer c
        WHERE c.id = to_customer OR c.id = (SELECT customer_id FROM redemption_redemption WHERE id = wanted)
        ORDER BY c.id FOR UPDATE;
    PERFORM FROM subscriptions_subscription s
        WHERE s.id = target OR s.id IN (SELECT subscription_id FROM redemption_line WHERE redemption_id = wanted)
        ORDER BY s.id FOR UPDATE;
    SELECT jsonb_build_object(
        'reference', r.reference, 'organisation', r.organisation_id, 'customer', r.customer_id, 'day', r.day,
        'reversed_at', r.reversed_at, 'opened_customer', r.opened_customer,
        'actor_kind', r.actor_kind, 'actor', r.actor_id,
        'people', (SELECT count(*) FROM customers_person p
            WHERE p.customer_id = r.customer_id AND p.id IS DISTINCT FROM r.person_id),
        'others', (SELECT count(*) FROM subscriptions_subscription s
            WHERE s.customer_id = r.customer_id AND s.closed_at IS NULL
              AND s.id NOT IN (SELECT l.subscription_id FROM redemption_line l WHERE l.redemption_id = r.id)),
        'country', (SELECT c.country FROM customers_customer c WHERE c.id = to_customer),
        'wrongs', (SELECT jsonb_agg(jsonb_build_object(
                'subscription', s.id, 'product', p.id, 'code', p.code, 'names', today.names,
                'price_class', s.price_class, 'term', s.term, 'version', s.version, 'assigned', s.assigned,
                'automatic', (SELECT count(*) FROM licences_licence a
                    WHERE a.subscription_id = s.id AND a.ended_at IS NULL AND a.automatic),
                'undone', e.number, 'row_policy', e.policy_id, 'policy', today.policy_id, 'policy_numbers', y.numbers,
                'maximum_seats', today.maximum_seats,
                'rows', (SELECT jsonb_agg(to_jsonb(w) ORDER BY w.number)
                    FROM subscriptions_ledgerrow w WHERE w.subscription_id = s.id),
                'keys', (SELECT jsonb_agg(jsonb_build_object('number', k.number, 'last_five', k.last_five,
                        'seats', l.seats, 'months', l.months, 'countries', b.countries) ORDER BY l.id)
                    FROM redemption_line l JOIN keys_key k ON k.number = l.key_id JOIN keys_batch b ON b.id = k.batch_id
                    WHERE l.redemption_id = r.id AND l.subscription_id = s.id)) ORDER BY e.id)
            FROM subscriptions_ledgerrow e JOIN subscriptions_subscription s ON s.id = e.subscription_id
            JOIN catalog_product p ON p.id = s.product_id
            JOIN LATERAL (SELECT v.* FROM catalog_productversion v WHERE v.product_id = p.id
                ORDER BY v.number DESC LIMIT 1) AS today ON true
            JOIN catalog_policy y ON y.id = today.policy_id
            WHERE e.redemption_id = r.id AND e.kind IN ('open', 'add', 'extend')
              AND s.id IN (SELECT l.subscription_id FROM redemption_line l WHERE l.redemption_id = r.id)),
        'target', (SELECT jsonb_build_object('id', t.id, 'customer', t.customer_id, 'product', t.product_id,
                'code', p.code, 'price_class', t.price_class, 'seats', t.seats, 'ends_on', t.ends_on,
                'credit', t.credit, 'assigned', t.assigned, 'term', t.term, 'version', t.version,
                'paid_by', t.paid_by, 'erased_on', t.erased_on, 'policy', t.policy_id, 'policy_numbers', y.numbers,
                'maximum_seats', (SELECT v.maximum_seats FROM catalog_productversion v WHERE v.product_id = p.id
                    ORDER BY v.number DESC LIMIT 1))
            FROM subscriptions_subscription t JOIN catalog_product p ON p.id = t.product_id
            JOIN catalog_policy y ON y.id = t.policy_id
            WHERE t.id = target AND t.customer_id = to_customer AND t.closed_at IS NULL))
    INTO answer FROM redemption_redemption r WHERE r.id = wanted;
    RETURN answer;
END $body$;
"""

WRITE = """
-- Called inside closing_correct, with its rights: what is left of the keys leaves the wrong subscription.
CREATE FUNCTION closing_take(item jsonb, of_customer uuid, actor jsonb, why text, on_day date, instant timestamptz)
RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    one uuid := (item ->> 'subscription')::uuid;
    closes boolean := item -> 'ends_after' = 'null';
BEGIN
    IF closes THEN
        UPDATE licences_licence SET ended_at = instant WHERE subscription_id = one AND ended_at IS NULL;
    END IF;
    UPDATE subscriptions_subscription SET version = version + 1, term = term + 1,
        seats = (item ->> 'seats_after')::integer, credit = (item ->> 'credit_after')::integer,
        ends_on = coalesce((item ->> 'ends_after')::date, ends_on),
        assigned = CASE WHEN closes THEN 0 ELSE assigned END, closed_at = CASE WHEN closes THEN instant END
    WHERE id = one AND customer_id = of_customer AND version = (item ->> 'version')::integer AND closed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the subscription changed' USING ERRCODE = 'CV002';
    END IF;
    INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, reverses, day, origin,
        granted, seats_before, ends_before, credit_before, seats_after, ends_after, credit_after, policy_id,
        actor_kind, actor_id, organisation_id, at)
    VALUES (one, of_customer, (item ->> 'version')::integer + 1, (item ->> 'term')::integer + 1, 'correct', why,
        (item ->> 'undone')::integer, on_day, on_day, 0, (item ->> 'seats_before')::integer,
        (item ->> 'ends_before')::date, (item ->> 'credit_before')::integer, (item ->> 'seats_after')::integer,
        (item ->> 'ends_after')::date, (item ->> 'credit_after')::integer, (item ->> 'row_policy')::bigint,
        actor ->> 'kind', (actor ->> 'account')::uuid, (actor ->> 'organisation')::uuid, instant);
END $body$;

-- The correction: every row of it or none. The rulebook made the plan; each claim is guarded.
CREATE FUNCTION closing_correct(plan jsonb, instant timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    wanted uuid := (plan ->> 'redemption')::uuid;
    made jsonb := plan -> 'made';
    wrong_customer uuid := (plan ->> 'wrong_customer')::uuid;
    right_customer uuid := (made ->> 'customer')::uuid;
    actor jsonb := plan -> 'actor';
    seller jsonb := plan -> 'seller';
    day date := (made ->> 'day')::date;
    numbers bigint[];
    moved integer;
    item jsonb;
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = 'CV003';
    END IF;
    UPDATE closing_correction SET state = 'approved', settled_by = (actor ->> 'account')::uuid, settled_at = instant,
        made = (plan -> 'made' ->> 'id')::uuid
    WHERE id = (plan ->> 'correction')::uuid AND redemption_id = wanted AND right_customer_id = right_customer
      AND state = 'proposed';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'settled before' USING ERRCODE = 'CV002';
    END IF;
    UPDATE redemption_redemption SET reversed_at = instant, reversed_by = (actor ->> 'account')::uuid,
        reversal_reason = plan ->> 'reason'
    WHERE id = wanted AND customer_id = wrong_customer AND reversed_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'reversed before' USING ERRCODE = 'CV002';
    END IF;
    UPDATE redemption_line SET reversed = true WHERE redemption_id = wanted;
    SELECT array_agg((line ->> 'number')::bigint) INTO numbers FROM jsonb_array_elements(plan -> 'lines') AS line;
    -- The keys stay redeemed, and the instant in which they were: only whose they are was wrong.
    UPDATE keys_key SET customer_id = right_customer
    WHERE number = ANY (numbers) AND state = 'redeemed' AND customer_id = wrong_customer;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(numbers) OR moved <> (SELECT count(*) FROM redemption_line WHERE redemption_id = wanted) THEN
        RAISE EXCEPTION 'a key changed' USING ERRCODE = 'CV001';
    END IF;
    FOR item IN SELECT jsonb_array_elements(plan -> 'taken') LOOP
        PERFORM closing_take(item, wrong_customer, actor, plan ->> 'reason', day, instant);
    END LOOP;
    FOR item IN SELECT jsonb_array_elements(plan -> 'effects') LOOP
        PERFORM subscriptions_apply(item, right_customer, actor, day, instant);
    END LOOP;
    IF (plan ->> 'closes_customer')::boolean THEN
        PERFORM closing_close_customer(wrong_customer, instant);
    END IF;
    PERFORM redemption_write(made, seller, plan -> 'lines', instant);
    UPDATE redemption_redemption SET corrects = wanted WHERE id = (made ->> 'id')::uuid;
    IF seller ->> 'organisation' IS NOT NULL THEN
        -- A seller reads what it redeemed: no more where nothing of it stands, and where it stands now.
        UPDATE customers_reach h SET ended_at = instant
        WHERE h.customer_id = wrong_customer AND h.organisation_id = (seller ->> 'organisation')::uuid
          AND h.kind = 'seller' AND h.ended_at IS NULL AND NOT EXISTS (
            SELECT FROM redemption_line l JOIN redemption_redemption r ON r.id = l.redemption_id
            WHERE l.subscription_id = h.subscription_id AND NOT l.reversed AND r.organisation_id = h.organisation_id);
        PERFORM customers_reach_out(right_customer, (seller ->> 'organisation')::uuid, 'seller',
            ARRAY(SELECT (e ->> 'subscription')::uuid FROM jsonb_array_elements(plan -> 'effects') AS e), instant);
    END IF;
    PERFORM journal_append(plan -> 'entries_wrong', actor, wrong_customer, instant);
    PERFORM journal_append(plan -> 'entries_right', actor, right_customer, instant);
    PERFORM notices_owe(plan -> 'owed', instant);
    IF plan -> 'answer' <> 'null' THEN
        PERFORM operations_remember(plan -> 'answer', instant);
    END IF;
END $body$;
CALL house_keep('closing_scene(uuid, uuid, uuid)', 'closing_correct(jsonb, timestamptz)');

-- A redemption that a correction made is not for reversal: its keys were used elsewhere in part.
""" + RENAME.format("closing_look", "closing_look_alone") + """
CREATE FUNCTION closing_look(wanted uuid) RETURNS jsonb LANGUAGE sql AS $body$
    SELECT closing_look_alone(wanted) || jsonb_build_object('corrected',
        (SELECT count(r.corrects) FROM redemption_redemption r WHERE r.id = wanted))
$body$;
CALL house_keep('closing_look(uuid)');
"""

UNWRITE = """
DROP FUNCTION closing_look(uuid);
""" + RENAME.format("closing_look_alone", "closing_look") + """
DROP FUNCTION closing_correct(jsonb, timestamptz);
DROP FUNCTION closing_take(jsonb, uuid, jsonb, text, date, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0002_check_reads"),
        ("customers", "0003_tax_numbers"),
        ("redemption", "0005_corrections"),
    ]
    operations = [
        ROWS,
        migrations.RunSQL(WALLS, UNWALLS),
        migrations.RunSQL(LOOK, "DROP FUNCTION closing_scene(uuid, uuid, uuid);"),
        migrations.RunSQL(WRITE, UNWRITE),
    ]
