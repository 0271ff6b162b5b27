"""`chaveiro conformance`: tells a vendor, case by case, whether a service honours every stage of a subscription.

    two test customers on a clock of their own ──each case──▶ GET <the service's check>?email=… ──▶ as it should be?

The check is the service's own (docs/entitlements.md): 200 where the person would be let in, 403 with the reason where
not. What is made up here lives in a sandbox, on a test clock, which is ended afterwards.
"""

from __future__ import annotations

import json
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import click
from django.db import transaction

from chaveiro import wiring
from chaveiro.apps.catalog.queries import products
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.queries.entitlements import entitled
from chaveiro.apps.customers.queries import administrators_of, person_of, standing
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import account, actor_of
from chaveiro.apps.licences.actions import end_licence
from chaveiro.apps.redemption.actions import Order, Outcome, redeem
from chaveiro.apps.subscriptions.actions import lift_block, put_block
from chaveiro.apps.subscriptions.queries import subscription as subscription_of
from chaveiro.console import clock_days, output
from chaveiro.console.demo_world import fresh_keys
from chaveiro.console.output import Exit
from chaveiro.console.speaking import Voice, speaking
from chaveiro.console.worker import desk
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor
from chaveiro.rules.clocks import NoSandbox
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.openings import Administrator, NewCustomer
from chaveiro.rules.redemption import ATTESTATION_WORDING, Item
from chaveiro.wording import country_codes

NAME = "Prova de conformidade"
MONTHS, SEATS = 1, 5
SECONDS_AT_MOST = 20
BYTES_AT_MOST = 64 * 1024
PATIENCE_AT_MOST = 1_200
GONE = ("subscription_deleted", "person_unknown", "no_subscription")
# Each stage with whether the service must let the person in, and the reasons that it may give where not.
STAGES: dict[str, tuple[bool, tuple[str, ...]]] = {
    "unknown": (False, ("person_unknown", "no_subscription")),
    "active": (True, ()),
    "blocked": (False, ("blocked",)),
    "unblocked": (True, ()),
    "no-licence": (False, ("no_licence",)),
    "last-day": (True, ()),
    "grace": (True, ()),
    "grace-last-day": (True, ()),
    "retained": (False, ("stage_forbids",)),
    "renewed": (True, ()),
    "deleted": (False, GONE),
}
HEADINGS = ("STAGE", "DAY", "EXPECTED", "ANSWERED", "RESULT")


@dataclass(frozen=True, slots=True)
class Case:
    """One stage as the service answered it. `result` is passed, failed, or skipped where the stage did not come."""

    stage: str
    day: date
    expected: str
    answered: str
    result: str


@dataclass(frozen=True, slots=True)
class Somebody:
    """A made-up administrator and their subscription."""

    email: str
    actor: Actor
    person: UUID
    subscription: UUID


@click.command("conformance")
@click.option("--service", required=True, help="The address of the service's check; `?email=` is put behind it.")
@click.option("--stages", default="", help=f"Only these, separated by commas: {', '.join(STAGES)}.")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Shown to the check.")
@click.option("--product", default=None, help="The code of the product that the service is for; absent: the first one.")
@click.option(
    "--patience",
    type=click.IntRange(0, PATIENCE_AT_MOST),
    default=0,
    show_default=True,
    help="Seconds that a service may take to notice; 900 where it reads signed documents.",
)
@speaking
def conformance(
    voice: Voice, service: str, stages: str, token_file: Path | None, product: str | None, patience: int
) -> Exit:
    """Walk a made-up subscription through its life, and ask the service at each stage. In a sandbox only.

    Exit 1 when the service let somebody in who may not, kept somebody out who may, or gave another reason.
    """
    if not wiring.house().pretence:
        raise NoSandbox()
    wanted, probe = _wanted(stages), Probe(service, token_file, patience)
    walk = Walk(product or _first_product(), wiring.means())
    try:
        cases = [case for case in walk.cases(wanted, probe)]
    finally:
        walk.end()
    told = [{**_told(case)} for case in cases]
    rows = [(case.stage, case.day, case.expected, case.answered, case.result) for case in cases]
    voice.show(told, lambda: output.table(HEADINGS, rows))
    return Exit.FAILED if any(case.result == "failed" for case in cases) else Exit.DONE


