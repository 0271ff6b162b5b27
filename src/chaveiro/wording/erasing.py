"""The words for erasing: why something waits, what was erased, the certificate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import override

from chaveiro.apps.closing.queries.erasure import AskedDay, ErasureCard, EvidenceCard, Pending
from chaveiro.rules import identifiers
from chaveiro.rules.documents import Document, Facts, Heading, Paragraph, Part
from chaveiro.rules.erasure import Proof, Wait, Waiting
from chaveiro.wording.figures import Figures, figures
from chaveiro.wording.papers import Reader
from chaveiro.wording.telling import day, instant, public

WAITING: Mapping[Waiting, Any] = {
    Waiting.NOT_DUE: __("Its day has not come."),
    Waiting.HOLD: __("A legal hold keeps the data."),
    Waiting.QUIET: __("The platform's clock is in doubt; nothing is erased until it is sure."),
    Waiting.NOT_TOLD: __("No notice that names the day was accepted by a mail server."),
    Waiting.TOLD_LATELY: __("The notice was accepted less than seven days ago."),
    Waiting.NO_WAY_BACK: __("The notice went through a relay, and there is no address to which bounces return."),
    Waiting.INSIDE_ONLY: __("The notice went only to addresses that the subscription itself serves."),
}


def why(wait: Wait) -> str:
    """Why an erasure waits, in a sentence."""
    return str(WAITING[wait.why])


# --- for programs --------------------------------------------------------------------------------------------------


def erasure(card: ErasureCard) -> dict[str, Any]:
    """The record of an erasure."""
    return {
        "id": public("erasure", card.id),
        "erased": card.kind,
        "customer": public("customer", card.customer),
        "subscription": public("subscription", card.subscription),
        "person": public("person", card.person),
        "due_on": day(card.due_on),
        "day": day(card.day),
        "at": instant(card.at),
        "proof": dict(card.proof),
        "rows": dict(card.rows),
        "key_destroyed_at": instant(card.key_destroyed_at),
    }


def pending(one: Pending) -> dict[str, Any]:
    """What is due or soon will be: its day, and the proof or why it waits."""
    verdict = one.verdict
    return {
        "subscription": public("subscription", one.candidate.id),
        "customer": public("customer", one.candidate.customer),
        "customer_name": one.customer_name,
        "ends_on": day(one.candidate.ends_on),
        "due_on": day(one.candidate.due_on),
        "today": day(one.today),
        "proof": verdict.to_dict() if isinstance(verdict, Proof) else None,
        "waits": verdict.why.value if isinstance(verdict, Wait) else None,
        "until": day(verdict.until) if isinstance(verdict, Wait) else None,
    }


def evidence(card: EvidenceCard) -> dict[str, Any]:
    """Evidence in the place of a mail's proof."""
    return {
        "id": public("evidence", card.id),
        "subscription": public("subscription", card.subscription),
        "text": card.text,
        "told_on": day(card.told_on),
        "proposed_at": instant(card.proposed_at),
        "approved_at": instant(card.approved_at),
        "withdrawn_at": instant(card.withdrawn_at),
    }


def asked(one: AskedDay) -> dict[str, Any]:
    """A day on which more were due than are usual."""
    return {
        "day": day(one.day),
        "most": one.most,
        "erased": one.erased,
        "wanted": one.wanted,
        "asked_at": instant(one.asked_at),
        "allowed_at": instant(one.allowed_at),
    }


# --- the certificate -----------------------------------------------------------------------------------------------


def title(kind: str) -> str:
    """What was erased, as a heading."""
    words = {
        "subscription": _("The data of a subscription were erased"),
        "customer": _("The data of an organisation were erased"),
        "person": _("The data of a person were erased"),
    }
    return words[kind]


def rows(facts: Mapping[str, Any], write: Figures, time_zone: str) -> Iterator[tuple[str, str]]:
    """Names and values of a certificate, for the page and for the paper."""
    yield _("Certificate"), identifiers.write("erasure", UUID(facts["id"]))
    for noun, name in (("subscription", _("Subscription")), ("person", _("Person")), ("customer", _("Customer"))):
        if facts[noun]:
            yield name, identifiers.write(noun, UUID(facts[noun]))
    if facts["product"]:
        yield _("Product"), facts["product"]
    if facts["ends_on"]:
        yield _("First day not covered"), write.day(date.fromisoformat(facts["ends_on"]))
        yield _("Erased no sooner than"), write.day(date.fromisoformat(facts["due_on"]))
    yield _("Erased on"), write.day(date.fromisoformat(facts["day"]))
    yield _("Written down"), write.instant(datetime.fromisoformat(facts["at"]), time_zone)
    if facts["kind"] == "subscription":
        yield _("Proof"), _proof(facts["proof"], write)
    if facts["kind"] != "person":
        gone = facts["key_destroyed_at"]
        done = _("on its way; this page tells when it is done")
        yield _("Data key destroyed"), write.instant(datetime.fromisoformat(gone), time_zone) if gone else done


def _proof(proof: Mapping[str, Any], write: Figures) -> str:
    told_on = write.day(date.fromisoformat(proof["told_on"]))
    if proof["how"] == "evidence":
        return _("Told on %(day)s, as two operators recorded and agreed.") % {"day": told_on}
    return _("A notice that named the day was accepted by a mail server on %(day)s and did not come back.") % {
        "day": told_on
    }


def certificate(facts: Mapping[str, Any], reader: Reader) -> Document:
    """The certificate as a document; equal facts give equal documents."""
    with override(reader.language):
        write = figures(reader.language)
        return Document(
            title=title(facts["kind"]),
            code=identifiers.write("erasure", UUID(facts["id"])),
            author=reader.vendor,
            subject=title(facts["kind"]),
            language=reader.language,
            page_words=_("Page %(page)s of %(pages)s"),
            parts=tuple(_parts(facts, reader, write)),
        )


def _parts(facts: Mapping[str, Any], reader: Reader, write: Figures) -> Iterator[Part]:
    yield Facts(tuple(rows(facts, write, reader.time_zone)))
    yield Heading(_("What that means"))
    yield Paragraph(_("Names, addresses and everything that somebody typed about it are gone, also from backups."))
    yield Paragraph(
        _("Ids, days and numbers stay in the ledger and in the journal, so that sums can be checked for ever.")
    )
    yield Heading(_("Check it"))
    address = f"{reader.base_url}/erasures/{identifiers.write('erasure', UUID(facts['id']))}"
    yield Paragraph(_("This page tells the same, with a signature: %(address)s") % {"address": address})
