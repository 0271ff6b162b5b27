"""The draft as an order: what the rules are asked about, and at which field of which page a fault belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chaveiro.apps.redemption.actions import Order
from chaveiro.rules.actors import Kind
from chaveiro.rules.keys import scrub
from chaveiro.rules.openings import Administrator, NewCustomer
from chaveiro.rules.redemption import ATTESTATION_WORDING
from chaveiro.web.pages import language
from chaveiro.web.redeem.draft import Desk
from chaveiro.wording import country_codes, time_zone_of

AGENT_LENGTH_AT_MOST = 200
# While a page only looks, what will be attested on the last one must not be told as missing.
ATTESTED_LATER: Mapping[str, str] = {"wording": "not yet"}

ORGANISATION, CONFIRM, KEYS, PURPOSE = "/redeem/organisation", "/redeem/confirm", "/redeem/keys", "/redeem/purpose"
PLACES: Mapping[str, str] = {
    "/keys": f"{CONFIRM}#sum",
    "/keys/*": f"{KEYS}#key-{{}}",
    "/customer": f"{ORGANISATION}#name",
    "/customer/*": f"{ORGANISATION}#{{}}",
    "/administrator": f"{ORGANISATION}#given_name",
    "/administrator/*": f"{ORGANISATION}#{{}}",
    "/partner_of_record": f"{ORGANISATION}#partner_of_record",
    "/subscription": f"{PURPOSE}#target-0",
    "/purpose": f"{PURPOSE}#target-0",
    "/seats_after/*": f"{PURPOSE}#seats_after",
    "/attestation": f"{CONFIRM}#attestation",
}


def order_of(desk: Desk, *, attestation: Mapping[str, str] | None, fingerprint: str | None = None) -> Order:
    """The order that the draft makes, for whoever holds it."""
    form = desk.form
    purpose = form.get("purpose", "open")
    asked: dict[str, Any] = {
        "purpose": purpose,
        "items": desk.kept.items,
        "fingerprint": fingerprint,
        "attestation": attestation,
        "draft": desk.kept.id,
        "countries": country_codes(),
    }
    if purpose != "open":
        return Order(**asked, subscription=UUID(form["subscription"]), seats_after=_seats_after(form))
    if desk.holder.kind is Kind.CUSTOMER:
        return Order(**asked, customer=desk.holder.customer)
    return Order(
        **asked,
        customer=new_customer(form),
        tax_number_again=form.get("tax_number_again") == tax_number_asked(form),
        administrator=administrator(form),
        partner_of_record=form.get("partner_of_record") or None,
    )


def new_customer(form: Mapping[str, str]) -> NewCustomer:
    """The organisation as it was typed."""
    return NewCustomer(
        name=form.get("name", ""),
        country=form.get("country", ""),
        language=form.get("language", ""),
        domain_prefix=form.get("domain_prefix", ""),
        tax_number=form.get("tax_number", ""),
        time_zone=time_zone_of(form.get("country", "")),
    )


def tax_number_asked(form: Mapping[str, str]) -> str:
    """What the box about a known tax number was shown for: another number, or country, is asked about anew."""
    return f"{form.get('country', '')} {form.get('tax_number', '')}"


def administrator(form: Mapping[str, str]) -> Administrator:
    """The administrator as they were typed."""
    return Administrator(
        given_name=form.get("given_name", ""),
        family_name=form.get("family_name", ""),
        email=form.get("email", ""),
        alternate_email=form.get("alternate_email", ""),
    )


def attestation_of(request: Any) -> dict[str, str] | None:
    """Who says that they are authorised: wording, language, address and agent; None when the box is not selected."""
    if request.POST.get("attestation") != "yes":
        return None
    return {
        "wording": ATTESTATION_WORDING,
        "language": language(),
        "address": request.address,
        "agent": scrub(request.headers.get("User-Agent", "")[:AGENT_LENGTH_AT_MOST]),
    }


def _seats_after(form: Mapping[str, str]) -> dict[str, int]:
    seats, product = form.get("seats_after", ""), form.get("product", "")
    return {product: int(seats)} if seats.isdecimal() and product else {}
