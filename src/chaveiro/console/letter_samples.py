"""Every letter as it looks, with made-up facts: `script/letters` writes them to docs/mail.

One file of text and one of HTML for each letter and language; a test holds them against the templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.channel.queries import Card
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.console.letters import Desk, Reader, instant_for, written
from chaveiro.console.notice_letters import notice_words
from chaveiro.console.partner_letters import SIDES
from chaveiro.rules.organisations import OrganisationKind
from chaveiro.rules.outbox import Message
from chaveiro.wording.notices import About, Audience, told

FOLDER = Path(__file__).parents[3] / "docs" / "mail"
LANGUAGES: Mapping[str, str] = {"pt-pt": "pt", "en": "en"}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 12, 6, 12, tzinfo=UTC)
BASE = "https://subscricoes.example"
LINK = f"{BASE}/{{}}/abcdefghijklmnopqrstuvwxyz234567"
PADARIA = "Padaria Sol, Lda."
REFERENCE = "R-7K2M-9Q4D"
PRODUCT = {"pt": "Escritório Essencial", "en": "Office Essentials"}


def samples(reader: Reader) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Kind, name of the sample, and what its words need, for every letter in all its forms."""
    until, at = instant_for(reader, LATER), instant_for(reader, NOON)
    ownership = {"link": LINK.format("ownership"), "until": until}
    yield "ownership", "ownership", {**ownership, "organisation": PADARIA}
    yield "ownership", "ownership-partner", {**ownership, "organisation": ""}
    yield "receipt", "receipt", _receipt(at)
    undone = {
        "reference": REFERENCE,
        "organisation": PADARIA,
        "keys": 3,
        "reason": "Engano na escolha do cliente",
    }
    yield "reversal", "reversal", {**undone, "closed": True}
    moved = {**undone, "effects": _receipt(at)["effects"]}
    yield "correction_wrong", "correction-wrong", {**moved, "closed": True}
    yield "correction_right", "correction-right", {**moved, "closed": False}
    yield "draft_resume", "draft-resume", {"link": LINK.format("redeem/resume"), "until": until}
    yield from _of_blocks()
    yield from _of_partners()
    yield from _of_signing_in(until, at)
    yield from _of_help(at)
    yield from _notices(reader.language)


def _receipt(at: str) -> dict[str, Any]:
    return {
        "reference": REFERENCE,
        "organisation": PADARIA,
        "keys": 3,
        "at": at,
        "effects": [{"names": PRODUCT, "seats": 15, "ends_on": date(2027, 11, 22)}],
        "link": f"{BASE}/receipts/{REFERENCE}",
        "file": f"{REFERENCE}.json",
        "paper": f"{REFERENCE}.pdf",
    }


def _of_blocks() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    block = {
        "customer": PADARIA,
        "names": PRODUCT,
        "kind": "unpaid",
        "holder": "channel",
        "lifted": False,
        "reason": "Falta pagar a encomenda de novembro.",
        "since": date(2026, 11, 22),
        "until": date(2026, 12, 1),
        "page": f"{BASE}/home",
    }
    hold = {**block, "kind": "legal_hold", "holder": "operator", "reason": "Processo em tribunal."}
    yield "block", "block", block
    yield "block", "block-lifted", {**block, "lifted": True}
    yield "block", "block-hold", hold
    yield "block", "block-hold-lifted", {**hold, "lifted": True}


def _of_partners() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    sol, mar = (
        Card(UUID(int=1), name, "PT", number, OrganisationKind.RESELLER, is_suspended=False)
        for name, number in (("Sol Informática, Lda.", "1234567"), ("Mar Sistemas, Lda.", "7654321"))
    )
    nobody = {"customer": PADARIA, "names": None, "page": f"{BASE}/home"} | dict.fromkeys(SIDES)
    yield "partner_of_record", "partner-of-record", nobody | {"organisation": sol}
    yield (
        "partner_of_record",
        "partner-of-record-changed",
        nobody | {"organisation": mar, "before": sol, "names": PRODUCT},
    )
    yield "partner_of_record", "partner-of-record-ended", nobody | {"before": sol}
    yield "partner_of_record", "partner-of-record-declined", nobody | {"declined": sol}


