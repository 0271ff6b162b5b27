"""How long the server takes for each page, and with how many statements, at 1,000,000 keys and 10,000 customers.

Every page that somebody can reach by links is asked for, as a stranger, a customer's administrator, a partner with
2,000 customers, and an operator. The database is signed in to as `web`, with row-level security, as in production.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benches.ground import SECRET, Ground, ground
from chaveiro.adapters.database_roles import role_name, role_password

KEYS, CUSTOMERS, OF_THE_PARTNER = 1_000_000, 10_000, 2_000
BATCHES = 40
ROUNDS = 25


def run() -> dict[str, Any]:
    """The slowest pages by their 95th percentile, and the most statements that any page needs."""
    with ground() as place:
        from tests.cast import build_world

        world = build_world()
        _grow(place, world)
        links = _links(world)
        _become_web()
        measured = {who: _measure(who, path) for who, path in links.items()}
    flat = [(who, route, *figures) for who, pages in measured.items() for route, figures in pages.items()]
    slowest = sorted(flat, key=lambda row: row[2], reverse=True)
    return {
        "pages": len(flat),
        "keys": KEYS,
        "customers": CUSTOMERS,
        "slowest page p95 ms": slowest[0][2],
        "most statements": max(row[3] for row in flat),
        "pages over 60 ms": [f"{who} {route}" for who, route, p95, _ in slowest if p95 > 60],
        "pages over 15 statements": [f"{who} {route}: {count}" for who, route, _, count in slowest if count > 15],
        "slowest": {f"{who} {route}": f"{p95} ms, {count} statements" for who, route, p95, count in slowest[:12]},
    }


def _grow(place: Ground, world: Any) -> None:
    """The channel of `channel.sql`, in one transaction; the statistics that plans are made from."""
    import psycopg
    from tests.cast import DAY, NOON, make_keys, open_customer

    _bruno, _outcome = open_customer(world, make_keys(world))
    facts = {
        "keys": KEYS,
        "batches": BATCHES,
        "customers": CUSTOMERS,
        "partners": OF_THE_PARTNER,
        "reseller": world.reseller,
        "other": world.rui.organisation,
        "seller": world.ana.account,
        "other_seller": world.rui.account,
        "day": DAY,
        "noon": NOON,
    }
    script = (Path(__file__).parent / "channel.sql").read_text(encoding="utf-8")
    with psycopg.ClientCursor(psycopg.connect(place.dsn("postgres"), autocommit=True)) as cursor:
        cursor.execute("BEGIN;" + script + "COMMIT", facts)
        cursor.execute("VACUUM ANALYZE")
        cursor.connection.close()


def _links(world: Any) -> dict[str, str]:
    """A one-time sign-in link for each, made before the process becomes the web's."""
    from tests.cast import administrator_of

    from chaveiro import wiring
    from chaveiro.apps.customers.models import Customer
    from chaveiro.apps.identity.actions import links
    from chaveiro.rules.actors import SYSTEM
    from chaveiro.rules.tokens import Purpose

    bruno = administrator_of(Customer.objects.get(domain_prefix="padariasol").id)
    people = {"operator": world.duarte, "partner": world.ana, "customer": bruno}
    made = {
        who: links.make(actor=SYSTEM, account=person.account, purpose=Purpose.SIGN_IN, means=wiring.means()).path
        for who, person in people.items()
    }
    return {"stranger": "", **made}


def _become_web() -> None:
    from django.conf import settings
    from django.db import connections

    connections.close_all()
    connections["default"].settings_dict.update(
        USER=role_name("chaveiro", "web"), PASSWORD=role_password(SECRET, "chaveiro", "web")
    )
    settings.ALLOWED_HOSTS = ["*"]


def _measure(who: str, link: str) -> dict[str, tuple[float, int]]:
    from django.test import Client
    from tests.web.crawl import Answer, crawl

    client = Client(headers={"Accept-Language": "pt-PT"}, raise_request_exception=False)
    start = client.post(link)["Location"] if link else "/"

    def ask(address: str) -> Answer:
        answer = client.get(address)
        text = answer.content.decode() if "html" in answer.get("Content-Type", "") else ""
        return Answer(answer.status_code, answer.get("Location", ""), text)

    found = crawl(ask, [start], samples=1)
    for dead in found.dead:
        print(f"{who}: a link that leads nowhere: {dead}")
    return {route: _timed(client, addresses[0]) for route, addresses in found.pages.items()}


def _timed(client: Any, address: str) -> tuple[float, int]:
    """The 95th percentile in milliseconds, and the statements of one request."""
    with _counting() as statements:
        client.get(address)
    laps = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(address)
        laps.append(time.perf_counter() - began)
    return round(sorted(laps)[int(ROUNDS * 0.95)] * 1000, 1), len(statements)


@contextmanager
def _counting() -> Iterator[list[str]]:
    """Every statement that is sent, through the framework or beside it; those that only begin and end a
    transaction are not counted."""
    import psycopg

    sent: list[str] = []
    plain = psycopg.Cursor.execute

    def execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        sent.append(str(query)[:200])
        return plain(self, query, *arguments, **options)

    psycopg.Cursor.execute = execute  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        psycopg.Cursor.execute = plain  # type: ignore[method-assign]