class Probe:
    """The service's check."""

    def __init__(self, address: str, token_file: Path | None, patience: int) -> None:
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise Malformed(field="service", reason="is an http or https address")
        self._address, self._patience = address, patience
        token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def holds(self, email: str, expected: bool, reasons: Sequence[str]) -> tuple[bool, str]:
        """Whether the service answers as it should, within its patience; and what it answered."""
        deadline = time.monotonic() + self._patience
        while True:
            status, code = self._ask(email)
            right = status == 200 if expected else status == 403 and code in reasons
            if right or time.monotonic() >= deadline:
                return right, f"{status} {code}".strip()
            time.sleep(1)

    def _ask(self, email: str) -> tuple[int, str]:
        joint = "&" if "?" in self._address else "?"
        request = urllib.request.Request(  # noqa: S310 - http or https, looked at above
            f"{self._address}{joint}{urlencode({'email': email})}", headers=self._headers
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS_AT_MOST) as answer:  # noqa: S310
                return int(answer.status), ""
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, _code_in(refused.read(BYTES_AT_MOST))
        except OSError as fault:
            return 0, type(fault).__name__


def _code_in(raw: bytes) -> str:
    try:
        told = json.loads(raw)
    except ValueError:
        return ""
    return str(told.get("code") or "")[:40] if isinstance(told, dict) else ""


