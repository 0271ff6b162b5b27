"""What became of a notice: marked by compare-and-set, each in the caller's transaction; the journal has it too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.apps.notices.actions.letters import OUTCOME_LENGTH_AT_MOST
from chaveiro.apps.notices.models import Notice
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.posting import Verdict, wait_after

READ_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """How a notice was handed over: to which address, by which server, and what it answered.

    `direct` where it lies in the recipient's own mailbox, `returns` where it has a way back for delivery reports,
    `outside` where the address is not served by the customer's own subscription.
    """

    address: str
    outside: bool
    server: str
    direct: bool
    returns: bool
    outcome: str


def accepted(*, notice: UUID, handed: Handed, day: date, now: datetime) -> bool:
    """The server has it. False when somebody settled it already; then the journal has it too."""
    return _settle(notice, "accepted", handed, day, now)


def refused(*, notice: UUID, handed: Handed, day: date, now: datetime) -> bool:
    """No server will ever take it, or none did after all attempts."""
    return _settle(notice, "bounced", handed, day, now)


def put_off(*, notice: UUID, handed: Handed, attempts: int, now: datetime) -> bool:
    """Nobody took it yet: the reason is kept, and when it is tried again. False after the last attempt."""
    wait = wait_after(attempts)
    if wait is None:
        return False
    changes = {"try_at": now + wait, "outcome": _cut(handed.outcome), "server": handed.server}
    seen(Notice).filter(id=notice, state="owed", attempts=attempts).update(**changes)
    return True


def not_posted(*, notice: UUID, verdict: Verdict, day: date, now: datetime) -> None:
    """Its sentence is true no more (superseded), or nobody is there to read it (dropped): it is never posted."""
    assert verdict is not Verdict.POST
    seen(Notice).filter(id=notice, state="owed").update(state=verdict.value, settled_on=day, settled_at=now)


def came_back(*, notice: UUID, outcome: str, server: str, day: date, now: datetime) -> bool:
    """A report says that an accepted notice did not arrive. False where it is no accepted one, or known already."""
    changes = {"state": "bounced", "outcome": _cut(outcome), "settled_on": day, "settled_at": now}
    if server:
        changes["server"] = server
    found = seen(Notice).filter(id=notice, state="accepted")
    if found.update(**changes) != 1:
        return False
    _tell(notice, "notice:bounced", now)
    return True


def mark_read(*, notices: list[UUID], account: UUID, now: datetime) -> None:
    """Whoever they were written to has opened them; the first time counts."""
    wanted = notices[:READ_AT_ONCE]
    seen(Notice).filter(id__in=wanted, account_id=account, read_at=None).update(read_at=now)


def _settle(notice: UUID, state: str, handed: Handed, day: date, now: datetime) -> bool:
    settled = (
        seen(Notice)
        .filter(id=notice, state="owed")
        .update(
            state=state,
            address=handed.address,
            outside=handed.outside,
            server=handed.server,
            direct=handed.direct,
            returns=handed.returns,
            outcome=_cut(handed.outcome),
            settled_on=day,
            settled_at=now,
        )
    )
    if settled == 1:
        _tell(notice, "notice:posted" if state == "accepted" else "notice:bounced", now)
    return bool(settled == 1)


def _tell(notice: UUID, tag: str, now: datetime) -> None:
    of = seen(Notice).filter(id=notice).values_list("customer_id", "subscription_id", "kind", "term").get()
    facts = {"subscription": str(of[1]), "kind": of[2].replace("@", ":"), "term": of[3]}  # the journal writes no @
    record(tag=tag, at=now, actor=SYSTEM, subject_id=notice, customer_id=of[0], facts=facts)


def _cut(outcome: str) -> str:
    return outcome[:OUTCOME_LENGTH_AT_MOST]
