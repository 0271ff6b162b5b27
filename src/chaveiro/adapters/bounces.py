"""Delivery reports: read (RFC 3464, and what older servers send), and taken by SMTP where the worker listens.

What comes back to a notice's own address is a report, a holiday answer, or a person. Of a mail that some server sent
by itself and that has no known form we believe the worse, that it did not arrive: then data are kept longer, never
shorter.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.message import Message
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from chaveiro.rules.bounces import REPORT_BYTES_AT_MOST, Report, What

log = structlog.get_logger(__name__)

STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
HOST = re.compile(r"[A-Za-z0-9.-]{1,255}")
DAEMONS = re.compile(r"\b(mailer-daemon|postmaster)@", re.IGNORECASE)
# Who took the mail in: of these each server writes one.
RECIPIENTS = ("X-Original-To", "Delivered-To", "Envelope-To", "To")
CONVERSATIONS_AT_MOST = 20
CONVERSATION_SECONDS = 60
_BY_STATUS = {"5": What.FAILED, "4": What.DELAYED, "2": What.ARRIVED}
_BY_ACTION = {
    "failed": What.FAILED,
    "delayed": What.DELAYED,
    "delivered": What.ARRIVED,
    "relayed": What.ARRIVED,
    "expanded": What.ARRIVED,
}
_ORDER = (What.FAILED, What.DELAYED, What.ARRIVED)


def read(raw: bytes, sender: str | None = None) -> Report:
    """What a mail that came back says; `sender` is that of its envelope, empty for a server's own, None if unknown."""
    mail = message_from_bytes(raw[:REPORT_BYTES_AT_MOST])
    reports = [report for part in mail.walk() for report in _of_part(part)]
    if reports:
        return min(reports, key=lambda report: _ORDER.index(report.what))
    return Report(What.FAILED if _is_old_report(mail, sender) else What.ANSWER)


def recipients(raw: bytes) -> list[str]:
    """To which addresses a mail says that it came, the surest first."""
    mail = message_from_bytes(raw[:REPORT_BYTES_AT_MOST])
    return [str(value) for name in RECIPIENTS for value in mail.get_all(name, [])]


def _of_part(part: Message) -> list[Report]:
    """One report for each recipient; a delivery status is blocks of fields, the first of them about the whole."""
    if part.get_content_type() != "message/delivery-status" or not isinstance(part.get_payload(), list):
        return []
    about, *each = [block for block in part.get_payload() if isinstance(block, Message)] or [Message()]
    return [report for block in each if (report := _of_recipient(block, about)) is not None]


def _of_recipient(block: Message, about: Message) -> Report | None:
    found = STATUS.search(str(block.get("Status", "")))
    status = found[0] if found else ""
    what = _BY_ACTION.get(str(block.get("Action", "")).strip().lower()) or _BY_STATUS.get(status[:1])
    if what is None:
        return None
    server = _host(block.get("Remote-MTA")) or _host(about.get("Reporting-MTA"))
    return Report(what, status, server)


def _host(field: object) -> str:
    """The name of a server, of a field like `dns; mx.example.net`."""
    name = str(field or "").rpartition(";")[2].split("(")[0].strip()
    return name.lower() if HOST.fullmatch(name) else ""


def _is_old_report(mail: Message, sender: str | None) -> bool:
    if mail.get("X-Failed-Recipients"):
        return True
    if str(mail.get("Auto-Submitted", "no")).strip().lower().startswith("auto-replied"):
        return False  # a holiday answer (RFC 3834)
    by_itself = sender == "" or str(mail.get("Return-Path", "")).strip() == "<>"
    return by_itself or DAEMONS.search(str(mail.get("From", ""))) is not None


class Listener:
    """A small mail server for reports alone: it takes mail for addresses that `knows` affirms, one at a time.

    `take` is given recipient, mail and envelope sender; what it raises makes the other side come back later.
    """

    def __init__(
        self, host: str, port: int, *, knows: Callable[[str], bool], take: Callable[[str, bytes, str], Any]
    ) -> None:
        self._where = (host, port)
        self._hand = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bounces")
        self._taker = _Taker(knows, take, self._hand)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bounces-smtp")
        self._server: asyncio.Server | None = None
        self._open: set[SMTP] = set()

    def start(self) -> None:
        """Listen. Raises OSError where the port cannot be had."""
        self._server = self._loop.run_until_complete(self._loop.create_server(self._conversation, *self._where))
        self._thread.start()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def stop(self, last: Callable[[], None] = lambda: None) -> None:
        """Listen no more, and hang up; `last` is done by the thread that took the mail."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._hand.submit(last)
        self._hand.shutdown(wait=True)

    async def _hang_up(self) -> None:
        assert self._server is not None
        self._server.close()
        for one in list(self._open):
            if isinstance(one.transport, asyncio.WriteTransport):
                one.transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _conversation(self) -> SMTP:
        return _Conversation(
            self._taker,
            self._open,
            hostname="bounces",
            ident="delivery reports only",
            data_size_limit=REPORT_BYTES_AT_MOST,
            timeout=CONVERSATION_SECONDS,
            command_call_limit=20,
            loop=self._loop,
        )


class _Conversation(SMTP):
    def __init__(self, handler: _Taker, others: set[SMTP], **settings: Any) -> None:
        super().__init__(handler, **settings)
        self._others = others

    def connection_made(self, transport: Any) -> None:
        if len(self._others) >= CONVERSATIONS_AT_MOST:
            transport.close()
            return
        self._others.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._others:
            self._others.discard(self)
            super().connection_lost(error)


class _Taker:
    def __init__(
        self, knows: Callable[[str], bool], take: Callable[[str, bytes, str], Any], hand: ThreadPoolExecutor
    ) -> None:
        self._knows, self._take, self._hand = knows, take, hand

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            return "452 4.5.3 one recipient at a time"
        if not self._knows(address):
            return "550 5.1.1 no such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 taken"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else bytes(content)
        asked = (envelope.rcpt_tos[0], raw, (envelope.mail_from or "").strip("<>"))
        try:
            await asyncio.get_running_loop().run_in_executor(self._hand, self._take, *asked)
        except Exception:
            log.exception("report_not_taken")
            return "451 4.3.0 come back later"
        return "250 2.0.0 taken"
