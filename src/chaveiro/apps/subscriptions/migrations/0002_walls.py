"""A subscription is seen by its customer, by who reaches it, and by the operator; its ledger is appended only."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('subscriptions_subscription', 'subscriptions_ledgerrow');
CALL house_keeper('SELECT, INSERT, UPDATE', 'subscriptions_subscription');
CALL house_keeper('SELECT, INSERT', 'subscriptions_ledgerrow');

ALTER TABLE subscriptions_subscription ADD CONSTRAINT subscription_with_its_customer UNIQUE (customer_id, id);
ALTER TABLE subscriptions_ledgerrow ADD CONSTRAINT ledger_in_one_customer
    FOREIGN KEY (customer_id, subscription_id) REFERENCES subscriptions_subscription (customer_id, id);
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON subscriptions_ledgerrow
    FOR EACH ROW EXECUTE FUNCTION house_immutable();

GRANT SELECT ON subscriptions_subscription, subscriptions_ledgerrow TO {R}_web;
CREATE POLICY web_reads ON subscriptions_subscription FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND EXISTS (
        SELECT FROM customers_reach r
        WHERE r.organisation_id = (SELECT scope_organisation()) AND r.customer_id = subscriptions_subscription.customer_id
          AND r.ended_at IS NULL AND (r.subscription_id IS NULL OR r.subscription_id = subscriptions_subscription.id))));
CREATE POLICY web_reads ON subscriptions_ledgerrow FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND EXISTS (
        SELECT FROM customers_reach r
        WHERE r.organisation_id = (SELECT scope_organisation()) AND r.customer_id = subscriptions_ledgerrow.customer_id
          AND r.ended_at IS NULL
          AND (r.subscription_id IS NULL OR r.subscription_id = subscriptions_ledgerrow.subscription_id))));

-- Called inside other rooms' functions, with their rights. The rulebook computed the effect; the version that it was
-- computed from guards it, and the row it appends says everything that changed. Answers how many rows it wrote.
CREATE FUNCTION subscriptions_apply(effect jsonb, of_customer uuid, actor jsonb, on_day date, instant timestamptz)
RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE row_number integer := (effect ->> 'number')::integer; of_subscription uuid := (effect ->> 'subscription')::uuid;
BEGIN
    IF row_number = 1 THEN
        INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats, assigned,
            ends_on, credit, term, version, paid_by, opened_at)
        VALUES (of_subscription, of_customer, (effect ->> 'product')::bigint, (effect ->> 'policy')::bigint,
            effect ->> 'price_class', (effect ->> 'seats_after')::integer, (effect ->> 'assigned')::integer,
            (effect ->> 'ends_after')::date, (effect ->> 'credit_after')::integer, 1, 1, 'key', instant);
    ELSE
        UPDATE subscriptions_subscription SET seats = (effect ->> 'seats_after')::integer,
            ends_on = (effect ->> 'ends_after')::date, credit = (effect ->> 'credit_after')::integer,
            policy_id = (effect ->> 'policy')::bigint, term = (effect ->> 'term')::integer, version = row_number
        WHERE id = of_subscription AND customer_id = of_customer AND version = row_number - 1
          AND closed_at IS NULL AND erased_on IS NULL AND paid_by = 'key';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the subscription changed' USING ERRCODE = 'CV002';
        END IF;
    END IF;
    INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, redemption_id, day,
        origin, granted, seats_before, ends_before, credit_before, seats_after, ends_after, credit_after, policy_id,
        actor_kind, actor_id, organisation_id, at)
    VALUES (of_subscription, of_customer, row_number, (effect ->> 'term')::integer, effect ->> 'kind',
        coalesce(effect ->> 'why', ''), (effect ->> 'redemption')::uuid, on_day, (effect ->> 'origin')::date,
        (effect ->> 'granted')::integer, (effect ->> 'seats_before')::integer, (effect ->> 'ends_before')::date,
        (effect ->> 'credit_before')::integer, (effect ->> 'seats_after')::integer, (effect ->> 'ends_after')::date,
        (effect ->> 'credit_after')::integer, (effect ->> 'policy')::bigint, actor ->> 'kind',
        (actor ->> 'account')::uuid, (actor ->> 'organisation')::uuid, instant);
    RETURN 2;
END $body$;
"""

BACKWARD = f"""
DROP FUNCTION subscriptions_apply(jsonb, uuid, jsonb, date, timestamptz);
DROP TRIGGER never_changes ON subscriptions_ledgerrow;
ALTER TABLE subscriptions_ledgerrow DROP CONSTRAINT ledger_in_one_customer;
ALTER TABLE subscriptions_subscription DROP CONSTRAINT subscription_with_its_customer;
DROP POLICY house_system ON subscriptions_subscription;
DROP POLICY house_check ON subscriptions_subscription;
DROP POLICY house_keeper ON subscriptions_subscription;
DROP POLICY web_reads ON subscriptions_subscription;
REVOKE ALL ON subscriptions_subscription FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE subscriptions_subscription NO FORCE ROW LEVEL SECURITY;
ALTER TABLE subscriptions_subscription DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON subscriptions_ledgerrow;
DROP POLICY house_check ON subscriptions_ledgerrow;
DROP POLICY house_keeper ON subscriptions_ledgerrow;
DROP POLICY web_reads ON subscriptions_ledgerrow;
REVOKE ALL ON subscriptions_ledgerrow FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE subscriptions_ledgerrow NO FORCE ROW LEVEL SECURITY;
ALTER TABLE subscriptions_ledgerrow DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0001_rows"),
        ("customers", "0002_walls"),
        ("catalog", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
