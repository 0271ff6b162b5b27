"""What `POST /redemptions` is sent, and the order that it stands for."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from pydantic import Discriminator, Field, Tag

from chaveiro import wiring
from chaveiro.api import drafts, fields, languages
from chaveiro.api.authentication import asking
from chaveiro.api.keys import Typed
from chaveiro.apps.redemption.actions import OWN, Order, drafting
from chaveiro.rules import orders, redemption
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys import scrub
from chaveiro.rules.redemption import Item
from chaveiro.wording import country_codes, time_zones

AGENT_LENGTH_AT_MOST = 300


class NewCustomer(fields.Body):
    """An organisation to be opened. What is missing or wrong is told with the other faults of the order."""

    name: fields.Text = ""
    country: fields.Country = ""
    language: Annotated[str, Field(description="`pt-PT` or `en`.", max_length=fields.TEXT_AT_MOST)] = ""
    domain_prefix: Annotated[str, Field(description="3 to 27 of a-z and 0-9.", max_length=fields.TEXT_AT_MOST)] = ""
    tax_number: fields.Text | None = None
    tax_number_again: fields.Yes = Field(
        False,
        description="True: a second organisation with this tax number is meant. Without it a tax number that may be "
        "known already is refused as `tax_number_known`, which tells nothing of the other organisation.",
    )
    time_zone: Annotated[str, Field(description="Of the IANA database.", max_length=fields.TEXT_AT_MOST)] = (
        "Europe/Lisbon"
    )


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
    keys: list[Typed] | None = Field(None, max_length=orders.KEYS_AT_MOST, description="At most 200, all or none.")
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
    clock: fields.Text | None = Field(None, description="In a sandbox: the test clock on which a new customer lives.")


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
    sheet = orders.read(_body(sent), time_zones())
    order = Order(
        purpose=sheet.purpose,
        items=items,
        customer=sheet.customer,
        tax_number_again=sheet.tax_number_again,
        administrator=sheet.administrator,
        subscription=sheet.subscription,
        seats_after=sheet.seats_after,
        partner_of_record=sheet.partner_of_record if sheet.names_partner else OWN,
        fingerprint=sheet.fingerprint,
        attestation=_attestation(request) if sheet.attestation else None,
        draft=draft,
        start_over=sheet.start_over,
        countries=country_codes(),
        is_test=wiring.house().pretence,
        clock=sheet.clock,
    )
    return actor, order


def _body(sent: RedemptionOrder) -> dict[str, Any]:
    """What was sent, as every door's reading of an order takes it; the keys were read already, each for its digest."""
    return sent.model_dump(exclude={"draft", "keys"}, exclude_unset=True)


def _attestation(request: HttpRequest) -> dict[str, str]:
    """What is kept of the caller's word. What a stranger writes into a header may be a key; it is not kept whole."""
    return {
        "wording": redemption.ATTESTATION_WORDING,
        "language": languages.language_of(request),
        "address": str(getattr(request, "address", "") or request.META.get("REMOTE_ADDR", "")),
        "agent": scrub(request.headers.get("User-Agent", "")[:AGENT_LENGTH_AT_MOST]),
    }
