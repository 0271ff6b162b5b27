"""A mail server on the loopback for tests: it says what it is told to say and keeps what it is given."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from io import BufferedReader


@dataclass
class Script:
    """How the server behaves. Answers are whole replies; `cut_after` names the command after which it hangs up."""

    greeting: str = "220 mail.example ready"
    extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8")
    answers: dict[str, str] = field(default_factory=dict)
    cut_after: str = ""
    seconds_a_byte: float = 0.0
    tls: ssl.SSLContext | None = None
    starttls: ssl.SSLContext | None = None


class MailServer:
    """One conversation at a time, each in a thread of its own."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.received: list[bytes] = []
        self.commands: list[str] = []
        self.lines: list[str] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def mails(self) -> list[EmailMessage]:
        """What was taken, parsed."""
        return [message_from_bytes(raw, policy=policy.default) for raw in self.received]  # type: ignore[misc]

    def _accept(self) -> None:
        while True:
            try:
                conversation, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(conversation,))
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Hang up and wait for the threads."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join()

    def _converse(self, conversation: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError), conversation:
            if self.script.tls:
                conversation = self.script.tls.wrap_socket(conversation, server_side=True)
            with conversation:
                self._talk(conversation)

    def _talk(self, conversation: socket.socket) -> None:
        self._say(conversation, self.script.greeting)
        self._answer(conversation, conversation.makefile("rb"))

    def _answer(self, conversation: socket.socket, reading: BufferedReader) -> None:
        while line := reading.readline():
            command = line.decode().split()[0].upper() if line.strip() else ""
            self.commands.append(command)
            self.lines.append(line.decode().strip())
            if command == "DATA":
                self._say(conversation, "354 go on")
                self.received.append(_body(reading))
            elif command == "STARTTLS" and self.script.starttls:
                self._say(conversation, "220 go on")
                reading.close()
                with self.script.starttls.wrap_socket(conversation, server_side=True) as private:
                    self._answer(private, private.makefile("rb"))
                return
            if self.script.cut_after == command:
                return
            self._say(conversation, self.script.answers.get(command) or self._usual(command))
            if command == "QUIT":
                return

    def _usual(self, command: str) -> str:
        if command == "EHLO":
            extensions = list(self.script.extensions)
            if self.script.starttls and "STARTTLS" not in self.commands:
                extensions.append("STARTTLS")
            return "\r\n".join(f"250-{line}" for line in ["mail.example", *extensions]) + "\r\n250 HELP"
        return {"QUIT": "221 bye", "AUTH": "235 welcome"}.get(command, "250 fine")

    def _say(self, conversation: socket.socket, text: str) -> None:
        for byte in f"{text}\r\n".encode() if self.script.seconds_a_byte else ():
            conversation.sendall(bytes([byte]))
            time.sleep(self.script.seconds_a_byte)
        if not self.script.seconds_a_byte:
            conversation.sendall(f"{text}\r\n".encode())


def _body(reading: BufferedReader) -> bytes:
    lines = []
    while (line := reading.readline()) not in (b".\r\n", b""):
        lines.append(line)
    return b"".join(lines)


@contextmanager
def mail_server(**script: object) -> Iterator[MailServer]:
    """A running server, stopped at the end."""
    server = MailServer(Script(**script))  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.stop()
