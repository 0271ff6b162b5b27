"""`chaveiro year`: a subscription's whole life as a diary, from its redemption to the day after its erasure.

In a sandbox it is lived: a key is minted, a test customer redeems it on a clock of its own, and every day passes with
its mails. With `--plan` nothing is touched: the rules alone tell what each day would bring.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from django.db import transaction

from chaveiro import wiring
from chaveiro.apps.catalog.queries import products
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.queries.diary import LINES_AT_MOST, Line, diary
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import Order, redeem
from chaveiro.console import clock_days, output
from chaveiro.console.acts import day_of
from chaveiro.console.demo_world import fresh_keys
from chaveiro.console.speaking import Voice, speaking
from chaveiro.console.worker import desk
from chaveiro.rules.actors import ANONYMOUS, SYSTEM
from chaveiro.rules.clocks import DAYS_AT_MOST, NoSandbox, check_start
from chaveiro.rules.errors import NotFound
from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.means import Means
from chaveiro.rules.notices import Life, slots
from chaveiro.rules.openings import Administrator, NewCustomer
from chaveiro.rules.policies import DEFAULT_POLICY, Policy
from chaveiro.rules.redemption import ATTESTATION_WORDING, Item
from chaveiro.rules.seat_time import add_months
from chaveiro.wording import country_codes
from chaveiro.wording import diary as diary_words

# Ten months, then 120 days: the data are erased on day 424 or so, and the diary ends on the day after.
MONTHS, DAYS, SEATS = 10, 425, 5
HEADINGS = ("DAY", "DATE", "WHAT HAPPENED")
NOBODY = UUID(int=0)
NAME = "Um ano de Chaveiro"


@click.command()
@click.option("--days", type=click.IntRange(1, DAYS_AT_MOST), default=DAYS, show_default=True, help="So many days.")
@click.option("--start", default=None, help="The day of the redemption (YYYY-MM-DD); absent: today.")
@click.option("--months", type=click.IntRange(1, 60), default=MONTHS, show_default=True, help="What the key carries.")
@click.option("--product", default=None, help="The code of a product; absent: the first one.")
@click.option("--plan", is_flag=True, help="Touch nothing: what the rules alone say of each day.")
@speaking
def year(voice: Voice, days: int, start: str | None, months: int, product: str | None, plan: bool) -> None:
    """Print the diary of one subscription, day by day, in your language.

    In a sandbox a test customer lives it on a clock of its own, and mails go out; elsewhere it is refused, and --plan
    tells what the rules say.
    """
    means = wiring.means()
    first = check_start(day_of("start", start) or means.day)
    if plan:
        lines = list(planned(first, months, DEFAULT_POLICY, days))
    else:
        if not wiring.house().pretence:
            raise NoSandbox()
        lines = _lived(first, months, days, product or _first_product(), means)
    told = [_told(line, first, voice.language) for line in lines]
    rows = [(one["number"], one["day"], one["text"]) for one in told]
    voice.show(told, lambda: output.table(HEADINGS, rows))


def planned(first: date, months: int, policy: Policy, days: int) -> Iterator[Line]:
    """What the rules say of each day, if nobody renews, every mail arrives, and the proof for the erasure is there."""
    ends_on = add_months(first, months)
    erased_on = days_later(ends_on, policy.retention_days)
    life = Life(first_day=first, ends_on=ends_on, policy=policy)
    happens = [
        (first, 9, "ledger:open", {"seats": SEATS, "ends_on": ends_on.isoformat()}),
        (ends_on, 1, "grace", {}),
        (days_later(ends_on, policy.grace_days), 1, "retained", {}),
        (erased_on, 2, "erased", {}),
        (erased_on, 3, "notice:erased", {}),
        (erased_on, 5, "ledger:forfeit", {"seats": SEATS, "ends_on": ends_on.isoformat()}),
        *((slot.due, 3, f"notice:{slot.name}", {}) for slot in slots(life)),
    ]
    for day, _place, what, facts in sorted(happens, key=lambda one: one[:3]):
        if (day - first).days <= days:
            yield Line(day, what, NOBODY, "", NOBODY, {}, facts)


def _lived(first: date, months: int, days: int, product: str, means: Means) -> list[Line]:
    """The diary of a test customer that lives those days on a clock of its own, which is ended then."""
    house, then = wiring.house(), means.at(means.now, first)
    with tempfile.TemporaryDirectory() as folder:
        (text,) = fresh_keys(Path(folder), 1, product, SEATS, months)
    # One transaction: between being opened and going onto the clock no sweep of the real calendar meets the customer.
    with transaction.atomic():
        clock = actions.make_clock(actor=SYSTEM, name=NAME, day=first, house=house, means=means)
        customer = redeem(actor=ANONYMOUS, order=_opening(text, means), means=then).customer
        actions.attach_customer(actor=SYSTEM, customer=customer, clock=clock, house=house, means=then)
        operation = actions.begin_move(
            actor=SYSTEM, clock=clock, until=first + timedelta(days=days), house=house, means=means, by_worker=False
        )
    progress = output.Progress("days")
    clock_days.move(
        desk(),
        operation=operation,
        clock=clock,
        until=first + timedelta(days=days),
        told=lambda day: progress((day - first).days, days),
    )
    actions.end_clock(actor=SYSTEM, clock=clock, house=house, means=means)
    with acting(SYSTEM):
        return list(reversed(diary(clock, limit=LINES_AT_MOST)))


def _opening(text: str, means: Means) -> Order:
    """A made-up organisation, with addresses that lead nowhere outside."""
    prefix = f"ano{means.random_bytes(6).hex()}"
    person = Administrator("Ana", "Calendário", f"ana@{prefix}.example", f"ana@{prefix}-alternate.example")
    return Order(
        "open",
        (Item.of(text, means.digesters),),
        customer=NewCustomer(NAME, "PT", "pt-pt", prefix),
        administrator=person,
        partner_of_record=None,
        attestation={"wording": ATTESTATION_WORDING, "language": "pt-pt", "address": "", "agent": "chaveiro year"},
        countries=country_codes(),
        is_test=True,
    )


def _first_product() -> str:
    with acting(SYSTEM):
        found = [product.code for product in products() if product.retired_at is None]
    if not found:
        raise NotFound(what="product")
    return found[0]


def _told(line: Line, first: date, language: str) -> dict[str, Any]:
    return {
        "number": (line.day - first).days,
        "day": line.day.isoformat(),
        "what": line.what,
        "facts": dict(line.facts),
        "text": diary_words.sentence(line, language),
    }
