"""What the operator's desk looks up across the rooms: found by an index each, past row-level security for operators only.

Row-level security keeps conditions that could leak from using an index before a row is allowed; the keeper's functions
ask who is asking first, and then look where the index leads.
"""

from django.db import migrations


INDEXES = """
-- Words of a name and the domain prefix, without case and accents; `simple` knows no language.
CREATE FUNCTION closing_words(written text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT to_tsvector('pg_catalog.simple', regexp_replace(normalize(lower(written), NFD), '[\u0300-\u036f]', '', 'g'))
$body$;
CREATE INDEX customer_by_words ON customers_customer USING gin (closing_words(name || ' ' || domain_prefix));
CREATE INDEX account_by_alternate_email ON identity_account (lower(alternate_email)) WHERE alternate_email <> '';
CREATE INDEX redemption_by_time ON redemption_redemption USING brin (at);
CREATE INDEX key_by_last_five ON keys_key (last_five, number) WHERE last_five IS NOT NULL;
CREATE INDEX owed_by_redemption ON notices_owed ((facts ->> 'redemption')) WHERE facts ? 'redemption';
CREATE INDEX letter_by_customer ON notices_letter (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX line_by_subscription ON redemption_line (subscription_id);
"""

UNINDEX = """
DROP INDEX line_by_subscription;
DROP INDEX letter_by_customer;
DROP INDEX owed_by_redemption;
DROP INDEX key_by_last_five;
DROP INDEX redemption_by_time;
DROP INDEX account_by_alternate_email;
DROP INDEX customer_by_words;
DROP FUNCTION closing_words(text);
"""

