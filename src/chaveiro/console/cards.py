"""`chaveiro cards`: cards as PDF from a file of keys, on this machine. The keys go from one file into the other."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import queries
from chaveiro.console import output, startup
from chaveiro.console.acts import STDIN, bytes_of, day_of
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules import serials
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.batches import Span
from chaveiro.rules.cards import CARDS_AT_MOST, Card, TooManyCards, read_csv
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.exports import FileRefused, Printer
from chaveiro.wording import cards as words

BYTES_AT_MOST = 64 * 1024 * 1024  # a file of a million keys has 43 MB
PROCESS = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the cards say, where it is told and not looked up."""

    product: str
    product_en: str | None
    seats: int
    months: int
    activate_before: date | None


def card_printer() -> Printer:
    """What prints the cards of a batch whose keys are being made."""
    return words.printer(wiring.press(), _house(None, None))


@click.command("cards")
@click.argument("file", default=STDIN)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The PDF.")
@click.option("--serials", "span", default=None, help="Only the cards from one serial to another (A-B).")
@click.option("--product", default=None, help="The product's name in Portuguese; absent: everything is looked up.")
@click.option("--product-en", default=None, help="Its name in English, where that is another.")
@click.option("--seats", type=click.IntRange(min=1), default=None, help="Licences that each key carries.")
@click.option("--months", type=click.IntRange(min=1), default=None, help="Months that each key carries.")
@click.option("--activate-before", default=None, help="The first day on which they are worth nothing (YYYY-MM-DD).")
@click.option("--vendor", default=None, help="Whose cards they are; absent: CHAVEIRO_VENDOR_NAME.")
@click.option("--url", default=None, help="Where keys are redeemed; absent: CHAVEIRO_BASE_URL.")
@dry_run_option
@speaking
def print_cards(
    voice: Voice,
    file: str,
    out: Path,
    span: str | None,
    product: str | None,
    product_en: str | None,
    seats: int | None,
    months: int | None,
    activate_before: str | None,
    vendor: str | None,
    url: str | None,
    dry_run: bool,
) -> None:
    """Print cards for a FILE of keys (`serial,key` on each line; - for stdin): A4, ten on a sheet, to be cut.

    What they say is looked up by their serials, and every key is held against the database. With --product, --seats and
    --months no database is needed, and none is asked. At most 10,000 cards in one PDF; print more with --serials.
    """
    given = _given(product, product_en, seats, months, activate_before)
    if out.exists() or out.is_symlink():
        raise FileRefused(reason="a file of that name exists; it is not overwritten")
    cards = _chosen(_read(file), span)
    house = _house(vendor, url)
    if given is None:
        startup.enter(PROCESS)
        names, facts = _looked_up(cards)
        face = words.face(house, names, facts.seats, facts.months, facts.activate_before)
    else:
        names = {"pt": given.product, "en": given.product_en or given.product}
        face = words.face(house, names, given.seats, given.months, given.activate_before)
    told: dict[str, Any] = {"cards": len(cards), "sheets": -(-len(cards) // 10), "product": dict(names)}
    if dry_run:
        told |= {"dry_run": True}
    else:
        _write(out, lambda into: wiring.press()(face, cards, into))
        told |= {"file": str(out)}
    voice.show(told, lambda: output.card(told))
    if face.address.startswith("http://localhost"):
        voice.say("The QR codes lead to this machine only; name the public address with --url or CHAVEIRO_BASE_URL.")


def _given(
    product: str | None, product_en: str | None, seats: int | None, months: int | None, activate_before: str | None
) -> Given | None:
    named = [value is not None for value in (product, seats, months)]
    if not any(named) and product_en is None and activate_before is None:
        return None
    if product is None or seats is None or months is None:
        raise click.UsageError("--product, --seats and --months go together; without them all is looked up")
    day = day_of("activate_before", activate_before)
    return Given(product=product, product_en=product_en, seats=seats, months=months, activate_before=day)


def _house(vendor: str | None, url: str | None) -> words.House:
    return words.House(vendor or settings.VENDOR_NAME, url or settings.BASE_URL)


def _read(file: str) -> list[Card]:
    try:
        text = bytes_of(file, BYTES_AT_MOST, "file").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed(field="file", reason="is not a file of keys; an encrypted one is opened first") from None
    return read_csv(text)


def _chosen(cards: list[Card], span: str | None) -> list[Card]:
    """The cards that are meant. Raises Malformed when there is none, TooManyCards."""
    if span is not None:
        wanted = Span.read(span)
        cards = [card for card in cards if wanted.first <= serials.read(card.serial) <= wanted.last]
    if not cards:
        raise Malformed(field="file", reason="has no such key")
    if len(cards) > CARDS_AT_MOST:
        raise TooManyCards(count=len(cards), most=CARDS_AT_MOST)
    return cards


def _looked_up(cards: list[Card]) -> tuple[Mapping[str, str], Any]:
    """The product's names and the batch of the cards, every key held against what the database knows of it.

    Raises NotFound, and Malformed when the cards are of several batches or a key does not belong to its serial.
    """
    numbers = [serials.read(card.serial) for card in cards]
    digesters = {digester.version: digester for digester in wiring.means().digesters}
    with acting(SYSTEM):
        batch = queries.batch_of(min(numbers))
        if max(numbers) > batch.serials.last:
            raise Malformed(field="file", reason="holds keys of several batches; print them one by one")
        known = {
            number: (pepper, digest)
            for number, pepper, digest in queries.digests(min(numbers), max(numbers) - min(numbers) + 1)
        }
        names = catalog.version(batch.product_version).names
    for number, card in zip(numbers, cards, strict=True):
        if number not in known:
            raise NotFound(what="key")
        pepper, digest = known[number]
        if pepper in digesters and digesters[pepper].digest(card.key.replace("-", "")) != digest:
            raise Malformed(field="file", reason=f"the key beside serial {card.serial} is not the one of that serial")
    return names, batch


def _write(out: Path, press: Any) -> None:
    """A file that nobody else may read; nothing is left of it where the cards could not be printed."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise FileRefused(reason=f"it cannot be opened: {fault.strerror}") from fault
    try:
        with os.fdopen(descriptor, "wb") as into:
            press(into)
            into.flush()
            os.fsync(into.fileno())
    except BaseException:
        with suppress(OSError):
            out.unlink()
        raise
