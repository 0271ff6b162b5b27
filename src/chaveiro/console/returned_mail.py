"""What comes back of the notices: a report marks its notice as not arrived, and others are told.

By `chaveiro bounces`, or by SMTP where the worker listens. What is no report on a notice of ours is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import connections

from chaveiro.adapters import bounces as reports
from chaveiro.apps.closing.actions import posting
from chaveiro.console.letters import Desk
from chaveiro.rules.bounces import What, notice_of
from chaveiro.rules.errors import Malformed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was done with a mail: `bounced`, `known` (already, or settled otherwise), `not_ours`, or what it says."""

    outcome: str
    notice: UUID | None = None


def take(desk: Desk, recipient: str, raw: bytes, sender: str | None, *, dry_run: bool = False) -> Taken:
    """Take one mail that came back to an address; a forged address is none of ours."""
    notice = notice_of(recipient, desk.return_address, desk.secret)
    if notice is None:
        return Taken("not_ours")
    report = reports.read(raw, sender)
    if report.what is not What.FAILED:
        return Taken(report.what.value, notice)
    means = desk.means()
    if dry_run:
        return Taken("bounced", notice)
    changed = posting.came_back(notice, outcome=report.outcome, server=report.server, day=means.day, now=means.now)
    log.info("report_taken", notice=str(notice), status=report.status, server=report.server, changed=changed)
    return Taken("bounced" if changed else "known", notice)


def from_mail(desk: Desk, raw: bytes, to: str = "", *, dry_run: bool = False) -> Taken:
    """Take one mail by the address it was sent to, or by those that it names itself."""
    for recipient in [to] if to else reports.recipients(raw):
        taken = take(desk, recipient, raw, None, dry_run=dry_run)
        if taken.notice is not None:
            return taken
    return Taken("not_ours")


@contextmanager
def listening(desk: Desk, where: str) -> Iterator[reports.Listener | None]:
    """Take reports by SMTP at `host:port` while this stands; nothing where it is empty or the port is somebody's."""
    listener = None if not where else _listener(desk, where)
    try:
        yield listener
    finally:
        if listener is not None:
            listener.stop(connections.close_all)


def _listener(desk: Desk, where: str) -> reports.Listener | None:
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535 or not desk.return_address:
        raise Malformed(
            field="CHAVEIRO_BOUNCE_LISTEN",
            reason="is host:port, and needs CHAVEIRO_RETURN_ADDRESS",
        )
    listener = reports.Listener(
        host.strip("[]"),
        int(port),
        knows=lambda address: notice_of(address, desk.return_address, desk.secret) is not None,
        take=lambda recipient, raw, sender: take(desk, recipient, raw, sender),
    )
    try:
        listener.start()
    except OSError as fault:
        # Another worker of this machine listens already; one is enough.
        log.warning("bounces_not_listening", where=where, reason=fault.strerror)
        listener.stop()
        return None
    log.info("bounces_listening", port=listener.port)
    return listener
