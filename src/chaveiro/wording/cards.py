"""What stands on a card, in both languages, and the printer that the worker and the command line are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from urllib.parse import urlsplit

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from chaveiro.rules.batches import Batch
from chaveiro.rules.cards import Card, Face, Press, Side, read_csv
from chaveiro.rules.exports import Printer
from chaveiro.wording.figures import figures

LANGUAGES = (("pt-pt", "pt-PT", "pt"), ("en", "en", "en"))  # of our words, of the file, of a product's name


@dataclass(frozen=True, slots=True)
class House:
    """Whose cards they are: the vendor's name, and the address of the installation."""

    vendor: str
    address: str


def printer(press: Press, house: House) -> Printer:
    """Prints the cards of a batch as its keys are made."""

    def printed(batch: Batch, names: Mapping[str, str], rows: bytes) -> bytes:
        into = BytesIO()
        cards: list[Card] = read_csv(rows.decode("ascii"))
        press(face(house, names, batch.seats, batch.months, batch.activate_before), cards, into)
        return into.getvalue()

    return printed


def face(house: House, names: Mapping[str, str], seats: int, months: int, activate_before: date | None) -> Face:
    """What all cards of one batch have in common. `names` are the product's, by language."""
    address = house.address.rstrip("/")
    sides = tuple(
        _side(language, tag, names.get(short) or next(iter(names.values())), seats, months, activate_before, address)
        for language, tag, short in LANGUAGES
    )
    with override(LANGUAGES[0][0]):
        title = _("Product key cards")
    return Face(house.vendor, address, _both(lambda: _("Serial number")), title, sides)


def _both(label: Callable[[], str]) -> str:
    """A label in both languages."""
    said = []
    for language, _tag, _short in LANGUAGES:
        with override(language):
            said.append(label())
    return " / ".join(dict.fromkeys(said))


def _side(
    language: str, tag: str, product: str, seats: int, months: int, activate_before: date | None, address: str
) -> Side:
    write = figures(language)
    with override(language):
        licences = ngettext("%(seats)s licence", "%(seats)s licences", seats) % {"seats": write.number(seats)}
        carries = ngettext("%(licences)s for %(months)s month", "%(licences)s for %(months)s months", months)
        redeem_by = ""
        if activate_before is not None:
            redeem_by = _("Redeem by %(day)s (inclusive)") % {"day": write.last_day(activate_before)}
        return Side(
            tag,
            product,
            carries % {"licences": licences, "months": write.number(months)},
            redeem_by,
            (
                _("1. Open %(address)s or scan the QR code.") % {"address": f"{_short(address)}/redeem"},
                _("2. Enter the key; hyphens and spaces do not count."),
                _("3. Keep this card until you have the receipt."),
            ),
        )


def _short(address: str) -> str:
    """An address as people type it: without the scheme that browsers add by themselves."""
    return address.removeprefix("https://") if urlsplit(address).scheme == "https" else address