def _of_signing_in(until: str, at: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    entry = {"login_name": "bruno@padariasol.example.net", "link": LINK.format("reset"), "until": until}
    homes = [{**entry, "home": home} for home in (PADARIA, "Livraria da Praça")]
    yield "reset", "reset", {"entries": homes}
    for what in ("password_changed", "passkey_added", "email_changed"):
        yield "security", f"security-{what.replace('_', '-')}", {"what": what, "provider": "", "when": at}
    yield "confirm_address", "confirm-address", {"link": LINK.format("address"), "until": until}
    yield "mailed_code", "mailed-code", {"code": "204 816"}


def _of_help(at: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    asked = {
        "message": "A chave 2 não passa.\nO número de série é 100 0000 0042.",
        "name": "Bruno Costa",
        "answer_to": "bruno@padariasol.example",
        "organisation": PADARIA,
        "page": "/redeem",
        "reference": REFERENCE,
        "request": "01a0c4506c7e3da330d92fcc21049b77",
        "short": "21049b77",
        "at": at,
    }
    yield "help_request", "help-request", {**asked, "copy": False}
    yield "help_request", "help-copy", {**asked, "copy": True}


def _notices(language: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every kind for the customer's people, on the day on which it is owed; two for the other readers."""
    ends_on = date(2027, 11, 22)
    stops_on, erase_on = ends_on + timedelta(days=30), ends_on + timedelta(days=120)
    owed = {
        **{f"ends-{days}": ends_on - timedelta(days=days) for days in (60, 30, 7, 1)},
        "outside_address": ends_on - timedelta(days=60),
        "ended": ends_on,
        "access_stopped": stops_on,
        **{f"erasure-{days}": erase_on - timedelta(days=days) for days in (30, 7)},
        "erased": erase_on,
        "bounced-ends-30": ends_on - timedelta(days=30),
    }
    readers = [(kind, Audience.OWN, kind) for kind in owed]
    readers += [("ends-30", audience, f"ends-30-{audience}") for audience in (Audience.CONTACT, Audience.PARTNER)]
    for kind, audience, name in readers:
        about = About(
            kind=kind,
            audience=audience,
            names=PRODUCT,
            customer=PADARIA,
            day=owed[kind],
            seats=15,
            ends_on=ends_on,
            access_stops_on=stops_on,
            erase_on=erase_on,
            erased_on=erase_on if kind == "erased" else None,
            partner="Sol Informática, Lda.",
            of_record=True,
            failed_name="Beatriz Nunes",
            failed_outcome="mail.padariasol.example answered 550 5.1.1",
        )
        public = f"sub_{UUID(int=1).hex}"
        words = notice_words(BASE, about, told(about, language), public)
        yield "notice", f"notice-{name.replace('_', '-')}", words


def letters(language: str) -> Iterator[tuple[str, Message]]:
    """Each sample's name, and the letter in a language."""
    reader = Reader(
        email="bruno@padariasol.example",
        language=language,
        time_zone="Europe/Lisbon",
        given_name="Bruno",
        login_name="bruno@padariasol.example.net",
    )
    desk = Desk(MemoryPostOffice(), lambda: (_ for _ in ()).throw(AssertionError), BASE, "Tagus Software", b"")
    for kind, name, words in samples(reader):
        letter = LetterFacts(UUID(int=1), kind, None, None, "owed", 0, "", NOON, None)
        yield name, written(desk, letter, reader, words)


def files() -> dict[str, str]:
    """The text of every preview by its path below docs/mail."""
    found = {}
    for language, folder in LANGUAGES.items():
        for name, message in letters(language):
            found[f"{folder}/{name}.txt"] = f"{message.subject}\n\n{message.text}"
            found[f"{folder}/{name}.html"] = message.html.rstrip("\n") + "\n"
    return found


def write() -> None:
    """Write all previews; those of letters that are no more go."""
    wanted = files()
    for path, text in wanted.items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for file in FOLDER.glob("*/*"):
        if str(file.relative_to(FOLDER)) not in wanted:
            file.unlink()