LOOK = """
-- The beginnings of words that are asked for, as a query; nothing for a text without any.
CREATE FUNCTION closing_asked(written text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT to_tsquery('pg_catalog.simple', string_agg(quote_literal(word) || ':*', ' & '))
    FROM regexp_split_to_table(
        regexp_replace(normalize(lower(written), NFD), '[\u0300-\u036f]', '', 'g'), '[^[:alnum:]]+') AS word
    WHERE word <> ''
$body$;

-- Customers by what is known of them: words of name and prefix, an e-mail of their people, a tax number.
CREATE FUNCTION closing_customers_found(written text, countries text[], at_most integer)
RETURNS TABLE (id uuid, name text, country text, domain_prefix text, closed boolean, by text)
LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN; END IF;
    RETURN QUERY
    WITH hits AS (
        (SELECT c.id AS hit, 'name' AS how FROM customers_customer c
         WHERE closing_words(c.name || ' ' || c.domain_prefix) @@ closing_asked(written)
         ORDER BY c.id DESC LIMIT at_most)
        UNION ALL
        (SELECT a.customer_id, 'email' FROM identity_account a
         WHERE lower(a.email) = lower(written) AND a.customer_id IS NOT NULL LIMIT at_most)
        UNION ALL
        (SELECT a.customer_id, 'email' FROM identity_account a
         WHERE a.alternate_email <> '' AND lower(a.alternate_email) = lower(written)
           AND a.customer_id IS NOT NULL LIMIT at_most)
        UNION ALL
        (SELECT c.id, 'tax_number' FROM customers_customer c
         WHERE NOT c.tax_number = '' AND c.closed_at IS NULL AND customers_tax_number_form(c.country, c.tax_number)
             = ANY (ARRAY(SELECT customers_tax_number_form(one, written) FROM unnest(countries) AS one))
         LIMIT at_most)
    )
    SELECT c.id, c.name, c.country::text, c.domain_prefix, c.closed_at IS NOT NULL, min(h.how)
    FROM hits h JOIN customers_customer c ON c.id = h.hit GROUP BY c.id ORDER BY c.closed_at IS NOT NULL, c.id DESC
    LIMIT at_most;
END $body$;

-- Accounts of the vendor and the channel with this e-mail address, the oldest first.
CREATE FUNCTION closing_accounts_found(written text, at_most integer)
RETURNS TABLE (id uuid, kind text, given_name text, family_name text, organisation uuid)
LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN; END IF;
    RETURN QUERY SELECT a.id, a.kind, a.given_name, a.family_name, a.organisation_id FROM identity_account a
        WHERE lower(a.email) = lower(written) AND a.customer_id IS NULL ORDER BY a.created_at LIMIT at_most;
END $body$;

-- What is said of a digest whose text somebody has in hand: the key's number.
CREATE FUNCTION closing_key_of(digests bytea[]) RETURNS bigint LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN NULL; END IF;
    RETURN (SELECT k.number FROM keys_key k WHERE k.digest = ANY (digests) LIMIT 1);
END $body$;

-- Customers, the newest first, with what they have: those of some words, a country, a stage of some subscription.
CREATE FUNCTION closing_customers(written text, of_country text, of_stage text, today date, before uuid, at_most integer)
RETURNS TABLE (id uuid, name text, country text, domain_prefix text, opened_at timestamptz, closed_at timestamptz,
    is_test boolean, subscriptions bigint, seats bigint, next_end date)
LANGUAGE plpgsql STABLE AS $body$
DECLARE asked tsquery := closing_asked(written);
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN; END IF;
    RETURN QUERY
    SELECT c.id, c.name, c.country::text, c.domain_prefix, c.opened_at, c.closed_at, c.is_test, of.subscriptions,
        of.seats, of.next_end
    FROM customers_customer c
    LEFT JOIN LATERAL (
        SELECT count(*) AS subscriptions, sum(s.seats)::bigint AS seats, min(s.ends_on) AS next_end,
            coalesce(bool_or(CASE of_stage
                WHEN 'active' THEN s.erased_on IS NULL AND s.ends_on > today
                WHEN 'grace' THEN s.erased_on IS NULL AND s.ends_on <= today
                    AND s.ends_on + (p.numbers ->> 'grace_days')::integer > today
                WHEN 'retained' THEN s.erased_on IS NULL
                    AND s.ends_on + (p.numbers ->> 'grace_days')::integer <= today
                WHEN 'deleted' THEN s.erased_on IS NOT NULL
            END), false) AS fits
        FROM subscriptions_subscription s JOIN catalog_policy p ON p.id = s.policy_id
        WHERE s.customer_id = c.id AND s.closed_at IS NULL
    ) AS of ON true
    -- Looked up once, by the index: on the way along the list each name would be taken into words anew.
    WHERE (written = '' OR c.id IN (SELECT w.id FROM customers_customer w
        WHERE closing_words(w.name || ' ' || w.domain_prefix) @@ asked))
      AND (of_country = '' OR c.country = of_country)
      AND CASE of_stage WHEN '' THEN true WHEN 'closed' THEN c.closed_at IS NOT NULL
          WHEN 'none' THEN c.closed_at IS NULL AND of.subscriptions = 0 ELSE of.fits END
      AND (before IS NULL OR c.id < before)
    ORDER BY c.id DESC LIMIT at_most;
END $body$;

-- The letters that a redemption led to, and those about a customer: whether and how they were posted.
CREATE FUNCTION closing_letters(of_redemption uuid, of_customer uuid, at_most integer)
RETURNS TABLE (id uuid, kind text, account uuid, state text, attempts smallint, outcome text, created_at timestamptz,
    posted_at timestamptz)
LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN; END IF;
    RETURN QUERY
    SELECT l.id, l.kind, l.account_id, l.state, l.attempts, l.outcome, l.created_at, l.posted_at FROM notices_letter l
    WHERE (of_redemption IS NOT NULL AND l.owed_id IN (SELECT o.id FROM notices_owed o
            WHERE o.facts ? 'redemption' AND o.facts ->> 'redemption' = of_redemption::text))
       OR (of_customer IS NOT NULL AND l.customer_id = of_customer)
    ORDER BY l.created_at DESC LIMIT at_most;
END $body$;

-- Letters that nobody took and that are tried no more, the newest first; when a letter was last taken.
CREATE FUNCTION closing_letters_given_up(at_most integer)
RETURNS TABLE (id uuid, kind text, account uuid, customer uuid, attempts smallint, outcome text, created_at timestamptz)
LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN; END IF;
    RETURN QUERY SELECT l.id, l.kind, l.account_id, l.customer_id, l.attempts, l.outcome, l.created_at
        FROM notices_letter l WHERE l.state = 'failed' ORDER BY l.created_at DESC LIMIT at_most;
END $body$;
CREATE FUNCTION closing_last_letter() RETURNS TABLE (outcome text, posted_at timestamptz)
LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN; END IF;
    RETURN QUERY SELECT l.outcome, l.posted_at FROM notices_letter l
        WHERE l.posted_at IS NOT NULL ORDER BY l.id DESC LIMIT 1;
END $body$;

-- Keys that somebody could redeem now: those for sale of the batches that are not recalled.
CREATE FUNCTION closing_keys_for_sale() RETURNS bigint LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF scope_kind() NOT IN ('operator', 'system') THEN RETURN NULL; END IF;
    RETURN (SELECT coalesce(sum(t.amount), 0) FROM keys_tally t JOIN keys_batch b ON b.id = t.batch_id
        WHERE t.state = 'released' AND b.recalled_at IS NULL);
END $body$;
CALL house_keep('closing_customers_found(text, text[], integer)', 'closing_accounts_found(text, integer)',
    'closing_key_of(bytea[])', 'closing_customers(text, text, text, date, uuid, integer)',
    'closing_letters(uuid, uuid, integer)', 'closing_letters_given_up(integer)', 'closing_last_letter()',
    'closing_keys_for_sale()');
"""

UNLOOK = """
DROP FUNCTION closing_keys_for_sale();
DROP FUNCTION closing_last_letter();
DROP FUNCTION closing_letters_given_up(integer);
DROP FUNCTION closing_letters(uuid, uuid, integer);
DROP FUNCTION closing_customers(text, text, text, date, uuid, integer);
DROP FUNCTION closing_key_of(bytea[]);
DROP FUNCTION closing_accounts_found(text, integer);
DROP FUNCTION closing_customers_found(text, text[], integer);
DROP FUNCTION closing_asked(text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0003_corrections"),
        ("notices", "0004_without_account"),
        ("keys", "0005_cards_and_recalls"),
    ]
    operations = [
        migrations.RunSQL(INDEXES, UNINDEX),
        migrations.RunSQL(LOOK, UNLOOK),
    ]
