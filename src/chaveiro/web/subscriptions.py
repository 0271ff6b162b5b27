"""One subscription: what it has, how it came to be, what comes next, and what can be done now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.closing.queries import notices
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.queries import Beside, SubscriptionCard
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.queries import Subscription
from chaveiro.rules import identifiers, serials
from chaveiro.rules.access import Act, decide
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.lifecycle import Stage, last_day
from chaveiro.rules.renewals import why_not_extend
from chaveiro.rules.seat_time import Grant, Operation, Standing, add_months, add_up, footing
from chaveiro.web import ledger, own_day
from chaveiro.web.addresses import id_in
from chaveiro.web.blocks import kinds_for
from chaveiro.web.guards import signed_in
from chaveiro.web.pages import language, page
from chaveiro.web.spreadsheets import csv_file
from chaveiro.web.why import standing
from chaveiro.wording import calendars

EXAMPLE_MONTHS = 12


@require_safe
@signed_in
def subscription(request: Any, subscription: str) -> HttpResponse:
    """The page, for its customer, for partners who may see it, and for the operator."""
    wanted, actor, means = id_in("subscription", subscription), request.actor, wiring.means()
    with acting(actor):
        card = delegation.subscription_in_sight(wanted, day=means.day, organisation=actor.organisation)
        own_day.tell(request, card.clock, card.day)
        found = _readable(actor, wanted, means.day)
        beside = delegation.beside({card.customer}, now=means.now).get(card.customer, ())
        before = _number(request.GET.get("before", ""))
        rows = ledger.page(wanted, customer=card.customer_name, version=found.version, before=before)
        undelivered = notices.undelivered(wanted)
        blocks = standing(actor, queries.blocks_of([found])[found.id], card.customer_name)
        sells = actor.kind is not Kind.CHANNEL or actor.organisation in customers.sellers_of(card.customer)
    context = {
        "card": card,
        "undelivered": undelivered,
        "found": found,
        "mine": actor.kind is Kind.CUSTOMER,
        "partner": partner_of(beside, card),
        "ledger": rows,
        "acts": acts_on(actor, card),
        "example": _example(card, found, card.day or means.day),
        "bar": Bar.of(card.assigned, card.seats),
        "blocks": blocks,
        "may_block": sells and card.stage is not Stage.DELETED and bool(kinds_for(actor)),
    }
    return page(request, "subscriptions/subscription.html", context)


@require_safe
@signed_in
def calendar(request: Any, subscription: str) -> HttpResponse:
    """Its days, for a calendar: an entry keeps its id when its day moves, so that nobody has it twice."""
    wanted, means = id_in("subscription", subscription), wiring.means()
    with acting(request.actor):
        card = delegation.subscription_in_sight(wanted, day=means.day)
        found = _readable(request.actor, wanted, means.day)
    days = calendars.Days(
        subscription=card.id,
        customer_name=card.customer_name,
        names=card.names,
        ends_on=card.ends_on,
        access_stops_on=card.access_stops_on,
        erasure_on=card.erasure_on,
        notice_days=found.policy.notice_days,
        term=found.version,
    )
    file = calendars.calendar(
        days, write=wiring.calendar_writer(), language=language(), base_url=settings.BASE_URL, stamp=means.now
    )
    response = HttpResponse(file, content_type="text/calendar; charset=utf-8")
    name = identifiers.write("subscription", card.id)
    response["Content-Disposition"] = f'attachment; filename="{name}.ics"'
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@signed_in
def ledger_csv(request: Any, subscription: str) -> HttpResponse:
    """Its whole ledger as a table, the oldest row first."""
    wanted = id_in("subscription", subscription)
    with acting(request.actor):
        card = delegation.subscription_in_sight(wanted, day=wiring.means().day)
        _readable(request.actor, wanted, wiring.means().day)
        rows = [_csv_row(entry) for entry in ledger.whole(wanted, customer=card.customer_name)]
    headings = (
        *(_("Row"), _("Day"), _("Kind"), _("Who"), _("Reference"), _("Serial numbers"), _("Granted (licence-days)")),
        *(_("Licences before"), _("Last day before"), _("Credit before")),
        *(_("Licences after"), _("Last day after"), _("Credit after"), _("Takes back row")),
    )
    return csv_file(f"{identifiers.write('subscription', wanted)}-ledger", headings, rows)


def _readable(actor: Actor, wanted: UUID, day: date) -> Subscription:
    """The subscription, unless it was deleted: then the vendor alone has what is left of it, which are ids.

    Raises NotFound, SubscriptionDeleted.
    """
    found = queries.subscription(wanted)
    if actor.kind is not Kind.OPERATOR:
        decide(Act.READ, day=found.today(day), life=found.life).demand()
    return found


def _csv_row(entry: ledger.Entry) -> tuple[Any, ...]:
    row = entry.row
    told = (row.number, row.day, row.kind, entry.who, entry.reference)
    keys = " ".join(serials.write(line["number"]) for line in entry.keys)
    sides = [
        (None, None, None) if side is None else (side.seats, last_day(side.ends_on), side.credit)
        for side in (row.before, row.after)
    ]
    return (*told, keys, row.granted, *sides[0], *sides[1], row.undoes)


@dataclass(frozen=True, slots=True)
class Bar:
    """Licences assigned and bought as a picture 1000 wide."""

    assigned: int
    seats: int
    filled: int

    @classmethod
    def of(cls, assigned: int, seats: int) -> Bar:
        return cls(assigned, seats, min(1000, 1000 * assigned // max(1, seats)))


@dataclass(frozen=True, slots=True)
class Acts:
    """What the reader may do with keys, and, where it is nothing, the reason why (a code that the template words)."""

    extend: bool
    add: bool
    why_not: str


def acts_on(actor: Actor, card: SubscriptionCard) -> Acts:
    """Extend or add by key: the customer both, its partner of record extends; else why not. Source: rules, 2 and 8."""
    why_not = why_not_extend(
        actor,
        is_closed=card.closed_at is not None,
        stage=card.stage,
        paid_by=card.paid_by,
        is_of_record=card.is_of_record,
    )
    may = why_not is None
    return Acts(extend=may, add=may and actor.kind is Kind.CUSTOMER, why_not=why_not or "")


def _example(card: SubscriptionCard, found: Subscription, day: date) -> date | None:
    """Where the end would lie with one more key for as many licences and twelve months; None beyond what is allowed."""
    if card.stage is Stage.DELETED or card.closed_at is not None:
        return None
    start = footing(Operation.EXTEND, day, Standing(card.seats, card.ends_on, card.credit), found.policy)
    ends_on = add_up(start, [Grant(card.seats, EXAMPLE_MONTHS)], None).ends_on
    return ends_on if ends_on <= add_months(day, found.policy.horizon_months) else None


def partner_of(beside: Any, card: SubscriptionCard) -> Beside | None:
    """Who counts for a subscription: confirmed before proposed, its own before the organisation's default."""
    mine = [one for one in beside if one.subscription in (None, card.id)]
    return min(mine, key=lambda one: (one.state != "confirmed", one.subscription is None), default=None)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
