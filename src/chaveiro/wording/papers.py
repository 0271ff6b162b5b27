"""A receipt on paper: the same facts in the same words as on its page, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from chaveiro.rules import serials
from chaveiro.rules.documents import Document, Facts, Heading, Paragraph, Part, Table
from chaveiro.rules.receipts import ReceiptEffect, effects_of
from chaveiro.wording.figures import Figures, figures


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a receipt is written: language, time zone, whose installation it is and where it stands."""

    language: str
    time_zone: str
    vendor: str
    base_url: str


def receipt(facts: Mapping[str, Any], reader: Reader) -> Document:
    """The receipt as a document; equal facts give equal documents."""
    with override(reader.language):
        write = figures(reader.language)
        return Document(
            title=_title(facts, write),
            code=facts["reference"],
            author=reader.vendor,
            subject=_("Receipt %(reference)s") % {"reference": facts["reference"]},
            language=reader.language,
            page_words=_("Page %(page)s of %(pages)s"),
            parts=tuple(_parts(facts, reader, write)),
        )


def _title(facts: Mapping[str, Any], write: Figures) -> str:
    count = len(facts["lines"])
    told = {"shown": write.number(count), "customer": facts["customer"]["name"]}
    return ngettext("%(shown)s key redeemed for %(customer)s", "%(shown)s keys redeemed for %(customer)s", count) % told


def _parts(facts: Mapping[str, Any], reader: Reader, write: Figures) -> Iterator[Part]:
    if facts["reversed_at"] and not facts.get("corrected_to"):
        at = write.instant(datetime.fromisoformat(facts["reversed_at"]), reader.time_zone)
        yield Paragraph(_("This redemption was reversed on %(at)s.") % {"at": at}, weighty=True)
        yield Paragraph(_("What it had given was taken back."))
    if facts.get("corrected_to"):
        told = {"reference": facts["corrected_to"]}
        yield Paragraph(_("A correction moved these keys to the right customer: %(reference)s.") % told, weighty=True)
    if facts.get("corrects"):
        told = {"reference": facts["corrects"]}
        yield Paragraph(_("A correction brought these keys here from another customer: %(reference)s.") % told)
    yield Facts(tuple(_rows(facts, reader, write)))
    effects = effects_of(facts)
    for effect in effects:
        yield from _effect(effect, write)
    yield Heading(_("The keys"))
    names = {str(effect.subscription): named(effect.names, reader.language) for effect in effects}
    yield Table(
        (_("Serial number"), _("Key"), _("Product"), _("Licences"), _("Months")),
        tuple(_key(line, names, write) for line in facts["lines"]),
        frozenset({3, 4}),
    )
    yield Heading(_("Proof"))
    told = {"address": f"{reader.base_url}/receipts/{facts['reference']}"}
    yield Paragraph(
        _("This paper tells what was done on that day. Whether it was reversed since, this page tells: %(address)s")
        % told
    )


def _rows(facts: Mapping[str, Any], reader: Reader, write: Figures) -> Iterator[tuple[str, str]]:
    yield _("Redeemed on"), write.instant(datetime.fromisoformat(facts["at"]), reader.time_zone)
    yield _("What for"), purpose(facts["purpose"])
    yield _("Customer"), facts["customer"]["name"]
    yield _("Country or region"), write.country(facts["customer"]["country"])
    if facts["administrator"]:
        person = facts["administrator"]
        yield _("Administrator"), f"{person['given_name']} {person['family_name']}"
        yield _("E-mail"), person["email"]
    if facts["partner"]:
        yield _("Redeemed by"), _partner(facts["partner"])


def _partner(partner: Mapping[str, Any]) -> str:
    number = partner["registration_number"]
    return f"{partner['name']} ({number})" if number else str(partner["name"])


def purpose(code: str) -> str:
    """What a redemption was for, in a few words."""
    words = {"open": _("Opening"), "add": _("Adding licences"), "extend": _("Extending")}
    return words.get(code, code)


def named(names: Mapping[str, str], language: str) -> str:
    """A product's name in a language."""
    return names.get(language.partition("-")[0]) or next(iter(names.values()), "")


def _effect(effect: ReceiptEffect, write: Figures) -> Iterator[Part]:
    total, before = effect.sum, effect.sum.footing.before
    yield Heading(named(effect.names, _language_of(write)))
    rows = []
    if before is not None:
        rows.append((_("Before"), _standing(before.seats, write.last_day(before.ends_on), write)))
    rows.append((_("Licences"), write.number(total.seats)))
    rows.append((_("Valid"), _("valid until %(day)s (inclusive)") % {"day": write.last_day(total.ends_on)}))
    rows.append((_("Credit"), seat_days(total.credit, write)))
    yield Facts(tuple(rows))
    yield Paragraph(
        _(
            "%(pool)s licence-days shared among %(seats)s licences give %(days)s days each, and %(credit)s licence-days"
            " are left as credit. Counted from %(origin)s, the last day covered is %(last)s."
        )
        % {
            "pool": write.number(total.pool),
            "seats": write.number(total.seats),
            "days": write.number(total.days_after),
            "credit": write.number(total.credit),
            "origin": write.day(total.footing.origin),
            "last": write.last_day(total.ends_on),
        }
    )


def _standing(seats: int, last: str, write: Figures) -> str:
    return ngettext(
        "%(seats)s licence, valid until %(day)s (inclusive)",
        "%(seats)s licences, valid until %(day)s (inclusive)",
        seats,
    ) % {"seats": write.number(seats), "day": last}


def seat_days(amount: int, write: Figures) -> str:
    """An amount of seat-time."""
    return ngettext("%(shown)s licence-day", "%(shown)s licence-days", amount) % {"shown": write.number(amount)}


def _key(line: Mapping[str, Any], names: Mapping[str, str], write: Figures) -> tuple[str, ...]:
    return (
        serials.group(serials.write(line["number"])),
        f"…{line['last_five']}",
        names.get(line["subscription"], ""),
        write.number(line["seats"]),
        write.number(line["months"]),
    )


def _language_of(write: Figures) -> str:
    return str(write.locale.language)