class Walk:
    """Two customers on one clock, walked from their redemption to the day after erasure."""

    def __init__(self, product: str, means: Means) -> None:
        self._means, self._product, self._house = means, product, wiring.house()
        self._day = means.day
        self._clock = actions.make_clock(actor=SYSTEM, name=NAME, day=self._day, house=self._house, means=means)
        self._one, self._without = self._open("um"), self._open("dois")
        end_licence(
            actor=SYSTEM, person=self._without.person, subscription=self._without.subscription, means=self._then()
        )

    def cases(self, wanted: Sequence[str], probe: Probe) -> Iterator[Case]:
        """Each stage in the order of life, to the last that is wanted; those between are walked through."""
        left = set(wanted)
        for stage, come in self._steps():
            if not left:
                return
            left.discard(stage)
            here = come()
            if stage not in wanted:
                continue
            expected, reasons = STAGES[stage]
            told = "200" if expected else f"403 {' | '.join(reasons)}"
            if here is None:
                yield Case(stage, self._day, told, "", "skipped")
                continue
            right, answered = probe.holds(here, expected, reasons)
            yield Case(stage, self._day, told, answered, "passed" if right else "failed")

    def end(self) -> None:
        """The clock is moved no more; what lived on it keeps its day."""
        actions.end_clock(actor=SYSTEM, clock=self._clock, house=self._house, means=self._means)

    def _steps(self) -> Iterator[tuple[str, Callable[[], str | None]]]:
        email = self._one.email
        yield "unknown", lambda: f"nobody@{email.partition('@')[2]}"
        yield "active", lambda: email
        yield "blocked", self._block
        yield "unblocked", self._unblock
        yield "no-licence", lambda: self._without.email
        ends, grace, retained = self._life()
        yield "last-day", lambda: self._move(ends - timedelta(days=1))
        yield "grace", lambda: self._move(ends)
        yield "grace-last-day", lambda: self._move(grace - timedelta(days=1))
        yield "retained", lambda: self._move(grace)
        yield "renewed", self._renew
        ends, grace, retained = self._life()
        yield "deleted", lambda: self._erased(retained)

    def _life(self) -> tuple[date, date, date]:
        """The end, the end of access, and the day from which erasure is due."""
        with acting(SYSTEM):
            held = subscription_of(self._one.subscription)
        policy = held.policy
        return (
            held.ends_on,
            held.ends_on + timedelta(days=policy.grace_days),
            held.ends_on + timedelta(days=policy.retention_days),
        )

    def _move(self, day: date) -> str:
        operation = actions.begin_move(
            actor=SYSTEM, clock=self._clock, until=day, house=self._house, means=self._means, by_worker=False
        )
        clock_days.move(desk(), operation=operation, clock=self._clock, until=day)
        self._day = day
        return self._one.email

    def _erased(self, day: date) -> str | None:
        """A day later the data are gone, if the notices before it arrived; without that proof they stay."""
        self._move(day + timedelta(days=1))
        with acting(SYSTEM):
            try:
                found = entitled(person=self._one.person, day=self._day)
            except NotFound:
                return self._one.email
        gone = all(one.held.life.erased_on is not None for one in found.entitlements)
        return self._one.email if gone else None

    def _block(self) -> str:
        self._blocked = put_block(
            actor=SYSTEM, subscription=self._one.subscription, kind="abuse", reason=NAME, means=self._then()
        )
        return self._one.email

    def _unblock(self) -> str:
        lift_block(actor=SYSTEM, block=self._blocked.id, means=self._then())
        return self._one.email

    def _renew(self) -> str:
        redeem(
            actor=self._one.actor, order=self._order("extend", subscription=self._one.subscription), means=self._then()
        )
        return self._one.email

    def _open(self, which: str) -> Somebody:
        means = self._then()
        prefix = f"prova{means.random_bytes(6).hex()}"
        person = Administrator("Prova", which.title(), f"prova@{prefix}.example", f"prova@{prefix}-alternate.example")
        customer = NewCustomer(f"{NAME} ({which})", "PT", "pt-pt", prefix)
        with transaction.atomic():
            done = redeem(
                actor=ANONYMOUS, order=self._order("open", customer=customer, administrator=person), means=means
            )
            actions.attach_customer(
                actor=SYSTEM, customer=done.customer, clock=self._clock, house=self._house, means=means
            )
        return _somebody(done, person.email)

    def _order(self, purpose: str, **facts: Any) -> Order:
        with tempfile.TemporaryDirectory() as folder:
            (text,) = fresh_keys(Path(folder), 1, self._product, SEATS, MONTHS)
        blank = Order(
            purpose,
            (Item.of(text, self._means.digesters),),
            partner_of_record=None,
            attestation={"wording": ATTESTATION_WORDING, "language": "pt-pt", "address": "", "agent": "conformance"},
            countries=country_codes(),
            is_test=purpose == "open",
        )
        return replace(blank, **facts)

    def _then(self) -> Means:
        means = wiring.means()
        return means.at(means.now, self._day)


def _somebody(done: Outcome, email: str) -> Somebody:
    with acting(SYSTEM):
        found = administrators_of(done.customer)[0]
        bare = actor_of(account(found))
        person = person_of(found)
    subscription = done.effects[0].subscription
    assert subscription is not None
    with acting(bare):
        return Somebody(email, standing(bare), person, subscription)


def _wanted(stages: str) -> list[str]:
    names = [name.strip() for name in stages.split(",") if name.strip()] or list(STAGES)
    for name in names:
        if name not in STAGES:
            raise Malformed(field="stages", reason=f"is one or more of {', '.join(STAGES)}")
    return names


def _first_product() -> str:
    with acting(SYSTEM):
        found = [product.code for product in products() if product.retired_at is None]
    if not found:
        raise NotFound(what="product")
    return found[0]


def _told(case: Case) -> dict[str, str]:
    return {
        "stage": case.stage,
        "day": case.day.isoformat(),
        "expected": case.expected,
        "answered": case.answered,
        "result": case.result,
    }
