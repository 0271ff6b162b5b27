"""Post offices: what a letter looks like on the wire, and what each kind of trouble means."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import time
from dataclasses import replace
from datetime import UTC
from email import message_from_bytes, policy
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from chaveiro.adapters.mail import (
    FolderPostOffice,
    MailAddressRefused,
    MemoryPostOffice,
    Server,
    SmtpPostOffice,
    Writer,
    post_office_at,
)
from chaveiro.rules.outbox import Message, PostDeferred, PostOffice, PostRefused
from tests.adapters.mail_servers import MailServer, mail_server

LETTER = UUID("01a0c450-6de5-71da-85e2-ce6a3f15106c")
MESSAGE = Message(
    letter=LETTER,
    to="bruno@padariasol.example",
    subject="Assuma a posse de Padaria São João, Lda. — até amanhã",
    text="Olá, Bruno:\n\nA ligação funciona uma só vez.\n",
    html="<p>Olá, Bruno:</p>",
    language="pt-pt",
    written_at=datetime.datetime(2026, 11, 22, 12, tzinfo=UTC),
)
WRITER = Writer(sender="Chaveiro <no-reply@vendor.example>", host="chaveiro.example")


def office(
    server: MailServer, *, seconds: float = 5, user: str = "", trust: ssl.SSLContext | None = None
) -> PostOffice:
    there = Server("127.0.0.1", server.port, tls=bool(server.script.tls), user=user, password="secret" if user else "")
    return SmtpPostOffice(there, WRITER, seconds=seconds, trust=trust)


def outcome_of(refusal: type[PostDeferred | PostRefused], server: MailServer, message: Message = MESSAGE) -> str:
    with pytest.raises(refusal) as raised:
        office(server).post(message)
    return str(raised.value.facts["outcome"])


# --- the letter ----------------------------------------------------------------------------------------------------


def test_a_letter_arrives_whole_in_both_forms_and_its_language() -> None:
    with mail_server() as server:
        assert office(server).post(MESSAGE) == f"accepted by 127.0.0.1:{server.port}"
    [mail] = server.mails
    assert mail["To"] == MESSAGE.to
    assert mail["From"] == "Chaveiro <no-reply@vendor.example>"
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Content-Language"] == "pt-pt"
    assert mail["Date"].datetime == MESSAGE.written_at
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == MESSAGE.text
    assert html.get_content().strip() == MESSAGE.html


def test_the_same_letter_posted_twice_is_the_same_to_the_last_byte() -> None:
    with mail_server() as server:
        office(server).post(MESSAGE)
        office(server).post(MESSAGE)
    first, second = server.received
    assert first == second
    assert server.mails[0]["Message-ID"] == f"<{LETTER}@chaveiro.example>"


def test_a_line_of_one_dot_does_not_end_the_letter() -> None:
    with mail_server() as server:
        office(server).post(replace(MESSAGE, text="one\n.\ntwo\n"))
    body = server.mails[0].get_body(("plain",))
    assert body is not None
    assert "two" in body.get_content()


@pytest.mark.parametrize("address", ["", "no address", "a@b\r\nBcc: carla@example.test", "a@b, c@d", "@", "a@"])
def test_what_is_no_address_is_refused_before_anybody_is_called(address: str) -> None:
    with mail_server() as server, pytest.raises(PostRefused):
        office(server).post(replace(MESSAGE, to=address))
    assert server.commands == []


def test_a_subject_cannot_add_a_header() -> None:
    with mail_server() as server, pytest.raises(PostRefused):
        office(server).post(replace(MESSAGE, subject="a\r\nBcc: carla@example.test"))
    assert server.received == []


def test_nothing_of_a_message_shows_in_its_representation() -> None:
    shown = repr(MESSAGE)
    assert "bruno" not in shown
    assert "Olá" not in shown


# --- trouble -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "answer", "refusal"),
    [
        ("RCPT", "550 no such person", PostRefused),
        ("RCPT", "451 greylisted", PostDeferred),
        ("MAIL", "553 not from you", PostRefused),
        ("MAIL", "421 too busy", PostDeferred),
        ("DATA", "554 spam", PostRefused),
        ("DATA", "452 disk full", PostDeferred),
    ],
)
def test_a_five_is_for_ever_and_a_four_comes_back(
    command: str, answer: str, refusal: type[PostDeferred | PostRefused]
) -> None:
    with mail_server(answers={command: answer}) as server:
        outcome = outcome_of(refusal, server)
    assert outcome == f"127.0.0.1:{server.port} answered {answer[:3]}"
    assert "bruno" not in outcome


@pytest.mark.parametrize("greeting", ["554 go away", "421 closing"])
def test_a_server_that_refuses_us_has_not_refused_the_letter(greeting: str) -> None:
    with mail_server(greeting=greeting) as server:
        outcome_of(PostDeferred, server)


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_up_is_met_again_even_after_the_whole_letter(command: str) -> None:
    with mail_server(cut_after=command) as server:
        outcome_of(PostDeferred, server)


def test_a_server_that_hangs_up_instead_of_goodbye_has_the_letter() -> None:
    with mail_server(cut_after="QUIT") as server:
        assert office(server).post(MESSAGE).startswith("accepted")


def test_a_server_that_is_down_is_met_again() -> None:
    with mail_server() as server:
        pass
    assert "did not answer" in outcome_of(PostDeferred, server)


def test_a_server_that_drips_is_cut_off() -> None:
    began = time.monotonic()
    with mail_server(seconds_a_byte=0.05) as server, pytest.raises(PostDeferred):
        office(server, seconds=0.6).post(MESSAGE)
    assert time.monotonic() - began < 5


# --- privacy of the conversation -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What the server shows, and what a client that trusts it has."""
    folder = tmp_path_factory.mktemp("certificate")
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2120, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    (folder / "both.pem").write_bytes(pem)
    (folder / "public.pem").write_bytes(made.public_bytes(Encoding.PEM))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(folder / "both.pem")
    return shown, ssl.create_default_context(cafile=str(folder / "public.pem"))


