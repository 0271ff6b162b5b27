"""Post offices: a mail server by SMTP, a folder of `.eml` files for the demo, a list in memory for tests.

Each meets `rules.outbox.PostOffice`. A letter has one Message-ID for ever: posted twice, it is recognised as the same.

    smtp://user:password@host:587    STARTTLS, required where a password is sent or the server is not on this machine
    smtps://user:password@host:465   TLS from the first byte
    folder:PATH                      one file for each letter; the same letter again is the same file
    memory:                          kept in this process
"""

from __future__ import annotations

import ipaddress
import os
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chaveiro.rules.outbox import Message, PostDeferred, PostOffice, PostRefused

CONNECT_SECONDS = 15.0
# A server that answers a byte now and then would hold a worker for ever; this ends the whole conversation.
POST_SECONDS = 90.0
SUBMISSION_PORT, SECURE_PORT = 587, 465
STATUS = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")


class MailAddressRefused(Exception):
    """CHAVEIRO_EMAIL_URL cannot be used; the message says why and how to cure it, and repeats no password."""


def post_office_at(url: str, *, sender: str, host: str) -> PostOffice:
    """The post office that an address names. `host` is what our Message-IDs end with. Raises MailAddressRefused."""
    scheme, _, rest = url.partition(":")
    if scheme == "memory":
        return MemoryPostOffice()
    writer = Writer(sender=sender, host=host)
    if scheme == "folder" and rest:
        return FolderPostOffice(Path(rest), writer)
    if scheme in {"smtp", "smtps"}:
        return SmtpPostOffice(_server(url), writer)
    raise MailAddressRefused(
        "CHAVEIRO_EMAIL_URL is no address that mail can be handed to; write smtp://user:password@host:587,"
        " smtps://user:password@host:465, or folder:PATH for a demonstration."
    )


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server and how it is spoken to."""

    host: str
    port: int
    tls: bool
    user: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def on_this_machine(self) -> bool:
        """Whether the conversation never leaves the machine, so that it may go without TLS."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _server(url: str) -> Server:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise MailAddressRefused("CHAVEIRO_EMAIL_URL has a port that is no number from 1 to 65535.") from fault
    if not parts.hostname:
        raise MailAddressRefused("CHAVEIRO_EMAIL_URL names no host; write smtp://user:password@host:587.")
    secure = parts.scheme == "smtps"
    return Server(
        host=parts.hostname,
        port=port or (SECURE_PORT if secure else SUBMISSION_PORT),
        tls=secure,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """Puts a message into the form in which it travels."""

    sender: str
    host: str

    def write(self, message: Message) -> EmailMessage:
        """The mail, the same for the same letter but for its MIME boundary. Raises PostRefused for a bad address."""
        mail = EmailMessage(policy=SMTP_POLICY)
        name, address = parseaddr(self.sender)
        try:
            mail["From"] = Address(display_name=name, addr_spec=address)
            mail["To"] = Address(addr_spec=message.to)
            mail["Subject"] = message.subject
            if message.reply_to:
                mail["Reply-To"] = Address(addr_spec=message.reply_to)
        except (ValueError, IndexError, AttributeError, MessageError) as fault:  # the parser raises any of these
            raise PostRefused(outcome="the address is not one that mail can be sent to") from fault
        mail["Date"] = format_datetime(message.written_at)
        mail["Message-ID"] = f"<{message.letter}@{self.host}>"
        # RFC 3834: no holiday answers, please; the second says the same to Exchange, which does not read the first.
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail.set_content(message.text, cte="quoted-printable")
        mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
        for attachment in message.attachments:
            main, _, sub = attachment.kind.partition("/")
            # A text without its character set would be read as ASCII (RFC 2046, 4.1.2).
            params = {"charset": "utf-8"} if main == "text" else None
            mail.add_attachment(attachment.content, maintype=main, subtype=sub, filename=attachment.name, params=params)
        mail["Content-Language"] = message.language  # last: making it multipart moves such headers inside
        for depth, part in enumerate(part for part in mail.walk() if part.is_multipart()):
            part.set_boundary(f"=_{depth}_{message.letter.hex}")
        return mail


class MemoryPostOffice:
    """Keeps what is posted, for tests. `faults` are raised first, one a posting."""

    server, final = "memory", True

    def __init__(self) -> None:
        self.posted: list[Message] = []
        self.faults: list[Exception] = []

    def post(self, message: Message) -> str:
        """Keep the message."""
        if self.faults:
            raise self.faults.pop(0)
        self.posted.append(message)
        return "accepted by memory"


class FolderPostOffice:
    """Writes each letter to a file of its own, whole or not at all."""

    server, final = "folder", True

    def __init__(self, folder: Path, writer: Writer) -> None:
        self._folder = folder
        self._writer = writer

    def post(self, message: Message) -> str:
        """Write `<letter>.eml`; the same letter again replaces it. Raises PostDeferred when the disk refuses."""
        content = self._writer.write(message).as_bytes()
        final = self._folder / f"{message.letter}.eml"
        unfinished = self._folder / f".{message.letter}.{os.getpid()}-{threading.get_ident()}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(final)
        except OSError as fault:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise PostDeferred(outcome=f"the folder does not take it: {fault.strerror}") from fault
        return "accepted by folder"


class SmtpPostOffice:
    """Hands letters to a mail server, one conversation each; whether they arrive, only a report can tell."""

    final = False

    def __init__(
        self, server: Server, writer: Writer, *, seconds: float = POST_SECONDS, trust: ssl.SSLContext | None = None
    ) -> None:
        self.server = f"{server.host}:{server.port}"
        self._server = server
        self._writer = writer
        self._seconds = seconds
        self._trust = trust or ssl.create_default_context()

    def post(self, message: Message) -> str:
        """Hand the letter over. A 5xx to the letter itself is for ever; all else comes back, silence after DATA too."""
        mail = self._writer.write(message)
        where = self.server
        try:
            with self._conversation() as smtp:
                smtp.send_message(mail, from_addr=message.return_path or None)
        except smtplib.SMTPRecipientsRefused as fault:
            code, said = next(iter(fault.recipients.values()))
            _settle(code, where, fault, said)
        except smtplib.SMTPNotSupportedError as fault:
            raise PostRefused(outcome=f"{where} cannot carry this address") from fault
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as fault:
            _settle(fault.smtp_code, where, fault, fault.smtp_error)
        except smtplib.SMTPResponseException as fault:
            # The server refuses us (log-in, greeting), not the letter: an operator can cure that.
            raise PostDeferred(outcome=f"{where} answered {fault.smtp_code} before the letter") from fault
        except (OSError, smtplib.SMTPException, UnicodeError) as fault:
            raise PostDeferred(outcome=f"{where} did not answer ({type(fault).__name__})") from fault
        return f"accepted by {where}"

    @contextmanager
    def _conversation(self) -> Iterator[smtplib.SMTP]:
        """A connection that is signed in, closed whatever happens, and cut when it lasts too long.

        What goes wrong while saying goodbye is forgotten: the letter was taken before.
        """
        smtp = self._connect()
        cut = threading.Timer(self._seconds, _cut, [smtp])
        cut.daemon = True
        cut.start()
        try:
            self._enter(smtp)
            yield smtp
            _say_goodbye(smtp)
        finally:
            cut.cancel()
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        timeout = min(CONNECT_SECONDS, self._seconds)
        if self._server.tls:
            return smtplib.SMTP_SSL(self._server.host, self._server.port, timeout=timeout, context=self._trust)
        return smtplib.SMTP(self._server.host, self._server.port, timeout=timeout)

    def _enter(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if not self._server.tls:
            if smtp.has_extn("starttls"):
                smtp.starttls(context=self._trust)
                smtp.ehlo()
            elif self._server.user or not self._server.on_this_machine:
                raise PostDeferred(outcome=f"{self._server.host}:{self._server.port} offers no TLS")
        if self._server.user:
            smtp.login(self._server.user, self._server.password)


def _settle(code: int, where: str, fault: Exception, said: bytes | str = b"") -> None:
    """Refused or deferred by the code. Of what the server said only its status (RFC 3463) is kept: words may name."""
    kind = PostRefused if 500 <= code < 600 else PostDeferred
    status = STATUS.match(said if isinstance(said, bytes) else said.encode())
    told = f"{code} {status[0].decode()}" if status else str(code)
    raise kind(outcome=f"{where} answered {told}") from fault


def _cut(smtp: smtplib.SMTP) -> None:
    conversation = smtp.sock  # asked now: STARTTLS has replaced the first one
    if conversation is None:
        return
    # The plain socket's way: TLS's own would take the session from under the thread that reads.
    with suppress(OSError):
        socket.socket.shutdown(conversation, socket.SHUT_RDWR)


def _say_goodbye(smtp: smtplib.SMTP) -> None:
    with suppress(OSError, smtplib.SMTPException):
        smtp.quit()
