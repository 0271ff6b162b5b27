"""What the sweep has to look at stands in the row: after every change it is due at once. Blocks, and test clocks."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

APPLY = """
CREATE OR REPLACE FUNCTION subscriptions_apply(effect jsonb, of_customer uuid, actor jsonb, on_day date, instant timestamptz)
RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE
    row_number integer := (effect ->> 'number')::integer;
    of_subscription uuid := (effect ->> 'subscription')::uuid;
    on_clock uuid := (SELECT c.clock_id FROM customers_customer c WHERE c.id = of_customer);
BEGIN
    -- Whoever lives on a test clock acts on its day: a sum made for another day is made anew.
    IF on_clock IS NOT NULL AND on_day <> (SELECT k.day FROM clocks_clock k WHERE k.id = on_clock) THEN
        RAISE EXCEPTION 'another day' USING ERRCODE = 'CV002';
    END IF;
    IF row_number = 1 THEN
        INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats, assigned,
            ends_on, credit, term, version, paid_by, opened_at, clock_id)
        VALUES (of_subscription, of_customer, (effect ->> 'product')::bigint, (effect ->> 'policy')::bigint,
            effect ->> 'price_class', (effect ->> 'seats_after')::integer, (effect ->> 'assigned')::integer,
            (effect ->> 'ends_after')::date, (effect ->> 'credit_after')::integer, 1, 1, 'key', instant, on_clock);
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

FORWARD = f"""
CALL house_wall('subscriptions_block');
CALL house_keeper('SELECT, INSERT, UPDATE', 'subscriptions_block');
ALTER TABLE subscriptions_block ADD CONSTRAINT block_in_one_customer
    FOREIGN KEY (customer_id, subscription_id) REFERENCES subscriptions_subscription (customer_id, id);
CREATE INDEX block_by_subscription ON subscriptions_block (customer_id, subscription_id) WHERE lifted_at IS NULL;

GRANT SELECT ON subscriptions_block TO {R}_web;
CREATE POLICY web_reads ON subscriptions_block FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND EXISTS (
        SELECT FROM customers_reach r
        WHERE r.organisation_id = (SELECT scope_organisation()) AND r.customer_id = subscriptions_block.customer_id
          AND r.ended_at IS NULL AND (r.subscription_id IS NULL OR subscriptions_block.subscription_id IS NULL
            OR r.subscription_id = subscriptions_block.subscription_id))));
CREATE FUNCTION seen_block(customer uuid, subscription uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN EXISTS (SELECT FROM customers_reach r WHERE r.customer_id = customer
            AND r.organisation_id = scope_organisation() AND r.ended_at IS NULL
            AND (r.subscription_id IS NULL OR subscription IS NULL OR r.subscription_id = subscription))
        ELSE false END
$body$;

-- Whatever changes what is owed makes the subscription due for the sweep, whichever act it was.
CREATE FUNCTION subscriptions_look_again() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.due_on := '0001-01-01';
    RETURN NEW;
END $body$;
CREATE TRIGGER look_again BEFORE UPDATE ON subscriptions_subscription FOR EACH ROW
    WHEN ((OLD.ends_on, OLD.term, OLD.policy_id, OLD.paid_by) IS DISTINCT FROM
            (NEW.ends_on, NEW.term, NEW.policy_id, NEW.paid_by)
        OR (OLD.closed_at, OLD.erased_on, OLD.clock_id) IS DISTINCT FROM (NEW.closed_at, NEW.erased_on, NEW.clock_id))
    EXECUTE FUNCTION subscriptions_look_again();
""" + APPLY

BACKWARD = f"""
DROP TRIGGER look_again ON subscriptions_subscription;
DROP FUNCTION subscriptions_look_again();
DROP FUNCTION seen_block(uuid, uuid);
DROP INDEX block_by_subscription;
ALTER TABLE subscriptions_block DROP CONSTRAINT block_in_one_customer;
DROP POLICY house_system ON subscriptions_block;
DROP POLICY house_check ON subscriptions_block;
DROP POLICY house_keeper ON subscriptions_block;
DROP POLICY web_reads ON subscriptions_block;
REVOKE ALL ON subscriptions_block FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE subscriptions_block NO FORCE ROW LEVEL SECURITY;
ALTER TABLE subscriptions_block DISABLE ROW LEVEL SECURITY;
""" + """
CREATE OR REPLACE FUNCTION subscriptions_apply(effect jsonb, of_customer uuid, actor jsonb, on_day date, instant timestamptz)
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


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0004_agenda"),
        ("customers", "0009_on_a_clock"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
