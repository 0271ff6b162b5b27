"""An order: what somebody asks to be redeemed, and everything that is found to stand against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from django.db import connection

from chaveiro.apps.clocks.queries import clock_if_seen
from chaveiro.apps.redemption import queries
from chaveiro.rules import redemption as rules
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import may_redeem
from chaveiro.rules.errors import Malformed
from chaveiro.rules.means import Means
from chaveiro.rules.openings import Administrator, Missing, NewCustomer, PrefixTaken, TaxNumberKnown
from chaveiro.rules.verdicts import Fault, KeyHeld, Refusals

OWN = "own"  # the partner who redeems proposes itself
TAX_NUMBER = "/customer/tax_number"


@dataclass(frozen=True, slots=True)
class Order:
    """A redemption as it is asked for.

    `customer` is an existing one's id, or the organisation to open together with `administrator`. `seats_after` is by
    product code. `partner_of_record` is a registration number, `OWN`, or None for nobody. `attestation` holds wording,
    language, address and agent, and is None when nobody attested. `start_over` takes up keys that another draft holds,
    when all of that draft's keys are here. `tax_number_again` says that a second organisation with a tax number that is
    known is meant. `countries` are the codes of all countries that exist.
    An organisation that is opened may be one of a test (`is_test`), and then live on a test clock (`clock`).
    """

    purpose: str
    items: tuple[rules.Item, ...]
    customer: UUID | NewCustomer | None = None
    administrator: Administrator | None = None
    subscription: UUID | None = None
    seats_after: Mapping[str, int] = field(default_factory=dict)
    partner_of_record: str | None = OWN
    fingerprint: str | None = None
    attestation: Mapping[str, str] | None = None
    draft: UUID | None = None
    start_over: bool = False
    tax_number_again: bool = False
    countries: Collection[str] = ()
    is_test: bool = False
    clock: UUID | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """An order with what it would do.

    `customer` is None for a new one; `proposed` is who becomes partner of record; `same_tax_number` says that the
    organisation to open would share its tax number with one that stands.
    """

    order: Order
    plan: rules.Plan
    verdicts: tuple[rules.Verdict, ...]
    faults: tuple[Fault, ...]
    customer: UUID | None
    proposed: UUID | None
    same_tax_number: bool


def weigh(
    actor: Actor, order: Order, means: Means, *, thorough: bool, known: Mapping[bytes, rules.KeyFacts] | None = None
) -> Weighed:
    """Gather what is known, then let the rulebook decide. Changes nothing.

    `thorough` also asks what the commit itself would find out (whether the prefix is free), so that a preview tells
    every fault at once. `known` is what the house knows of the keys, where that was asked before. Raises NotAllowed and
    NotFound; other faults are in the answer.
    """
    target, country = None, None
    if order.subscription is not None:
        target, country = queries.target_of(order.subscription)
    customer, customer_country, own_day = _customer(actor, order, target.customer if target else None)
    day, off_clock = _day(order, customer, own_day or means.day)
    around = rules.Situation(
        order.purpose, day, country or customer_country, customer is None, target, order.seats_after
    )
    if known is None:
        known = queries.known_keys(order.items, order.draft, means)
    plan, verdicts, found = rules.plan(order.items, known, around)
    proposed, against = _proposed(actor, order, customer)
    form = _form_faults(order, customer)
    malformed = {fault.pointer for fault in form}
    rest = [fault for fault in _with_offers(order, known, found) if fault.pointer not in malformed]
    faults = (*form, *rest, *against, *off_clock)
    again = _has_known_tax_number(order, verdicts, faults)
    if again and not order.tax_number_again:
        faults = (*faults, Fault(TAX_NUMBER, TaxNumberKnown()))
    if (thorough or faults) and isinstance(order.customer, NewCustomer):
        faults = (*faults, *_prefix_faults(order.customer, faults))
    return Weighed(order, plan, verdicts, faults, customer, proposed, again)


def refuse(weighed: Weighed) -> None:
    """Pass, or raise all faults at once."""
    if weighed.faults:
        raise Refusals(weighed.faults)


def _day(order: Order, customer: UUID | None, day: date) -> tuple[date, list[Fault]]:
    """The day on which the order acts: that of the test clock onto which it opens a customer; what is wrong with it."""
    if order.clock is None:
        return day, []
    if customer is not None:
        return day, [Fault("/clock", Malformed(field="clock", reason="is for an organisation that is opened"))]
    found = clock_if_seen(order.clock)
    if found is None or found.ended_at is not None or not order.is_test:
        return day, [Fault("/clock", Malformed(field="clock", reason="is no test clock of yours that goes on"))]
    return found.day, []


def _customer(actor: Actor, order: Order, of_target: UUID | None) -> tuple[UUID | None, str | None, date | None]:
    """The existing customer, if it is one, the country that counts, and the day of its test clock."""
    wanted = order.customer
    existing = wanted if isinstance(wanted, UUID) else of_target
    if existing is None and actor.kind is Kind.CUSTOMER and wanted is None:
        existing = actor.customer
    if existing is None:
        may_redeem(actor, order.purpose, customer=None)
        return None, wanted.country if isinstance(wanted, NewCustomer) else None, None
    if isinstance(wanted, NewCustomer) or (of_target is not None and of_target != existing):
        raise Malformed(field="customer", reason="is not the one whose subscription is named")
    found = queries.existing_customer(existing, actor.organisation, order.subscription)
    may_redeem(
        actor,
        order.purpose,
        customer=existing,
        partner_of_record=found.has_actor_as_partner_of_record,
        chooses_seats=bool(order.seats_after),
    )
    return existing, found.country, found.day


def _form_faults(order: Order, customer: UUID | None) -> list[Fault]:
    faults: list[Fault] = []
    if order.attestation is None:
        faults.append(Fault("/attestation", rules.AttestationMissing()))
    if customer is not None:
        return faults
    if isinstance(order.customer, NewCustomer):
        faults += order.customer.faults(order.countries)
    else:
        faults.append(Fault("/customer", Missing(field="customer")))
    if order.administrator is None:
        faults.append(Fault("/administrator", Missing(field="administrator")))
    else:
        faults += order.administrator.faults()
    return faults


def _prefix_faults(customer: NewCustomer, faults: Sequence[Fault]) -> list[Fault]:
    pointer = "/customer/domain_prefix"
    if any(fault.pointer == pointer for fault in faults) or queries.prefix_is_free(customer.domain_prefix):
        return []
    return [Fault(pointer, PrefixTaken(prefix=customer.domain_prefix))]


def _has_known_tax_number(order: Order, verdicts: Sequence[rules.Verdict], faults: Sequence[Fault]) -> bool:
    """Whether the organisation to open shares its tax number with one that stands.

    Asked only for who has a good key in hand, so that a stranger cannot find out by trying who is a customer here.
    """
    wanted = order.customer
    if not isinstance(wanted, NewCustomer) or not wanted.tax_number:
        return False
    if all(verdict.refusal is not None for verdict in verdicts):
        return False
    if any(fault.pointer in (TAX_NUMBER, "/customer/country") for fault in faults):
        return False
    return queries.tax_number_is_known(wanted.country, wanted.tax_number)


def _proposed(actor: Actor, order: Order, customer: UUID | None) -> tuple[UUID | None, list[Fault]]:
    wanted = order.partner_of_record
    if customer is not None or wanted is None:
        return None, []
    if wanted == OWN:
        return actor.organisation if actor.kind is Kind.CHANNEL else None, []
    row = connection.connection.execute(
        "SELECT id, suspended FROM channel_card(NULL, %s)", (wanted,), prepare=True
    ).fetchone()
    if row is None or row[1]:
        refusal = Malformed(field="partner_of_record", reason="is no registration number of a partner")
        return None, [Fault("/partner_of_record", refusal)]
    return row[0], []


def _with_offers(order: Order, known: Mapping[bytes, rules.KeyFacts], faults: Sequence[Fault]) -> tuple[Fault, ...]:
    """The same faults, where a hold says whether all of the holding draft's keys are here: then it may be taken up."""
    if not any(isinstance(fault.refusal, KeyHeld) for fault in faults):
        return tuple(faults)
    drafts = whole_drafts(known)
    told = []
    for fault in faults:
        if isinstance(fault.refusal, KeyHeld):
            index = int(fault.pointer.rpartition("/")[2])
            holder = next((known[d].held_by for d in order.items[index].digests if d in known), None)
            told.append(Fault(fault.pointer, KeyHeld(until=fault.refusal.facts["until"], whole=holder in drafts)))
        else:
            told.append(fault)
    return tuple(told)


def whole_drafts(known: Mapping[bytes, rules.KeyFacts]) -> set[UUID]:
    """The drafts that hold some of these keys and no other: whoever presents them presents all of those drafts."""
    numbers = [facts.number for facts in known.values()]
    holders = {facts.held_by for facts in known.values() if facts.held_by is not None}
    rows = connection.connection.execute(
        "SELECT draft FROM unnest(%s::uuid[]) AS draft WHERE redemption_whole_draft(draft, %s::bigint[])",
        (list(holders), numbers),
        prepare=True,
    ).fetchall()
    return {row[0] for row in rows}


def start_over(order: Order, means: Means) -> Order:
    """End the drafts whose keys are all here, so that nobody waits for their own hold."""
    if not order.start_over:
        return order
    known = queries.known_keys(order.items, order.draft, means)
    numbers = [facts.number for facts in known.values()]
    for draft in whole_drafts(known):
        connection.connection.execute("SELECT redemption_start_over(%s, %s)", (draft, numbers))
    return replace(order, start_over=False)
