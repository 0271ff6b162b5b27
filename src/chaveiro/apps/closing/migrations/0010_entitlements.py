"""What a person may use, with all that the answer needs, in one statement: a service asks it at every request.

    closing_entitlements          asked in somebody's scope: a page, a provider's claims
    closing_entitled              asked with a token, known or not: authentication and answer in the same statement
    closing_entitlement_facts     what both are made of; nobody calls it from outside

Who is out of reach is answered like who does not exist. In plpgsql, which keeps its plans from one call to the next:
each statement looks for one person by an index, so that one plan is right for all of them.
"""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

ANSWER = """TABLE (verdict text, language text, people uuid[], person uuid, email text, customer uuid, organisation text,
    day date, held jsonb)"""

FORWARD = f"""
CREATE FUNCTION closing_entitlement_facts(asks text, of_account uuid, of_organisation uuid, of_customer uuid,
    wanted uuid, address text, on_day date, platform_day date)
RETURNS {ANSWER} LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $body$
#variable_conflict use_column
DECLARE
    may boolean := asks IN ('service', 'operator', 'system');
    found record;
    several uuid[];
BEGIN
    verdict := 'absent';
    IF asks = 'customer' THEN
        may := EXISTS (SELECT FROM customers_person p JOIN customers_role r ON r.person_id = p.id
            WHERE p.account_id = of_account AND p.deleted_at IS NULL AND r.customer_id = of_customer
              AND r.ended_at IS NULL);
    ELSIF asks = 'channel' THEN
        may := EXISTS (SELECT FROM channel_member m WHERE m.account_id = of_account
            AND m.organisation_id = of_organisation AND m.ended_at IS NULL);
        IF NOT may THEN verdict := 'role'; RETURN NEXT; RETURN; END IF;
    END IF;
    IF wanted IS NULL THEN
        -- An address, or the name that somebody signs in with: two indexes, never a walk through all accounts.
        SELECT array_agg(p.id) INTO several
        FROM (SELECT a.id FROM identity_account a WHERE lower(a.email) = lower(address) AND a.closed_at IS NULL
              UNION SELECT a.id FROM identity_account a WHERE a.login_name = lower(address) AND a.closed_at IS NULL
              LIMIT 100) known
        JOIN customers_person p ON p.account_id = known.id AND p.deleted_at IS NULL
        WHERE CASE asks
            WHEN 'customer' THEN p.customer_id = of_customer AND (may OR p.account_id = of_account)
            WHEN 'channel' THEN EXISTS (SELECT FROM customers_reach r WHERE r.organisation_id = of_organisation
                AND r.customer_id = p.customer_id AND r.ended_at IS NULL)
            ELSE may END;
        IF cardinality(several) > 1 THEN
            verdict := 'several'; people := several; RETURN NEXT; RETURN;
        END IF;
        wanted := several[1];
    END IF;
    SELECT p.id, a.id AS account, a.email, c.id AS customer, c.name, k.day INTO found
    FROM customers_person p JOIN identity_account a ON a.id = p.account_id JOIN customers_customer c ON c.id = p.customer_id
        LEFT JOIN clocks_clock k ON k.id = c.clock_id
    WHERE p.id = wanted AND p.deleted_at IS NULL AND a.closed_at IS NULL;
    IF found.id IS NULL OR NOT (CASE asks
        WHEN 'customer' THEN found.customer = of_customer AND (may OR found.account = of_account)
        WHEN 'channel' THEN EXISTS (SELECT FROM customers_reach r WHERE r.organisation_id = of_organisation
            AND r.customer_id = found.customer AND r.ended_at IS NULL)
        ELSE may END)
    THEN RETURN NEXT; RETURN; END IF;
    verdict := 'found'; person := found.id; email := found.email; customer := found.customer;
    organisation := found.name; day := coalesce(on_day, found.day, platform_day);
    held := (SELECT jsonb_agg(jsonb_build_array(s.id, s.code, s.ends_on, s.erased_on,
            (s.closed_at AT TIME ZONE 'UTC')::date, s.numbers::text, EXISTS (
                SELECT FROM licences_licence l WHERE l.person_id = found.id AND l.product_id = s.product_id
                  AND l.ended_at IS NULL AND l.subscription_id = s.id),
            (SELECT jsonb_agg(jsonb_build_array(b.kind, b.holder, b.put_on)) FROM subscriptions_block b
                WHERE b.customer_id = found.customer AND b.lifted_at IS NULL
                  AND (b.subscription_id IS NULL OR b.subscription_id = s.id)), s.erase_on))
        FROM (
            SELECT s.id, pr.code, s.product_id, s.ends_on, s.erased_on, s.closed_at, s.erase_on, po.numbers
            FROM subscriptions_subscription s JOIN catalog_product pr ON pr.id = s.product_id
                JOIN catalog_policy po ON po.id = s.policy_id
            WHERE s.customer_id = found.customer AND (asks <> 'channel' OR EXISTS (
                SELECT FROM customers_reach r WHERE r.organisation_id = of_organisation
                  AND r.customer_id = found.customer AND r.ended_at IS NULL
                  AND (r.subscription_id IS NULL OR r.subscription_id = s.id)))
            ORDER BY s.ends_on DESC, s.id DESC LIMIT 200
        ) s);
    RETURN NEXT;
END $body$;
REVOKE ALL ON FUNCTION closing_entitlement_facts(text, uuid, uuid, uuid, uuid, text, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION closing_entitlement_facts(text, uuid, uuid, uuid, uuid, text, date, date) TO {R}_keeper;

CREATE FUNCTION closing_entitlements(wanted uuid, address text, on_day date, platform_day date)
RETURNS {ANSWER} LANGUAGE plpgsql STABLE AS $body$
BEGIN
    RETURN QUERY SELECT * FROM closing_entitlement_facts(scope_kind(), scope_account(), scope_organisation(),
        scope_customer(), wanted, address, on_day, platform_day);
END $body$;

-- Whoever shows a service's token asks for the service; whoever shows an account's, as that account, if it may read.
CREATE FUNCTION closing_entitled(shown bytea, wanted uuid, address text, on_day date, platform_day date,
    instant timestamptz)
RETURNS {ANSWER} LANGUAGE plpgsql STABLE AS $body$
#variable_conflict use_column
DECLARE asker record;
BEGIN
    IF EXISTS (SELECT FROM identity_servicesecret t JOIN identity_service s ON s.id = t.service_id
        WHERE t.digest = shown AND t.kind = 'token' AND (t.expires_at IS NULL OR t.expires_at > instant)
          AND s.removed_at IS NULL)
    THEN
        RETURN QUERY SELECT * FROM closing_entitlement_facts('service', NULL, NULL, NULL, wanted, address, on_day,
            platform_day);
        RETURN;
    END IF;
    SELECT * INTO asker FROM identity_by_token(shown, instant);
    IF asker.account IS NULL THEN
        verdict := 'unknown'; RETURN NEXT; RETURN;
    ELSIF NOT asker.scopes && '{{entitlements:read,subscriptions:read}}' THEN
        verdict := 'scope'; language := asker.language; RETURN NEXT; RETURN;
    END IF;
    RETURN QUERY SELECT f.verdict, asker.language, f.people, f.person, f.email, f.customer, f.organisation, f.day, f.held
        FROM closing_entitlement_facts(asker.kind, asker.account, asker.organisation, asker.customer, wanted, address,
            on_day, platform_day) f;
END $body$;

CALL house_keep('closing_entitlements(uuid, text, date, date)',
    'closing_entitled(bytea, uuid, text, date, date, timestamptz)');
"""

BACKWARD = """
DROP FUNCTION closing_entitled(bytea, uuid, text, date, date, timestamptz);
DROP FUNCTION closing_entitlements(uuid, text, date, date);
DROP FUNCTION closing_entitlement_facts(text, uuid, uuid, uuid, uuid, text, date, date);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0006_sweep"),
        ("identity", "0008_services"),
        ("subscriptions", "0005_agenda_walls"),
        ("clocks", "0002_walls"),
        ("licences", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
