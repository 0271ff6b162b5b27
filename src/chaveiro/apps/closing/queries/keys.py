"""Keys, batches, redemptions and remembered answers: invariants K1 to K5."""

from __future__ import annotations

from chaveiro.apps.closing.queries.assertions import holds

K1 = (
    holds(
        "K1",
        "key_stands_once",
        "A key is in at most one standing redemption.",
        """SELECT key_id AS serial, count(*) AS lines, array_agg(redemption_id::text) AS redemptions
           FROM redemption_line WHERE NOT reversed GROUP BY key_id HAVING count(*) > 1""",
    ),
    holds(
        "K1",
        "redemption_stays",
        "A redemption that the journal or an answer acknowledges exists for ever.",
        """SELECT acknowledged.id AS redemption, acknowledged.by FROM (
               SELECT subject_id AS id, 'journal' AS by FROM journal_entry WHERE tag = 'redemption:committed'
               UNION ALL SELECT redemption_id::text, 'draft' FROM redemption_draft WHERE redemption_id IS NOT NULL
               UNION ALL SELECT redemption_id::text, 'ledger' FROM subscriptions_ledgerrow
                   WHERE redemption_id IS NOT NULL) AS acknowledged
           WHERE NOT EXISTS (SELECT FROM redemption_redemption r WHERE r.id::text = acknowledged.id)""",
    ),
    holds(
        "K1",
        "redemption_is_whole",
        "A redemption has its lines, its journal entry and a ledger row for each subscription that it changed.",
        """SELECT * FROM (
               SELECT r.id AS redemption, r.reference,
                   NOT EXISTS (SELECT FROM redemption_line l WHERE l.redemption_id = r.id) AS no_line,
                   NOT EXISTS (SELECT FROM journal_entry e WHERE e.subject_kind = 'redemption'
                       AND e.subject_id = r.id::text AND e.tag = 'redemption:committed') AS no_entry,
                   EXISTS (SELECT FROM redemption_line l WHERE l.redemption_id = r.id AND NOT EXISTS (
                       SELECT FROM subscriptions_ledgerrow w WHERE w.subscription_id = l.subscription_id
                       AND w.number = l.ledger_number AND w.redemption_id = r.id)) AS no_ledger_row
               FROM redemption_redemption r) AS told
           WHERE no_line OR no_entry OR no_ledger_row""",
    ),
    holds(
        "K1",
        "reversed_whole",
        "A redemption is reversed whole: all of its lines, or none.",
        """SELECT r.id AS redemption, r.reversed_at, count(*) FILTER (WHERE l.reversed) AS reversed, count(*) AS lines
           FROM redemption_redemption r JOIN redemption_line l ON l.redemption_id = r.id GROUP BY r.id
           HAVING count(*) FILTER (WHERE l.reversed)
               <> CASE WHEN r.reversed_at IS NULL THEN 0 ELSE count(*) END""",
    ),
)

K2 = (
    holds(
        "K2",
        "redeemed_by_a_line",
        "A key is redeemed exactly when a standing line spends it, for the customer that the key names.",
        """SELECT k.number AS serial, k.state, k.customer_id AS customer, l.redemption_id AS redemption,
               l.customer_id AS line_customer
           FROM keys_key k FULL JOIN (SELECT * FROM redemption_line WHERE NOT reversed) l ON l.key_id = k.number
           WHERE (k.state = 'redeemed' OR l.id IS NOT NULL)
             AND (k.state IS DISTINCT FROM 'redeemed' OR l.id IS NULL OR l.customer_id <> k.customer_id)""",
    ),
    holds(
        "K2",
        "path_begins_with_release",
        "No key is for sale or redeemed before its batch was minted whole and released.",
        """SELECT b.id AS batch, k.state, count(*) AS keys, min(k.number) AS first_serial
           FROM keys_key k JOIN keys_batch b ON b.id = k.batch_id
           WHERE k.state IN ('released', 'redeemed') AND (b.released_at IS NULL OR b.minted < b.quantity)
           GROUP BY b.id, k.state""",
    ),
    holds(
        "K2",
        "secret_by_kind",
        "A key of a bearer batch has a digest, its pepper and its last five; one of a book batch has none of them.",
        """SELECT k.number AS serial, b.id AS batch, b.kind FROM keys_key k JOIN keys_batch b ON b.id = k.batch_id
           WHERE num_nonnulls(k.digest, k.pepper, k.last_five) <> CASE b.kind WHEN 'bearer' THEN 3 ELSE 0 END
              OR octet_length(k.digest) <> 32""",
    ),
    holds(
        "K2",
        "held_is_for_sale",
        "A key that is set aside for a draft is for sale or was since withdrawn, never redeemed.",
        """SELECT k.number AS serial, h.draft_id AS draft, k.state
           FROM keys_hold h JOIN keys_key k ON k.number = h.key_id
           WHERE k.state IN ('redeemed', 'minted')""",
    ),
)

