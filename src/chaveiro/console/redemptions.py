"""`chaveiro redemptions list | show | reverse | receipt | jwks`: what was redeemed, and what was taken back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.console import output
from chaveiro.console.acts import actor_named, id_of, in_pages, limit_option
from chaveiro.console.orders import told_in_lines
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import Malformed
from chaveiro.rules.receipts import RECEIPT_KIND, claims
from chaveiro.wording import papers, redeemed

PAGE = 200
HEADINGS = ("REFERENCE", "AT", "PURPOSE", "CUSTOMER", "NAME", "REVERSED")


@click.command("list")
@limit_option
@speaking
def list_redemptions(voice: Voice, limit: int) -> None:
    """List redemptions, the newest first."""
    with acting(SYSTEM):
        pages = in_pages(lambda before: queries.made_by(min(limit, PAGE), before), lambda line: line["id"])
        told = [redeemed.of_line(line) for line, _ in zip(pages, range(limit), strict=False)]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


@click.command("show")
@click.argument("reference")
@speaking
def show_redemption(voice: Voice, reference: str) -> None:
    """Show everything that a receipt says, by its reference (R-…) or its id (red_…)."""
    told = redeemed.of_facts(_facts(reference))
    voice.show(told, lambda: told_in_lines(told))


@click.command("receipt")
@click.argument("reference")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), default=None, help="A file for it as PDF.")
@speaking
def sign_receipt(voice: Voice, reference: str, pdf: Path | None) -> None:
    """Print a receipt as a signed text (JWS), or write it as PDF.

    `redemptions verify` checks the signed text, with no database and no network.
    """
    if pdf is not None:
        reader = papers.Reader(voice.language, settings.PLATFORM_TIME_ZONE, settings.VENDOR_NAME, settings.BASE_URL)
        printed = wiring.printer()(papers.receipt(_facts(reference), reader))
        try:
            pdf.write_bytes(printed)
        except OSError as fault:
            raise Malformed(field="pdf", reason=f"cannot be written: {fault.strerror}") from None
        voice.show({"pdf": str(pdf)}, lambda: str(pdf))
        return
    signed = wiring.keyring().sign(claims(_facts(reference), issuer=settings.BASE_URL), RECEIPT_KIND)
    voice.show({"receipt": signed}, lambda: signed)


@click.command("jwks")
@speaking
def public_keys(voice: Voice) -> None:
    """Print the public keys that receipts are checked with, retired ones too (a JWK set)."""
    told = wiring.keyring().jwks()
    output.write_json(told, indent=None if voice.as_json else 2)


@click.command("reverse")
@click.argument("reference")
@click.option("--reason", required=True, help="Why; the journal and the customer are told.")
@click.option("--as", "login", default=None, help="Who does it; absent: the machine itself.")
@dry_run_option
@speaking
def reverse_redemption(voice: Voice, reference: str, reason: str, login: str | None, dry_run: bool) -> None:
    """Take a redemption back, whole: its keys are for sale again, a customer that it opened is closed."""
    actor, wanted = actor_named(login), _named(reference)
    if not dry_run:
        voice.confirm(f"Take redemption {reference} back?")
    done = reverse(actor=actor, redemption=wanted, reason=reason, means=wiring.means(), dry_run=dry_run)
    told = redeemed.of_reversal(done) | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: output.card(told))


def _facts(reference: str) -> dict[str, Any]:
    wanted = _named(reference)
    with acting(SYSTEM):
        return queries.facts_of(wanted)


def _named(reference: str) -> UUID:
    """The redemption of a reference or an id. Raises NotFound."""
    if reference.startswith("red_"):
        return id_of("redemption", reference)
    with acting(SYSTEM):
        return queries.by_reference(reference)


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    at, undone = told["at"], told["reversed_at"]
    return (
        told["reference"],
        at.isoformat(timespec="seconds"),
        told["purpose"],
        told["customer"],
        told["customer_name"],
        undone and undone.isoformat(timespec="seconds"),
    )
