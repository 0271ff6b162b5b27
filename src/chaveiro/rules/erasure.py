"""When a subscription's data may be erased, and what proves that its people were told. Sources: rules, sections 4 to 6;
invariants P1, P2, P3.

    due day ──▶ no hold ──▶ no quiet ──▶ told: a notice, or evidence of two people ──▶ erased, once, for good

Every fault moves erasure later, never earlier: whatever is missing or unknown makes it wait, with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed, NotAllowed, Refusal
from chaveiro.rules.lifecycle import days_later
from chaveiro.rules.notices import CLOSED_DAYS, PROOF_DAYS

NOTICE = "erasure-"  # what the kinds of all deletion notices begin with
# How long the names of a customer wait for the last notice to be posted, after its last subscription was erased.
LAST_NOTICE_DAYS = 30
ERASURES_A_DAY = 10
CUSTOMERS_FOR_ONE_MORE = 100
ALONE_HOURS = 24
EVIDENCE_LENGTH_AT_MOST = 500
EVIDENCE_STANDS_DAYS = 365
CERTIFICATE_KIND = "chaveiro-erasure+jws"


class EvidenceUnfit(Refusal):
    """This evidence cannot stand in for the mail proof. Facts: reason.

    Reason: `same_person` (who recorded it may not approve it), `too_soon` (a house of one person waits 24 hours),
    `not_told_yet` (the day of telling lies ahead), `settled` (it was approved or withdrawn before), `erased`.
    """

    code = "evidence_unfit"


class NothingToAllow(Refusal):
    """No erasure of that day waits for an operator's word. Facts: day."""

    code = "nothing_to_allow"


class LastAdministrator(Refusal):
    """The only administrator of an organisation stays; make somebody else an administrator first."""

    code = "last_administrator"


class Waiting(StrEnum):
    """Why an erasure waits, the first that holds."""

    NOT_DUE = "not_due"
    HOLD = "hold"
    QUIET = "quiet"
    NOT_TOLD = "not_told"  # no notice that names the date was accepted
    TOLD_LATELY = "told_lately"  # one was, less than seven days ago
    NO_WAY_BACK = "no_way_back"  # only by a relay, and there is no address to which bounces return
    INSIDE_ONLY = "inside_only"  # only at addresses that the customer's subscriptions serve


@dataclass(frozen=True, slots=True)
class Told:
    """A deletion notice to the customer that a server accepted and that did not bounce since.

    What only the partner of record was told proves nothing: the data are the customer's.
    """

    id: UUID
    kind: str
    erase_on: date | None  # the date that it named
    accepted_on: date
    outside: bool
    direct: bool  # taken by the recipient domain's own server, not by a relay
    returns: bool  # posted with a way back: a bounce would have been seen


@dataclass(frozen=True, slots=True)
class Evidence:
    """What two operators recorded in the place of a mail's proof; `approved` is None until the second agreed."""

    id: UUID
    told_on: date
    approved_on: date | None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that decides, as it stood under the lock. `notices` and `evidence` are of the present term."""

    due_on: date
    held: bool
    quiet_until: date | None
    notices: Sequence[Told] = ()
    evidence: Sequence[Evidence] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """Why it may be erased: told by a notice or by evidence, on which day, and in how direct a way."""

    how: str  # notice, evidence
    id: UUID
    told_on: date
    direct: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: ids, days and words only."""
        plain = {"how": self.how, "id": str(self.id), "told_on": self.told_on.isoformat()}
        return plain if self.direct is None else {**plain, "direct": self.direct}


@dataclass(frozen=True, slots=True)
class Wait:
    """Why not yet; `until` is the first day on which that can be over by itself, None where somebody must act."""

    why: Waiting
    until: date | None = None


def due_day(ends_on: date, retention_days: int, postponed_to: date | None, closed_on: date | None) -> date:
    """The first day on which the data may go.

    A subscription whose opening was taken back has no end of its own: thirty days count from that day. A postponement
    only ever moves it later.
    """
    own = days_later(ends_on, retention_days) if closed_on is None else days_later(closed_on, CLOSED_DAYS)
    return own if postponed_to is None else max(own, postponed_to)


