"""`chaveiro subscriptions list | show | ledger`: what stands, what comes next, and how it came to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

import click

from chaveiro import wiring
from chaveiro.apps.delegation.queries import beside
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.queries import keys_of_rows
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.queries import BlockCard, Row, Subscription
from chaveiro.console import output
from chaveiro.console.acts import day_of, id_of, in_pages, limit_option
from chaveiro.console.speaking import Voice, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.lifecycle import Stage
from chaveiro.wording import telling

PAGE = 200
HEADINGS = ("SUBSCRIPTION", "CUSTOMER", "PRODUCT", "SEATS", "ASSIGNED", "LAST DAY", "STAGE", "NEXT", "ON")
LEDGER_HEADINGS = ("ROW", "DAY", "KIND", "WHY", "SEATS", "LAST DAY", "CREDIT", "GRANTED", "KEYS", "BY")

on_option = click.option(
    "--on",
    default=None,
    help="Derive the stage as of that day (YYYY-MM-DD); absent: today, or the test clock's day.",
)


@click.command("list")
@click.option("--customer", default=None, help="Of this customer (cus_…).")
@click.option("--stage", type=click.Choice([stage.value for stage in Stage]), default=None, help="In this stage.")
@click.option("--ends-before", default=None, help="Whose first uncovered day lies before that day (YYYY-MM-DD).")
@on_option
@limit_option
@speaking
def list_subscriptions(
    voice: Voice, customer: str | None, stage: str | None, ends_before: str | None, on: str | None, limit: int
) -> None:
    """List subscriptions, the newest first."""
    means = wiring.means()
    day, end = day_of("on", on), day_of("ends_before", ends_before)
    of = None if customer is None else id_of("customer", customer)
    with acting(SYSTEM):
        wanted = (one for one in _all(of) if _is_wanted(one, stage, end, day or one.today(means.day)))
        found = list(islice(wanted, limit))
        partners = beside({one.customer for one in found}, now=means.now)
        blocks: dict[UUID, list[BlockCard]] = {}
        for start in range(0, len(found), PAGE):
            blocks |= queries.blocks_of(found[start : start + PAGE], lifted=day is not None)
    told = [telling.subscription(one, day or one.today(means.day), partners, blocks) for one in found]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


@click.command("show")
@click.argument("subscription")
@on_option
@speaking
def show_subscription(voice: Voice, subscription: str, on: str | None) -> None:
    """Show one subscription as it stands on a day."""
    means = wiring.means()
    with acting(SYSTEM):
        found = queries.subscription(id_of("subscription", subscription))
        partners = beside({found.customer}, now=means.now)
        blocks = queries.blocks_of([found], lifted=True)
    told = telling.subscription(found, day_of("on", on) or found.today(means.day), partners, blocks)
    voice.show(told, lambda: output.card(told))


@click.command("ledger")
@click.argument("subscription")
@speaking
def show_ledger(voice: Voice, subscription: str) -> None:
    """Show every change of a subscription, the oldest first."""
    wanted = id_of("subscription", subscription)
    with acting(SYSTEM):
        rows = list(_rows(wanted))
        spent = keys_of_rows(wanted, [row.redemption for row in rows if row.redemption is not None])
    told = [telling.ledger_row(row, spent.get(row.number, ())) for row in rows]
    voice.show(told, lambda: output.table(LEDGER_HEADINGS, map(_ledger_row, told)))


def _all(customer: UUID | None) -> Iterator[Subscription]:
    return in_pages(
        lambda before: queries.subscriptions(limit=PAGE, before=before, customer=customer), lambda one: one.id
    )


def _is_wanted(one: Subscription, stage: str | None, ends_before: date | None, day: date) -> bool:
    if ends_before is not None and one.ends_on >= ends_before:
        return False
    return stage is None or one.stage_on(day).value == stage


def _rows(subscription: UUID) -> Iterator[Row]:
    after = 0
    while found := queries.ledger(subscription, limit=PAGE, after=after):
        yield from found
        after = found[-1].number


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    following = told["next_change"] or {}
    return (
        *(told[name] for name in ("id", "customer", "product", "seats", "assigned", "last_day", "stage")),
        following.get("stage"),
        following.get("day"),
    )


def _ledger_row(told: Mapping[str, Any]) -> tuple[object, ...]:
    after = told["after"] or {}
    return (
        *(told[name] for name in ("number", "day", "kind", "why")),
        *(after.get(name) for name in ("seats", "last_day", "credit")),
        told["granted"],
        len(told["keys"]),
        told["by"],
    )
