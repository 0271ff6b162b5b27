"""A partner of record of one subscription extends that one alone; the commit looks at the subscription it changes."""

from django.db import migrations

FORWARD = """
-- Who may change an existing customer's subscriptions, looked at again inside the commit (D1).
CREATE FUNCTION redemption_may_change(of_customer uuid, purpose text, effects jsonb) RETURNS boolean
LANGUAGE sql STABLE AS $body$
    SELECT (scope_kind() = 'customer' AND scope_customer() = of_customer AND EXISTS (
                SELECT FROM customers_role r JOIN customers_person p ON p.id = r.person_id
                WHERE p.account_id = scope_account() AND r.customer_id = of_customer AND r.ended_at IS NULL))
        OR (scope_kind() = 'channel' AND purpose = 'extend' AND jsonb_array_length(effects) > 0 AND NOT EXISTS (
                SELECT FROM jsonb_array_elements(effects) AS effect
                WHERE NOT delegation_counts(of_customer, (effect ->> 'subscription')::uuid, scope_organisation())))
$body$;
-- The commit stays as it is but for what it asks; a commit that asks something else already is not touched blindly.
DO $do$
DECLARE whole text := pg_get_functiondef('redemption_commit(jsonb, timestamptz)'::regprocedure);
    asks constant text := $$redemption_may_change(customer, redemption ->> 'purpose')$$;
    shall constant text := $$redemption_may_change(customer, redemption ->> 'purpose', plan -> 'effects')$$;
BEGIN
    IF position(asks IN whole) = 0 THEN
        RAISE EXCEPTION 'redemption_commit does not ask who may change';
    END IF;
    DROP FUNCTION redemption_commit(jsonb, timestamptz);
    EXECUTE replace(whole, asks, shall);
END $do$;
CALL house_keep('redemption_commit(jsonb, timestamptz)');
DROP FUNCTION redemption_may_change(uuid, text);
"""

BACKWARD = """
CREATE FUNCTION redemption_may_change(of_customer uuid, purpose text) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT (scope_kind() = 'customer' AND scope_customer() = of_customer AND EXISTS (
                SELECT FROM customers_role r JOIN customers_person p ON p.id = r.person_id
                WHERE p.account_id = scope_account() AND r.customer_id = of_customer AND r.ended_at IS NULL))
        OR (scope_kind() = 'channel' AND purpose = 'extend' AND EXISTS (
                SELECT FROM delegation_partnerofrecord d WHERE d.customer_id = of_customer
                AND d.organisation_id = scope_organisation() AND d.state = 'confirmed'))
$body$;
DO $do$
DECLARE whole text := pg_get_functiondef('redemption_commit(jsonb, timestamptz)'::regprocedure);
BEGIN
    DROP FUNCTION redemption_commit(jsonb, timestamptz);
    EXECUTE replace(whole, $$redemption_may_change(customer, redemption ->> 'purpose', plan -> 'effects')$$,
        $$redemption_may_change(customer, redemption ->> 'purpose')$$);
END $do$;
CALL house_keep('redemption_commit(jsonb, timestamptz)');
DROP FUNCTION redemption_may_change(uuid, text, jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("redemption", "0005_corrections"),
        ("delegation", "0004_choosing"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