K3 = (
    holds(
        "K3",
        "batch_is_complete",
        "A batch has exactly the keys that it says were minted, with every serial of its range once.",
        """SELECT b.id AS batch, b.number, b.quantity, b.minted, coalesce(k.keys, 0) AS keys, b.first_number,
               k.first, k.last
           FROM keys_batch b
           LEFT JOIN (SELECT batch_id, count(*) AS keys, min(number) AS first, max(number) AS last
                      FROM keys_key GROUP BY batch_id) k ON k.batch_id = b.id
           WHERE coalesce(k.keys, 0) <> b.minted
              OR (b.minted > 0 AND (k.first <> b.first_number OR k.last <> b.first_number + b.minted - 1))
              OR (b.minted_at IS NOT NULL AND b.minted <> b.quantity)
              OR (b.released_at IS NOT NULL AND b.minted <> b.quantity)""",
    ),
    holds(
        "K3",
        "states_add_up",
        "Every key is in one of the four states, and those of a batch add up to what was minted.",
        """SELECT * FROM (
               SELECT b.id AS batch, b.minted, count(k.number) FILTER (
                   WHERE k.state IN ('minted', 'released', 'redeemed', 'revoked')) AS in_a_state
               FROM keys_batch b LEFT JOIN keys_key k ON k.batch_id = b.id GROUP BY b.id) AS counted
           WHERE in_a_state <> minted""",
    ),
    holds(
        "K3",
        "tallies_tell_the_keys",
        "What is kept of how many keys of a batch are in which state is what the keys say.",
        """SELECT batch_id AS batch, state, coalesce(t.kept, 0) AS kept, coalesce(k.counted, 0) AS counted
           FROM (SELECT batch_id, state, sum(amount) AS kept FROM keys_tally GROUP BY batch_id, state) t
           FULL JOIN (SELECT batch_id, state, count(*) AS counted FROM keys_key GROUP BY batch_id, state) k
               USING (batch_id, state)
           WHERE coalesce(t.kept, 0) <> coalesce(k.counted, 0)""",
    ),
    holds(
        "K3",
        "serials_are_unique",
        "No serial belongs to two batches: their ranges lie apart, and each key lies in its own batch's.",
        """SELECT a.id AS batch, b.id AS other, b.first_number FROM keys_batch a JOIN keys_batch b
               ON a.id < b.id AND int8range(a.first_number, a.first_number + a.quantity)
                   && int8range(b.first_number, b.first_number + b.quantity)
           UNION ALL
           SELECT k.batch_id, NULL, k.number FROM keys_key k LEFT JOIN keys_batch b ON b.id = k.batch_id
           WHERE b.id IS NULL OR NOT k.number <@ int8range(b.first_number, b.first_number + b.quantity)
           UNION ALL
           SELECT NULL, NULL, number FROM keys_key GROUP BY number HAVING count(*) > 1""",
    ),
    holds(
        "K3",
        "digests_are_unique",
        "No two keys have the same text.",
        """SELECT min(number) AS serial, max(number) AS other FROM keys_key WHERE digest IS NOT NULL
           GROUP BY digest HAVING count(*) > 1""",
    ),
)

K4 = (
    holds(
        "K4",
        "line_carries_the_key",
        "What a line grants is what its key carries: product, price class, seats and months.",
        """SELECT l.key_id AS serial, l.redemption_id AS redemption, l.seats, l.months, b.seats AS key_seats,
               b.months AS key_months, v.product_id AS key_product, s.product_id AS product
           FROM redemption_line l JOIN keys_key k ON k.number = l.key_id JOIN keys_batch b ON b.id = k.batch_id
           JOIN catalog_productversion v ON v.id = b.product_version_id
           JOIN subscriptions_subscription s ON s.id = l.subscription_id
           WHERE (l.seats, l.months, v.product_id, v.price_class)
               IS DISTINCT FROM (b.seats, b.months, s.product_id, s.price_class)""",
    ),
    holds(
        "K4",
        "row_grants_its_lines",
        "A ledger row grants what its lines' keys carry: seats times the days of their months, from where they start."
        " What a correction brought is held by L1.",
        """WITH carried AS (
               SELECT l.subscription_id, l.ledger_number, sum(l.seats::bigint * (
                   (first.day + make_interval(months => l.months))::date - first.day)) AS seat_days
               FROM redemption_line l
               JOIN subscriptions_ledgerrow w ON w.subscription_id = l.subscription_id AND w.number = l.ledger_number
               CROSS JOIN LATERAL (SELECT CASE WHEN w.kind = 'extend' THEN greatest(w.origin, w.ends_before)
                                          ELSE w.origin END AS day) AS first
               GROUP BY l.subscription_id, l.ledger_number)
           SELECT w.subscription_id AS subscription, w.number, w.kind, w.granted, c.seat_days AS keys_carry
           FROM subscriptions_ledgerrow w LEFT JOIN carried c
               ON c.subscription_id = w.subscription_id AND c.ledger_number = w.number
           WHERE w.granted <> coalesce(c.seat_days, 0) AND NOT EXISTS (SELECT FROM redemption_redemption r
               WHERE r.id = w.redemption_id AND r.corrects IS NOT NULL)""",
    ),
)

K5 = (
    holds(
        "K5",
        "answer_is_given_once",
        "One actor, method, path and idempotency key have one request and one answer.",
        """SELECT actor_id AS actor, method, path, count(*) AS answers FROM operations_answer
           GROUP BY actor_id, method, path, key HAVING count(*) > 1""",
    ),
    holds(
        "K5",
        "answer_is_of_a_request",
        "A remembered answer has its request's digest and a status that is kept: no dry run's, no server fault's.",
        """SELECT id AS answer, actor_id AS actor, method, path, status FROM operations_answer
           WHERE octet_length(body_digest) <> 32 OR status NOT BETWEEN 200 AND 499""",
    ),
)
