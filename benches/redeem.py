"""Redemption: the commit of a one-key redemption that opens a customer, against pgbench writing the same rows.

The floor is one prepared statement that inserts and updates the rows which the action writes, in the same tables with
the same constraints, triggers and walls, with ids that grow with time as the action's do, on the same server, at the
same number of clients. The action's figure has all
of its work in it (reading the key, digest, rulebook, preview's sum, commit), from Python, without HTTP.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from benches.ground import Ground, ground, rate

CLIENTS = (1, 2, 4, 8)
SECONDS = 6
KEYS_FOR_A_CLIENT = 1200
JOURNALLED = (
    "redemption:committed",
    "customer:opened",
    "subscription:opened",
    "licence:assigned",
    "partner_of_record:proposed",
)

FLOOR = """
WITH n AS (SELECT nextval('bench_floor') AS number, uuidv7() AS customer, uuidv7() AS account,
        uuidv7() AS person, uuidv7() AS subscription, uuidv7() AS redemption,
        now() AS instant, date '2026-11-22' AS day),
    k AS (UPDATE keys_key SET state = 'redeemed', customer_id = (SELECT customer FROM n),
        redeemed_at = now() WHERE number = (SELECT number FROM n) RETURNING number),
    a AS (INSERT INTO identity_account (id, password, login_name, kind, customer_id, email, alternate_email, given_name,
        family_name, language, time_zone, created_at) SELECT account, '!', 'bruno.costa@f' || number || '.example.test',
        'customer', customer, 'bruno@padariasol.example', '', 'Bruno', 'Costa', 'pt-pt', 'Europe/Lisbon',
        instant FROM n),
    c AS (INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at,
        is_test, contact_email) SELECT customer, 'Padaria Sol, Lda.', 'PT', '', 'pt-pt', 'Europe/Lisbon', 'f' || number,
        instant, false, '' FROM n),
    p AS (INSERT INTO customers_person (id, customer_id, account_id, user_name, country_of_use, created_at)
        SELECT person, customer, account, 'bruno.costa', 'PT', instant FROM n),
    o AS (INSERT INTO customers_role (person_id, customer_id, name, since)
        SELECT person, customer, 'administrator', instant FROM n),
    s AS (INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats, assigned,
        ends_on, credit, term, version, paid_by, opened_at) SELECT subscription, customer, {product}, {policy},
        'standard', 5, 1, day + 365, 0, 1, 1, 'key', instant FROM n),
    w AS (INSERT INTO subscriptions_ledgerrow (subscription_id, customer_id, number, term, kind, why, redemption_id,
        day, origin, granted, seats_before, ends_before, credit_before, seats_after, ends_after, credit_after,
        policy_id, actor_kind, actor_id, organisation_id, at)
        SELECT subscription, customer, 1, 1, 'open', '', redemption, day, day, 1825, 0, NULL, 0, 5, day + 365, 0,
        {policy}, 'channel', '{account}', '{organisation}', instant FROM n),
    l AS (INSERT INTO licences_licence (id, customer_id, person_id, product_id, subscription_id, automatic, since)
        SELECT uuidv7(), customer, person, {product}, subscription, true, instant FROM n),
    d AS (INSERT INTO delegation_partnerofrecord (id, customer_id, subscription_id, organisation_id, state, proposed_at)
        SELECT uuidv7(), customer, NULL, '{organisation}', 'proposed', instant FROM n),
    h AS (INSERT INTO customers_reach (customer_id, organisation_id, kind, subscription_id, since)
        SELECT customer, '{organisation}', 'seller', subscription, instant FROM n),
    r AS (INSERT INTO redemption_redemption (id, reference, draft_id, purpose, customer_id, actor_kind, actor_id,
        organisation_id, opened_customer, person_id, attestation, fingerprint, day, at, reversal_reason)
        SELECT redemption, 'F-' || number, NULL, 'open', customer, 'channel', '{account}', '{organisation}', true,
        person, '{{"wording": "2026-11", "language": "pt-pt", "address": "192.0.2.1", "agent": "a test"}}',
        '0123456789abcdef0123', day, instant, '' FROM n),
    i AS (INSERT INTO redemption_line (redemption_id, key_id, subscription_id, customer_id, ledger_number, seats,
        months, reversed) SELECT redemption, k.number, subscription, customer, 1, 5, 12, false FROM n, k),
    j AS (INSERT INTO journal_entry (at, tag, actor_kind, actor_id, organisation_id, customer_id, subject_kind,
        subject_id, facts) SELECT instant, tag, 'channel', '{account}', '{organisation}', customer,
        split_part(tag, chr(58), 1), redemption, jsonb_build_object('seats', 5, 'ends_on', day, 'person', person)
        FROM n, unnest(ARRAY[{tags}]) AS tag)
INSERT INTO notices_owed (kind, facts, created_at)
    SELECT kind, facts, instant FROM n, LATERAL (VALUES
        ('ownership', jsonb_build_object('account', account, 'customer', customer)),
        ('receipt', jsonb_build_object('redemption', redemption))) AS owed (kind, facts);
