"""Fifty customers live 425 days on a test clock: what a real mail server is given is what was worked out by hand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings

from chaveiro.adapters.mail import post_office_at
from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.closing.actions import begin_move, make_clock
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.identity.models import Account
from chaveiro.apps.notices.models import Notice
from chaveiro.apps.redemption.actions import redeem
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.console import clock_days
from chaveiro.console.letters import Desk
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.batches import House
from chaveiro.rules.openings import Administrator
from tests.cast import World, administrator_of, build_world, make_keys, means, opening, padaria
from tests.faults.proof import record

SHEET = Path(__file__).with_name("diary_50.txt")
FIRST, LAST = date(2027, 1, 1), date(2028, 3, 1)
# One that ends and is erased, one that only asks, one put off again and again, one renewed late, one that has it all.
SAMPLE = ("09", "14", "27", "30", "44")
SANDBOX = House(pretence=True)


@dataclass(frozen=True, slots=True)
class Entry:
    """One customer of the sheet."""

    number: str
    opened: date
    months: int
    who: str
    known: str
    renewals: tuple[tuple[date, int], ...]


def sheet() -> tuple[list[Entry], list[str]]:
    """The customers, and the lines that are expected."""
    text = [line for line in SHEET.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    entries, lines = [], []
    for line in text:
        number, *rest = line.split()
        if len(number) > 2:
            lines.append(line)
            continue
        opened, months, who, known, *renewals = rest
        later = tuple((date.fromisoformat(day), int(count)) for day, count in (one.split("+") for one in renewals))
        entries.append(Entry(number, date.fromisoformat(opened), int(months), who, known, later))
    return entries, lines


@contextmanager
def smtp_process(folder: Path) -> Iterator[int]:
    """The mail server's port, while it runs."""
    command = [sys.executable, "-m", "tests.stories.smtp_process", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()
            server.wait(timeout=20)


class Life:
    """A clock, the customers on it, and the desk that posts for them."""

    def __init__(self, world: World, port: int) -> None:
        self.world = world
        self.clock = make_clock(actor=world.ana, name="Diário", day=FIRST, house=SANDBOX, means=means())
        Organisation.objects.filter(id=world.reseller).update(notice_email="p@sol.example")
        self.desk = Desk(
            office=post_office_at(f"smtp://127.0.0.1:{port}", sender="chaveiro@vendor.example", host="vendor.example"),
            means=means,
            base_url="https://vendor.example",
            vendor="Tagus Software",
            secret=b"thirty-two bytes, only for tests",
            return_address="bounces@vendor.example",
            initial_domain=settings.INITIAL_DOMAIN,
        )
        self.customers: dict[str, UUID] = {}

    def live_until(self, day: date) -> None:
        operation = begin_move(actor=SYSTEM, clock=self.clock, until=day, house=SANDBOX, means=means(), by_worker=False)
        assert clock_days.move(self.desk, operation=operation, clock=self.clock, until=day)

    def open(self, entry: Entry) -> None:
        prefix = f"c{entry.number}"
        home = f"{prefix}.{settings.INITIAL_DOMAIN}" if entry.known == "inside" else f"{prefix}.example"
        order = opening(make_keys(self.world, months=entry.months), prefix)
        order = replace(
            order,
            customer=padaria(prefix, name=f"Cliente {entry.number}, Lda."),
            administrator=Administrator(
                "Bruno", "Costa", f"b{entry.number}@{home}", f"a{entry.number}@fora.example" if "A" in entry.who else ""
            ),
            partner_of_record="1234567" if "P" in entry.who else None,
            is_test=True,
            clock=self.clock,
        )
        customer = redeem(actor=self.world.ana, order=order, means=means()).customer
        self.customers[entry.number] = customer
        if "C" in entry.who:
            Customer.objects.filter(id=customer).update(contact_email=f"c{entry.number}@geral.example")
        if entry.known == "owned":
            Account.objects.filter(customer_id=customer).update(owned_at=means().now)

    def renew(self, entry: Entry, months: int) -> None:
        customer = self.customers[entry.number]
        subscription = Subscription.objects.get(customer_id=customer).id
        order = replace(
            opening(make_keys(self.world, months=months)),
            purpose="extend",
            customer=None,
            administrator=None,
            subscription=subscription,
        )
        redeem(actor=administrator_of(customer), order=order, means=means())


def lived(entries: list[Entry], folder: Path, port: int) -> list[str]:
    """The lines that come of living all days, sorted as the sheet is."""
    life = Life(build_world(), port)
    acts: dict[date, list[tuple[Entry, int | None]]] = {}
    for entry in entries:
        acts.setdefault(entry.opened, []).append((entry, None))
        for day, months in entry.renewals:
            acts.setdefault(day, []).append((entry, months))
    for day in sorted(acts):
        life.live_until(day)
        for entry, months in acts[day]:
            if months is None:
                life.open(entry)
            else:
                life.renew(entry, months)
    life.live_until(LAST)
    return arrived(life, folder)


def arrived(life: Life, folder: Path) -> list[str]:
    """What the mail server took: day, customer, notice, to whom."""
    numbers = {customer: number for number, customer in life.customers.items()}
    kinds = {str(one.id): (numbers[one.customer_id], one.kind) for one in Notice.objects.all()}
    told: dict[tuple[str, str, str], list[str]] = {}
    for file in sorted(folder.glob("*.eml")):
        mail = message_from_bytes(file.read_bytes(), policy=policy.default)
        number, kind = kinds[mail["Message-ID"].strip("<>").partition("@")[0]]
        day = parsedate_to_datetime(mail["Date"]).date().isoformat()
        told.setdefault((day, number, kind), []).append(mail["To"][0].upper())
    return sorted(
        f"{day} {number} {kind} {' '.join(sorted(letters, key='BACP'.index))}"
        for (day, number, kind), letters in told.items()
    )


def of(lines: list[str], numbers: set[str]) -> list[str]:
    return sorted(line for line in lines if line.split()[1] in numbers)


@pytest.mark.django_db
def test_the_diary_of_five_is_what_was_worked_out_by_hand(tmp_path: Path) -> None:
    entries, lines = sheet()
    chosen = [entry for entry in entries if entry.number in SAMPLE]
    with smtp_process(tmp_path) as port:
        found = lived(chosen, tmp_path, port)
    assert found == of(lines, set(SAMPLE))


@pytest.mark.prove
@pytest.mark.django_db
def test_the_diary_of_fifty_is_what_was_worked_out_by_hand(tmp_path: Path) -> None:
    entries, lines = sheet()
    assert (len(entries), len(lines)) == (50, 388)
    assert (LAST - FIRST).days == 425
    with smtp_process(tmp_path) as port:
        found = lived(entries, tmp_path, port)
    assert found == sorted(lines)
    record(
        "diary",
        "On a real mail server the diary of 50 customers over 425 days is what was worked out by hand, line by line.",
        customers=len(entries),
        days=(LAST - FIRST).days,
        lines=len(lines),
        mails=len(list(tmp_path.glob("*.eml"))),
    )