def decide(case: Case, day: date) -> Proof | Wait:
    """Whether this may be erased on this day: the proof, or the first reason to wait."""
    if day < case.due_on:
        return Wait(Waiting.NOT_DUE, case.due_on)
    if case.held:
        return Wait(Waiting.HOLD)
    if case.quiet_until is not None and day < case.quiet_until:
        return Wait(Waiting.QUIET, case.quiet_until)
    for one in case.evidence:
        if _stands(one, day):
            return Proof("evidence", one.id, one.told_on)
    return _by_notice(case, day)


def _stands(evidence: Evidence, day: date) -> bool:
    if evidence.approved_on is None or evidence.approved_on > day:
        return False
    return PROOF_DAYS <= (day - evidence.told_on).days <= EVIDENCE_STANDS_DAYS


def _by_notice(case: Case, day: date) -> Proof | Wait:
    wait = Wait(Waiting.NOT_TOLD)
    for one in sorted(case.notices, key=lambda notice: (notice.accepted_on, str(notice.id))):
        if not one.kind.startswith(NOTICE) or one.erase_on != case.due_on:
            continue
        if not one.outside:
            wait = wait if wait.why is not Waiting.NOT_TOLD else Wait(Waiting.INSIDE_ONLY)
        elif not (one.direct or one.returns):
            wait = Wait(Waiting.NO_WAY_BACK)
        elif (day - one.accepted_on).days < PROOF_DAYS:
            return Wait(Waiting.TOLD_LATELY, days_later(one.accepted_on, PROOF_DAYS))
        else:
            return Proof("notice", one.id, one.accepted_on, one.direct)
    return wait


def bound(customers: int) -> int:
    """How many erasures a day are usual: ten, or one for each hundred customers (P3). More stop, and ask."""
    return max(ERASURES_A_DAY, customers // CUSTOMERS_FOR_ONE_MORE)


def check_evidence(text: str, told_on: date, day: date) -> str:
    """The evidence as it is kept. Raises Malformed, EvidenceUnfit."""
    words = " ".join(text.split())
    if not words or len(words) > EVIDENCE_LENGTH_AT_MOST:
        raise Malformed(field="evidence", reason=f"1 to {EVIDENCE_LENGTH_AT_MOST} characters are needed")
    if told_on > day:
        raise EvidenceUnfit(reason="not_told_yet")
    return words


def check_second(
    proposed_by: UUID | None, proposed_at: datetime, by: UUID | None, now: datetime, *, alone: bool
) -> None:
    """Pass when this person may approve what was proposed: another one, or the same after a day where there is one.

    Raises NotAllowed for nobody in particular, EvidenceUnfit.
    """
    if by is None:
        raise NotAllowed(needs="operator")
    if by != proposed_by:
        return
    if not alone:
        raise EvidenceUnfit(reason="same_person")
    if now - proposed_at < timedelta(hours=ALONE_HOURS):
        raise EvidenceUnfit(reason="too_soon")


def claims(facts: Mapping[str, Any], *, issuer: str) -> dict[str, Any]:
    """What is signed about an erasure: ids, days, numbers. Equal facts give equal claims.

    `issuer` is the installation's address. The key's end is told once it is destroyed.
    """
    kind = str(facts["kind"])
    told = {
        "iss": issuer,
        "id": identifiers.write("erasure", UUID(str(facts["id"]))),
        "erased": kind,
        "customer": identifiers.write("customer", UUID(str(facts["customer"]))),
        "day": str(facts["day"]),
        "at": facts["at"],
        "proof": facts["proof"],
        "rows": facts["rows"],
        "key_destroyed_at": facts.get("key_destroyed_at"),
    }
    for name in ("subscription", "person"):
        if facts.get(name):
            told[name] = identifiers.write(name, UUID(str(facts[name])))
    return told
