"""The orders that the command line is given in files: `redemptions preview` and `redemptions redeem`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.actions import OWN, Answering, Order, Outcome, preview, redeem
from chaveiro.console import output
from chaveiro.console.acts import actor_named, bytes_of
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules import idempotency, identifiers, orders
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Malformed
from chaveiro.rules.means import Means
from chaveiro.rules.redemption import ATTESTATION_WORDING, Item, SumChanged
from chaveiro.rules.verdicts import Refusals
from chaveiro.wording import country_codes, redeemed, time_zones

BODY_BYTES_AT_MOST = 1024 * 1024
AGENT = "chaveiro on the command line"
# The scope of the API's own call: the same key sent through either door is the same request.
METHOD, PATH, STATUS = "POST", "/api/v1/redemptions", 201
FILE_HELP = "FILE holds the body of the API's POST /redemptions as JSON; - is stdin."

as_option = click.option("--as", "login", required=True, help="The account that redeems, by the name it signs in with.")


@click.command("preview", epilog=FILE_HELP)
@click.argument("file")
@as_option
@speaking
def preview_redemption(voice: Voice, file: str, login: str) -> None:
    """Show what an order would do, with the sum and its fingerprint, or everything that stands against it."""
    body, actor, means = _body(file), actor_named(login), wiring.means()
    _show(voice, _previewed(actor, order_of(body, means, voice.language), means))


@click.command("redeem", epilog=FILE_HELP)
@click.argument("file")
@as_option
@click.option("--idempotency-key", required=True, help="A text of yours: the same command again tells the same.")
@dry_run_option
@speaking
def redeem_keys(voice: Voice, file: str, login: str, idempotency_key: str, dry_run: bool) -> None:
    """Redeem all keys of an order, or none. Interrupted, run it again: the same key leads to the same redemption."""
    body, actor, means = _body(file), actor_named(login), wiring.means()
    asked = _request(actor, idempotency_key, body)
    order = order_of(body, means, voice.language)
    if dry_run:
        _show(voice, _previewed(actor, order, means) | {"dry_run": True})
        return
    outcome = redeem(actor=actor, order=order, means=means, answering=Answering(asked, STATUS, redeemed.of_outcome))
    _show(voice, _told(actor, outcome))


def order_of(body: object, means: Means, language: str) -> Order:
    """The order in a parsed body. Raises Refusals with every fault of its form."""
    sheet = orders.read(body, time_zones())
    return Order(
        purpose=sheet.purpose,
        items=tuple(Item.of(text, means.digesters) for text in sheet.keys),
        customer=sheet.customer,
        tax_number_again=sheet.tax_number_again,
        administrator=sheet.administrator,
        subscription=sheet.subscription,
        seats_after=sheet.seats_after,
        partner_of_record=sheet.partner_of_record if sheet.names_partner else OWN,
        fingerprint=sheet.fingerprint,
        attestation=_attestation(language) if sheet.attestation else None,
        start_over=sheet.start_over,
        countries=country_codes(),
        is_test=wiring.house().pretence,
        clock=sheet.clock,
    )


def _attestation(language: str) -> dict[str, str]:
    return {"wording": ATTESTATION_WORDING, "language": language, "address": "", "agent": AGENT}


def _body(file: str) -> Any:
    try:
        return json.loads(bytes_of(file, BODY_BYTES_AT_MOST, "body"))
    except (ValueError, RecursionError):
        raise Malformed(field="body", reason="must be JSON") from None


def _request(actor: Actor, key: str, body: Any) -> idempotency.Request:
    assert actor.account is not None
    return idempotency.request(
        actor=actor.account,
        method=METHOD,
        path=PATH,
        key=key,
        body=body,
        secret=wiring.derived_secret("idempotency"),
    )


def _previewed(actor: Actor, order: Order, means: Means) -> dict[str, Any]:
    weighed = preview(actor=actor, order=order, means=means)
    if weighed.faults:
        raise Refusals(weighed.faults)
    if order.fingerprint not in (None, weighed.plan.fingerprint):
        raise SumChanged(fingerprint=weighed.plan.fingerprint)
    return redeemed.of_weighed(weighed)


def _told(actor: Actor, outcome: Outcome) -> dict[str, Any]:
    """What was done; of a replay what was told the first time, and whether it was reversed since."""
    if outcome.body is None:
        return redeemed.of_outcome(outcome)
    with acting(actor):
        facts = queries.facts_of(identifiers.read("redemption", outcome.body["id"]))
    return {**outcome.body, "reversed_at": facts["reversed_at"], "replayed": True}


def _show(voice: Voice, told: Mapping[str, Any]) -> None:
    voice.show(told, lambda: told_in_lines(told))


def told_in_lines(told: Mapping[str, Any]) -> str:
    """A redemption for people: its reference, then a line for each subscription."""
    known = ("reference", "id", "customer", "purpose", "day", "customer_name", "fingerprint", "reversed_at")
    head = {name: told[name] for name in known if told.get(name) is not None}
    headings = ("PRODUCT", "SEATS", "LAST DAY", "CREDIT", "SUBSCRIPTION")
    rows = [
        (one["product"], one["after"]["seats"], one["after"]["last_day"], one["after"]["credit"], one["subscription"])
        for one in told["effects"]
    ]
    keys = [f"key {key['serial']} …{key['last_five']}" for key in told.get("keys", ())]
    return "\n".join((output.card(head), *keys, output.table(headings, rows)))
