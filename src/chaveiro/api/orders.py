"""What `POST /redemptions` is sent, and the order that it stands for."""

from __future__ import annotations

import zoneinfo
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from pydantic import AfterValidator, Discriminator, Field, Tag

from chaveiro import wiring
from chaveiro.api import drafts, fields, languages
from chaveiro.api.authentication import asking
from chaveiro.api.keys import Typed
from chaveiro.apps.redemption.actions import OWN, Order, drafting
from chaveiro.rules import openings, redemption
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys import scrub
from chaveiro.rules.redemption import Item
from chaveiro.wording import country_codes

KEYS_AT_MOST = 10_000
AGENT_LENGTH_AT_MOST = 300


def _time_zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise ValueError("no time zone of the IANA database")
    return name


class NewCustomer(fields.Body):
    """An organisation to be opened. What is missing or wrong is told with the other faults of the order."""

    name: fields.Text = ""
    country: fields.Country = ""
    language: Annotated[str, Field(description="`pt-PT` or `en`.", max_length=fields.TEXT_AT_MOST)] = ""
    domain_prefix: Annotated[str, Field(description="3 to 27 of a-z and 0-9.", max_length=fields.TEXT_AT_MOST)] = ""
    tax_number: fields.Text | None = None
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "Europe/Lisbon"


class Administrator(fields.Body):
    """The person who becomes administrator, with a licence of each product opened."""

    given_name: fields.Text = ""
    family_name: fields.Text = ""
    email: fields.Text = ""
    alternate_email: fields.Text | None = None


def _kind_of_customer(value: Any) -> str:
    return "(id)" if isinstance(value, str) else "(new)"


Customer = Annotated[
    Annotated[fields.Text, Tag("(id)")] | Annotated[NewCustomer, Tag("(new)")], Discriminator(_kind_of_customer)
]


class RedemptionOrder(fields.Body):
    """Keys to be redeemed: to open subscriptions, to add seats to one, or to extend one."""

    purpose: Literal["open", "add", "extend"]
    keys: list[Typed] | None = Field(None, max_length=KEYS_AT_MOST, description="At most 200, all or none.")
    draft: fields.Text | None = Field(None, description="Instead of keys: a draft, with its Resume-Code header.")
    customer: Customer | None = Field(None, description="An existing id, or the organisation to open.")
    administrator: Administrator | None = None
    subscription: fields.Text | None = Field(None, description="The one to add to, or to extend.")
    seats_after: dict[fields.Text, fields.Count] | None = Field(None, description="By product code.")
    partner_of_record: fields.Text | None = Field(
        None, description="A registration number; null for nobody; absent: the partner who redeems."
    )
    fingerprint: fields.Text | None = Field(None, description="Of the sum that was shown; another sum is refused.")
    attestation: fields.Yes = Field(False, description="True: the caller may redeem these keys for the organisation.")
    start_over: fields.Yes = Field(
        False, description="Take up keys held by another draft, if all of its keys are here."
    )


def order_of(request: HttpRequest, sent: RedemptionOrder, code: str | None) -> tuple[Actor, Order]:
    """Who orders (holding the draft, if there is one) and what. Raises Malformed, NotFound."""
    asker = asking(request)
    actor, draft = asker.actor, None
    items = tuple(Item.of(text, asker.means.digesters) for text in sent.keys or ())
    if sent.draft is not None:
        if sent.keys is not None:
            raise Malformed(field="keys", reason="are in the draft already")
        draft = fields.in_body("draft", sent.draft, "draft")
        actor, resume_code = drafts.holder_of(request, code, draft)
        items = drafting.look(actor=actor, code=resume_code, sealer=wiring.sealer()).items
    order = Order(
        purpose=sent.purpose,
        items=items,
        customer=_customer(sent),
        administrator=_administrator(sent),
        subscription=None if sent.subscription is None else _id("subscription", sent.subscription),
        seats_after=sent.seats_after or {},
        partner_of_record=sent.partner_of_record if "partner_of_record" in sent.model_fields_set else OWN,
        fingerprint=sent.fingerprint,
        attestation=_attestation(request) if sent.attestation else None,
        draft=draft,
        start_over=sent.start_over,
        countries=country_codes(),
    )
    return actor, order


def _id(noun: str, text: str) -> UUID:
    return fields.in_body(noun, text, noun)


def _customer(sent: RedemptionOrder) -> UUID | openings.NewCustomer | None:
    customer = sent.customer
    if isinstance(customer, NewCustomer):
        return openings.NewCustomer(
            customer.name,
            customer.country.upper(),
            languages.read(customer.language),
            customer.domain_prefix,
            customer.tax_number or "",
            customer.time_zone,
        )
    return None if customer is None else _id("customer", customer)


def _administrator(sent: RedemptionOrder) -> openings.Administrator | None:
    person = sent.administrator
    if person is None:
        return None
    return openings.Administrator(person.given_name, person.family_name, person.email, person.alternate_email or "")


def _attestation(request: HttpRequest) -> dict[str, str]:
    """What is kept of the caller's word. What a stranger writes into a header may be a key; it is not kept whole."""
    return {
        "wording": redemption.ATTESTATION_WORDING,
        "language": languages.language_of(request),
        "address": str(getattr(request, "address", "") or request.META.get("REMOTE_ADDR", "")),
        "agent": scrub(request.headers.get("User-Agent", "")[:AGENT_LENGTH_AT_MOST]),
    }
