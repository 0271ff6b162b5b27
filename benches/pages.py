"""How long the server takes for each page, and with how many statements, at 1,000,000 keys and 10,000 customers.

Every page that somebody can reach by links is asked for, as a stranger, a customer's administrator, a partner with
2,000 customers, and an operator; and the searches and filters that are reached by typing. The database is signed in to
as `web`, with row-level security, as in production. Beside the time on the wall stands what this process and the
database's own spent on a page: that stays true on a machine that does other things, too. Files (tables to take along)
are told apart: they are as long as what they tell.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urljoin

from benches import lab
from benches.ground import SECRET, Ground, ground
from chaveiro.adapters.database_roles import role_name, role_password

KEYS, CUSTOMERS, OF_THE_PARTNER = 1_000_000, 10_000, 2_000
BATCHES, SMALL = 40, 2_500
ROUNDS = 25
FILES = (".csv", ".jsonl", ".json", ".pdf", ".ics", ".jws")
# What people type: each kind of search, each filter of a list.
TYPED = {
    "operator": (
        *(f"/desk/search?q={text}" for text in ("A0B1C", "3000-0000-0077", "R-0000-0010", "500000777", "Cliente 77")),
        *(f"/desk/search?q={text}" for text in ("a77@grow.example", "grow77", "nobody at all")),
        *(f"/desk/customers?words={text}" for text in ("cliente", "grow77", "nobody")),
        *(f"/desk/customers?stage={stage}" for stage in ("active", "grace", "retained", "deleted", "none", "closed")),
        *(f"/desk/redemptions?state={state}" for state in ("standing", "reversed", "corrected")),
        "/desk/redemptions?since=2026-09-01&until=2026-09-30",
        *(f"/desk/journal?about={about}" for about in ("keys", "batches", "people")),
        "/desk/journal?by=operator",
        "/desk/journal?since=2026-09-01&until=2026-09-30",
        *(f"/desk/batches?stage={stage}" for stage in ("released", "minted", "recalled")),
    ),
    "partner": (
        *(f"/customers?bucket={bucket}" for bucket in ("60", "1", "grace", "retained", "deleted")),
        *(f"/customers?name={text}" for text in ("numero 77", "nobody")),
        "/history?about=customers",
    ),
}


def run() -> dict[str, Any]:
    """The slowest pages by their 95th percentile, and the most statements that any page needs."""
    with ground() as place:
        from tests.cast import build_world

        world = build_world()
        _grow(place, world)
        links, to_look = _links(world), _links(world)
        _become_web()
        flat = [page for who, link in links.items() for page in _measure(place, who, link)]
        painted = lab.run(to_look)
    pages = [page for page in flat if not page.route.endswith(FILES)]
    by_wall = sorted(pages, key=lambda page: page.wall, reverse=True)
    by_cpu = sorted(pages, key=lambda page: page.cpu, reverse=True)
    files = sorted((page for page in flat if page not in pages), key=lambda page: page.cpu, reverse=True)
    return {
        "pages": len(pages),
        "keys": KEYS + (BATCHES - 1) * SMALL,
        "customers": CUSTOMERS,
        "slowest page p95 ms": by_wall[0].wall,
        "most of both processors ms": by_cpu[0].cpu,
        "most statements": max(page.statements for page in pages),
        "lab, largest contentful paint on loopback": painted,
        "pages over 60 ms": [page.name for page in by_wall if page.wall > 60],
        "pages over 60 ms of both processors": [page.name for page in by_cpu if page.cpu > 60],
        "pages over 15 statements": [f"{page.name}: {page.statements}" for page in pages if page.statements > 15],
        "slowest": {page.name: page.told for page in by_cpu[:12]},
        "slowest files": {page.name: page.told for page in files[:4]},
    }


@dataclass(frozen=True, slots=True)
class Page:
    """What one page took: milliseconds on the wall (95th percentile), of the processors (median), and statements."""

    who: str
    route: str
    wall: float
    ours: float
    database: float
    statements: int

    @property
    def name(self) -> str:
        return f"{self.who} {self.route}"

    @property
    def cpu(self) -> float:
        """Of this process and of the database's that serves it."""
        return round(self.ours + self.database, 1)

    @property
    def told(self) -> str:
        return f"{self.wall} ms; {self.ours} + {self.database} ms of the processors; {self.statements} statements"


def _grow(place: Ground, world: Any) -> None:
    """The channel of `channel.sql`, in one transaction; the statistics that plans are made from."""
    import psycopg
    from tests.cast import DAY, NOON, make_keys, open_customer

    _bruno, _outcome = open_customer(world, make_keys(world))
    facts = {
        "keys": KEYS,
        "batches": BATCHES,
        "small": SMALL,
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
    from chaveiro.console.worker import seal

    seal()


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


def _measure(place: Ground, who: str, link: str) -> Iterator[Page]:
    from django.test import Client
    from tests.web.crawl import Answer, crawl

    client = Client(headers={"Accept-Language": "pt-PT"}, raise_request_exception=False)
    start = client.post(link)["Location"] if link else "/"
    prefix = start.removesuffix("/home").rstrip("/")
    if who == "operator":
        _second_factor(place)

    def ask(address: str) -> Answer:
        answer = client.get(address)
        text = answer.content.decode() if "html" in answer.get("Content-Type", "") else ""
        return Answer(answer.status_code, answer.get("Location", ""), text)

    found = crawl(ask, [start], samples=1)
    for dead in found.dead:
        print(f"{who}: a link that leads nowhere: {dead}")
    for route, addresses in found.pages.items():
        yield _timed(client, who, route, addresses[0])
        following = re.search(r'href="([^"]*[?&;]after=[^"]*)"', ask(addresses[0]).html)
        if following:
            second = urljoin(addresses[0], unescape(following[1]))
            yield _timed(client, who, f"{route} (second page)", second)
    for typed in TYPED.get(who, ()):
        yield _timed(client, who, typed, prefix + typed)


def _second_factor(place: Ground) -> None:
    """An operator's pages are open to whoever has a second factor; each asks whether they do."""
    import psycopg

    with psycopg.connect(place.dsn("postgres")) as connection:
        connection.execute(
            "INSERT INTO identity_onetimecodes (account_id, sealed, last_step, created_at, confirmed_at)"
            " SELECT id, 'never opened', 0, now(), now() FROM identity_account WHERE kind = 'operator'"
        )


def _timed(client: Any, who: str, route: str, address: str) -> Page:
    """What a page takes, asked for again and again."""
    with _counting() as statements:
        client.get(address)
    walls, ours, database = [], [], []
    for _ in range(ROUNDS):
        wall, own, its = time.perf_counter(), time.process_time(), _backend_seconds()
        client.get(address)
        ours.append(time.process_time() - own)
        walls.append(time.perf_counter() - wall)
        database.append(_backend_seconds() - its)
    slow = sorted(walls)[int(ROUNDS * 0.95)]
    return Page(who, route, _ms(slow), _ms(median(ours)), _ms(median(database)), len(statements))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _backend_seconds() -> float:
    """What the database's process behind our connection has spent so far; nought where the system does not tell."""
    from django.db import connection

    try:
        told = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(told.split()[0]) / 1e9


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