"""


def run() -> dict[str, Any]:
    """Ratios at 1, 2, 4 and 8 clients, and how a redemption grows with the house."""
    with ground() as place:
        world, floor = _world()
        _same_rows(place, world, floor)
        small = _compare(place, world, floor, CLIENTS)
        _grow(place, keys=1_000_000, customers=10_000)
        large = _compare(place, world, floor, (1, 8))
    growth = {
        clients: small[clients]["median_ms"] and large[clients]["median_ms"] / small[clients]["median_ms"]
        for clients in large
    }
    return {"clients": small, "at_1_000_000_keys": large, "growth_of_the_median": growth}


def _world() -> tuple[Any, str]:
    from django.db import connection
    from tests.cast import build_world

    connection.ensure_connection()
    world = build_world()
    floor = FLOOR.format(
        product=connection.connection.execute("SELECT min(product_id) FROM catalog_productversion").fetchone()[0],
        policy=world.policy,
        account=world.ana.account,
        organisation=world.reseller,
        # A colon begins a variable of pgbench's.
        tags=", ".join("'{}' || chr(58) || '{}'".format(*tag.split(":")) for tag in JOURNALLED),
    )
    return world, floor


def _keys(world: Any, count: int) -> list[str]:
    from django.db import connection
    from tests.cast import make_keys

    connection.ensure_connection()
    return make_keys(world, count)


def _compare(place: Ground, world: Any, floor: str, clients: Sequence[int]) -> dict[int, dict[str, float]]:
    """Floor and action in turns, so that both see the same machine."""
    answers = {}
    for count in clients:
        texts = _keys(world, count * KEYS_FOR_A_CLIENT)
        ours, median = rate(_act(world), [texts[share::count] for share in range(count)])
        bottom = _floor(place, world, floor, count)
        answers[count] = {
            "action_per_second": round(ours, 1),
            "floor_per_second": round(bottom, 1),
            "ratio": round(ours / bottom, 3),
            "median_ms": round(median * 1000, 3),
        }
    return answers


def _act(world: Any) -> Any:
    from tests.cast import means, opening

    from chaveiro.apps.redemption.actions import redeem

    def act(text: str) -> None:
        prefix = f"b{os.urandom(10).hex()}"
        redeem(actor=world.ana, order=opening([text], prefix), means=means())

    return act


def _same_rows(place: Ground, world: Any, floor: str) -> None:
    """The floor and the action write as many rows of each table; raises RuntimeError otherwise."""
    from django.db import connection

    (key,) = _keys(world, 1)
    _keys_for_the_floor(place, world, 1)
    connection.ensure_connection()
    ours = _rows(lambda: _act(world)(key))
    theirs = _rows(lambda: connection.connection.execute(floor.replace("chr(58)", "':'")))
    if ours != theirs:
        raise RuntimeError(f"the floor writes other rows: {ours}, not {theirs}")


def _rows(do: Callable[[], object]) -> Counter[tuple[str, str]]:
    """How many rows of each table are inserted, changed and deleted by what is done, and undone at the end."""
    from django.db import transaction

    with transaction.atomic():
        before = _pending()
        do()
        rows = _pending()
        rows.subtract(before)
        transaction.set_rollback(True)
    return +rows


def _pending() -> Counter[tuple[str, str]]:
    from django.db import connection

    rows = connection.connection.execute(
        "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables"
    ).fetchall()
    return Counter(
        {(row[0], what): count for row in rows for what, count in zip(("new", "changed", "gone"), row[1:], strict=True)}
    )


def _floor(place: Ground, world: Any, floor: str, clients: int) -> float:
    _keys_for_the_floor(place, world, 60_000)
    return place.pgbench(floor, clients, SECONDS)


def _keys_for_the_floor(place: Ground, world: Any, count: int) -> None:
    """So many keys for sale, and a sequence that tells the floor their numbers."""
    import psycopg
    from django.db import connection

    connection.ensure_connection()
    before = connection.connection.execute("SELECT max(number) FROM keys_key").fetchone()[0]
    _keys(world, count)

    with psycopg.connect(place.dsn("postgres"), autocommit=True) as link:
        link.execute("DROP SEQUENCE IF EXISTS bench_floor")
        link.execute(f"CREATE SEQUENCE bench_floor START {before + 1}")
        link.execute("GRANT USAGE ON bench_floor TO chaveiro_system")
    connection.close()


def _grow(place: Ground, keys: int, customers: int) -> None:
    """Many inert rows: released keys in one batch, customers with a subscription each."""
    import psycopg

    with psycopg.connect(place.dsn("postgres"), autocommit=True) as link:
        first = link.execute("SELECT max(number) + 1 FROM keys_key").fetchone()[0]
        link.execute(
            """INSERT INTO keys_batch (id, number, product_version_id, seats, months, quantity, minted, first_number,
                   countries, holder_id, kind, created_at, approved_at)
               SELECT uuidv7(), %(first)s, product_version_id, 5, 12, %(keys)s, %(keys)s, %(first)s, '{}',
                   holder_id, 'bearer', now(), now() FROM keys_batch LIMIT 1""",
            {"first": first, "keys": keys},
        )
        link.execute(
            """INSERT INTO keys_key (number, batch_id, state, digest, pepper, last_five)
               SELECT %(first)s + n, (SELECT id FROM keys_batch WHERE first_number = %(first)s), 'released',
                   sha256(n::text::bytea), 1, 'ABCDE' FROM generate_series(0, %(last)s) AS n""",
            {"first": first, "last": keys - 1},
        )
        link.execute(
            """WITH c AS (INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone,
                       domain_prefix, opened_at, is_test, contact_email)
                   SELECT uuidv7(), 'Cliente ' || n, 'PT', '', 'pt-pt', 'Europe/Lisbon', 'grow' || n, now(),
                       false, ''
                   FROM generate_series(1, %s) AS n RETURNING id)
               INSERT INTO subscriptions_subscription (id, customer_id, product_id, policy_id, price_class, seats,
                   assigned, ends_on, credit, term, version, paid_by, opened_at)
               SELECT uuidv7(), c.id, v.product_id, v.policy_id, 'standard', 5, 0, date '2027-11-22', 0, 1, 1,
                   'key', now() FROM c, (SELECT * FROM catalog_productversion LIMIT 1) AS v""",
            (customers,),
        )
        link.execute("VACUUM ANALYZE")
