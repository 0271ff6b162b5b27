"""The draft as an order: what the rules are asked about, and at which field of which page a fault belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chaveiro import wiring
from chaveiro.apps.redemption.actions import Order
from chaveiro.rules.actors import Kind
from chaveiro.rules.keys import scrub
from chaveiro.rules.openings import Administrator, NewCustomer
from chaveiro.rules.redemption import ATTESTATION_WORDING
from chaveiro.web.addresses import id_or_none
from chaveiro.web.pages import language
from chaveiro.web.redeem.draft import Desk
from chaveiro.web.redeem.journey import (
    ADMINISTRATOR,
    ATTEST,
    CHECK,
    CONFIRM,
    ORGANISATION,
    PARTNER,
    PURPOSE,
)
from chaveiro.wording import country_codes, time_zone_of, time_zones

AGENT_LENGTH_AT_MOST = 200
# While a page only looks, what was not attested yet must not be told as missing.
ATTESTED_LATER: Mapping[str, str] = {"wording": "not yet"}

PLACES: Mapping[str, tuple[str, str]] = {
    "/keys": (CONFIRM, "sum"),
    "/keys/*": (CHECK, "key-{}"),
    "/customer": (ORGANISATION, "name"),
    "/customer/*": (ORGANISATION, "{}"),
    "/clock": (ORGANISATION, "clock"),
    "/administrator": (ADMINISTRATOR, "given_name"),
    "/administrator/*": (ADMINISTRATOR, "{}"),
    "/partner_of_record": (PARTNER, "partner_of_record"),
    "/subscription": (PURPOSE, "target"),
    "/purpose": (PURPOSE, "target"),
    "/seats_after/*": (PURPOSE, "seats_after"),
    "/attestation": (ATTEST, "attestation"),
}


def places(desk: Desk, here: str) -> dict[str, str]:
    """`page#field` for each pointer; of what stands on this very page only the field."""
    return {
        pointer: ("" if page == here else desk.path(page)) + f"#{field}" for pointer, (page, field) in PLACES.items()
    }


def order_of(desk: Desk, *, attestation: Mapping[str, str] | None, fingerprint: str | None = None) -> Order:
    """The order that the draft makes, for whoever holds it."""
    form = desk.form
    asked: dict[str, Any] = {
        "purpose": desk.purpose,
        "items": desk.kept.items,
        "fingerprint": fingerprint,
        "attestation": attestation,
        "draft": desk.kept.id,
        "countries": country_codes(),
    }
    if desk.purpose != "open":
        return Order(**asked, subscription=UUID(form["subscription"]), seats_after=_seats_after(form))
    if desk.holder.kind is Kind.CUSTOMER:
        return Order(**asked, customer=desk.holder.customer)
    return Order(
        **asked,
        customer=new_customer(form),
        tax_number_again=form.get("tax_number_again") == tax_number_asked(form),
        administrator=administrator(form),
        partner_of_record=form.get("partner_of_record") or None,
        is_test=wiring.house().pretence,
        clock=id_or_none("clock", form.get("clock", "")),
    )


def new_customer(form: Mapping[str, str]) -> NewCustomer:
    """The organisation as it was typed."""
    return NewCustomer(
        name=form.get("name", ""),
        country=form.get("country", ""),
        language=form.get("language", ""),
        domain_prefix=form.get("domain_prefix", ""),
        tax_number=form.get("tax_number", ""),
        time_zone=zone_of(form),
    )


def zone_of(form: Mapping[str, str]) -> str:
    """The time zone that was chosen, else the usual one of the country."""
    chosen = form.get("time_zone", "")
    return chosen if chosen in time_zones() else time_zone_of(form.get("country", ""))


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


def attested(request: Any, *, acting_for: str) -> dict[str, str]:
    """What a draft keeps of who says that they are authorised: wording, language, instant, address and agent."""
    return {
        "attested_for": acting_for,
        "attested_wording": ATTESTATION_WORDING,
        "attested_language": language(),
        "attested_address": request.address,
        "attested_agent": agent_of(request),
    }


def attestation_of(desk: Desk, request: Any) -> dict[str, str] | None:
    """The attestation for the redemption's row, and who sent the last page; None when nobody attested."""
    form = desk.form
    if not form.get("attested_at"):
        return None
    return {
        "wording": form["attested_wording"],
        "acting_for": form["attested_for"],
        "language": form["attested_language"],
        "address": form["attested_address"],
        "agent": form["attested_agent"],
        "attested_at": form["attested_at"],
        "confirmed_language": language(),
        "confirmed_address": request.address,
        "confirmed_agent": agent_of(request),
    }


def agent_of(request: Any) -> str:
    """What a browser says of itself, cut short, a key in it masked."""
    return scrub(request.headers.get("User-Agent", "")[:AGENT_LENGTH_AT_MOST])


def _seats_after(form: Mapping[str, str]) -> dict[str, int]:
    seats, product = form.get("seats_after", ""), form.get("product", "")
    return {product: int(seats)} if seats.isdecimal() and product else {}
