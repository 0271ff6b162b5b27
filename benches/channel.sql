-- A large channel, set by set: %(keys)s keys in one batch and more in %(batches)s, %(customers)s customers with everything that
-- opening one leaves behind. The first %(partners)s are the reseller's, the rest the other's; ends are spread over
-- every stage of life.
CREATE TEMP TABLE grown ON COMMIT DROP AS
SELECT n, gen_random_uuid() AS customer, gen_random_uuid() AS account, gen_random_uuid() AS person,
    gen_random_uuid() AS subscription, gen_random_uuid() AS redemption,
    CASE WHEN n <= %(partners)s THEN %(reseller)s::uuid ELSE %(other)s::uuid END AS organisation,
    CASE WHEN n <= %(partners)s THEN %(seller)s::uuid ELSE %(other_seller)s::uuid END AS actor,
    date %(day)s - 90 + (n %% 700) AS ends_on, timestamptz %(noon)s - make_interval(mins => n * 30) AS at
FROM generate_series(1, %(customers)s) AS n;

-- The first is as large as a batch can be, and the reseller's own; the others have %(small)s keys each.
INSERT INTO keys_batch (id, number, product_version_id, seats, months, quantity, minted, first_number, countries,
    holder_id, kind, created_at, approved_at, minted_at, released_at, wholly_released)
SELECT gen_random_uuid(), 900000 + n, product_version_id, 5, 12, size, size, first_number, '{}', holder_id, 'bearer',
    timestamptz %(noon)s - make_interval(days => n::int), now(), now(),
    CASE WHEN n %% 5 <> 0 THEN now() END, n %% 5 <> 0
FROM (SELECT n, CASE n WHEN 1 THEN %(keys)s ELSE %(small)s END AS size,
        30000000000::bigint + CASE n WHEN 1 THEN 0 ELSE %(keys)s + (n - 2) * %(small)s END AS first_number
    FROM generate_series(1, %(batches)s) AS n) AS sized, 
    (SELECT product_version_id, holder_id FROM keys_batch LIMIT 1) AS like_this;

INSERT INTO keys_key (number, batch_id, customer_id, redeemed_at, state, digest, pepper, last_five)
SELECT b.first_number + i, b.id, g.customer, g.at,
    CASE WHEN g.n IS NOT NULL THEN 'redeemed'
         WHEN b.released_at IS NULL THEN 'minted' WHEN i %% 7 = 0 THEN 'revoked' ELSE 'released' END,
    sha256((b.first_number + i)::text::bytea), 1,
    upper(translate(substr(md5((b.first_number + i)::text), 1, 5), 'iloudefabc', '1100DEFABC'))
FROM keys_batch b CROSS JOIN LATERAL generate_series(0, b.quantity - 1) AS i
LEFT JOIN grown g ON g.n = b.first_number + i - 29999999999
WHERE b.first_number >= 30000000000;

INSERT INTO identity_account (id, password, login_name, kind, customer_id, email, alternate_email, given_name,
    family_name, language, time_zone, created_at, owned_at)
SELECT account, '!', 'a' || n || '@grow' || n || '.example.test', 'customer', customer, 'a' || n || '@grow.example', '',
    'Rita', 'Marques', 'pt-pt', 'Europe/Lisbon', at, at FROM grown;
INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at, is_test,
    contact_email)
SELECT customer, 'Cliente número ' || n || ', Lda.', 'PT', (500000000 + n)::text, 'pt-pt', 'Europe/Lisbon', 'grow' || n,
    at, false, '' FROM grown;
INSERT INTO customers_person (id, customer_id, account_id, user_name, country_of_use, created_at)
SELECT person, customer, account, 'rita.marques', 'PT', at FROM grown;
INSERT INTO customers_role (person_id, customer_id, name, since) SELECT person, customer, 'administrator', at FROM grown;
INSERT INTO customers_reach (customer_id, organisation_id, kind, subscription_id, since)
SELECT customer, organisation, 'seller', subscription, at FROM grown;
INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats, assigned, ends_on,
    credit, term, version, paid_by, opened_at)
SELECT subscription, customer, v.product_id, v.policy_id, 'standard', 5, 1, ends_on, 0, 1, 1, 'key', at
FROM grown, (SELECT * FROM catalog_productversion ORDER BY id LIMIT 1) AS v;
INSERT INTO redemption_redemption (id, reference, purpose, customer_id, actor_kind, actor_id, organisation_id,
    opened_customer, person_id, attestation, fingerprint, day, at, reversal_reason)
SELECT redemption, 'R-' || upper(substr(lpad(to_hex(n), 8, '0'), 1, 4)) || '-' || upper(substr(lpad(to_hex(n), 8, '0'), 5)),
    'open', customer, 'channel', actor, organisation, true, person, '{"wording": "2026-11", "language": "pt-pt"}', 'f',
    at::date, at, '' FROM grown;
INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, redemption_id, day, origin,
    granted, seats_before, credit_before, seats_after, ends_after, credit_after, policy_id, actor_kind, actor_id,
    organisation_id, at)
SELECT subscription, customer, 1, 1, 'open', '', redemption, at::date, at::date, 5 * 365, 0, 0, 5, ends_on, 0, v.policy_id,
    'channel', actor, organisation, at
FROM grown, (SELECT * FROM catalog_productversion ORDER BY id LIMIT 1) AS v;
INSERT INTO redemption_line (redemption_id, key_id, subscription_id, customer_id, ledger_number, seats, months, reversed)
SELECT redemption, 30000000000 + n - 1, subscription, customer, 1, 5, 12, false FROM grown;
INSERT INTO licences_licence (id, customer_id, person_id, product_id, subscription_id, automatic, since)
SELECT gen_random_uuid(), customer, person, v.product_id, subscription, true, at
FROM grown, (SELECT * FROM catalog_productversion ORDER BY id LIMIT 1) AS v;
INSERT INTO journal_entry (at, tag, actor_kind, actor_id, organisation_id, customer_id, subject_kind, subject_id, facts)
SELECT at, tag, 'channel', actor, organisation, customer, split_part(tag, ':', 1),
    CASE split_part(tag, ':', 1) WHEN 'redemption' THEN redemption WHEN 'subscription' THEN subscription
         ELSE customer END::text, '{}'
FROM grown, unnest(ARRAY['customer:opened', 'redemption:made', 'subscription:opened']) AS tag;