Contexts = tuple[ssl.SSLContext, ssl.SSLContext]


def test_starttls_is_taken_where_it_is_offered_and_the_password_goes_inside(certificate: Contexts) -> None:
    shown, trusting = certificate
    with mail_server(starttls=shown, extensions=("AUTH PLAIN",)) as server:
        office(server, user="chaveiro", trust=trusting).post(MESSAGE)
    assert server.commands.index("STARTTLS") < server.commands.index("AUTH")
    assert len(server.mails) == 1


def test_smtps_speaks_tls_from_the_first_byte(certificate: Contexts) -> None:
    shown, trusting = certificate
    with mail_server(tls=shown) as server:
        assert office(server, trust=trusting).post(MESSAGE).startswith("accepted")


def test_a_certificate_that_nobody_trusts_stops_the_letter(certificate: Contexts) -> None:
    shown, _ = certificate
    for script in ({"starttls": shown}, {"tls": shown}):
        with mail_server(**script) as server:
            outcome_of(PostDeferred, server)
        assert server.received == []


def test_no_password_is_sent_in_the_clear() -> None:
    with mail_server(extensions=("AUTH PLAIN",)) as server, pytest.raises(PostDeferred, match="offers no TLS"):
        office(server, user="chaveiro").post(MESSAGE)
    assert "AUTH" not in server.commands


# --- folder, memory, addresses -------------------------------------------------------------------------------------


def test_a_folder_has_one_file_for_a_letter_however_often_it_is_posted(tmp_path: Path) -> None:
    post = FolderPostOffice(tmp_path / "mail", WRITER)
    for _ in range(2):
        assert post.post(MESSAGE) == "accepted by folder"
    [file] = (tmp_path / "mail").iterdir()
    assert file.name == f"{LETTER}.eml"
    assert message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"] == MESSAGE.subject


def test_a_folder_that_cannot_be_written_is_met_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file, not a folder")
    with pytest.raises(PostDeferred):
        FolderPostOffice(tmp_path / "mail", WRITER).post(MESSAGE)


def test_memory_keeps_what_is_posted_and_fails_when_told() -> None:
    post = MemoryPostOffice()
    post.faults.append(PostDeferred(outcome="told to"))
    with pytest.raises(PostDeferred):
        post.post(MESSAGE)
    post.post(MESSAGE)
    assert post.posted == [MESSAGE]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory:", MemoryPostOffice),
        ("folder:data/mail", FolderPostOffice),
        ("smtp://user:p%40ss@mail.example", SmtpPostOffice),
        ("smtps://mail.example:4650", SmtpPostOffice),
    ],
)
def test_an_address_names_a_post_office(url: str, kind: type) -> None:
    assert isinstance(post_office_at(url, sender=WRITER.sender, host=WRITER.host), kind)


@pytest.mark.parametrize(
    "url", ["", "folder:", "http://mail.example", "smtp://", "smtp://user:secret@mail.example:x", "smtp://h:99999"]
)
def test_an_address_that_cannot_be_used_says_so_without_the_password(url: str) -> None:
    with pytest.raises(MailAddressRefused) as refused:
        post_office_at(url, sender=WRITER.sender, host=WRITER.host)
    assert "CHAVEIRO_EMAIL_URL" in str(refused.value)
    assert "secret" not in str(refused.value)
