"""Delivery reports as servers write them: what each says, and that the listener takes only what is ours."""

from __future__ import annotations

import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chaveiro.adapters.bounces import CONVERSATIONS_AT_MOST, Listener, read, recipients
from chaveiro.rules.bounces import REPORT_BYTES_AT_MOST, What

OURS = "bounces+01.mark@vendor.example"


def report(action: str, status: str, mta: str = "Remote-MTA: dns; mx.padariasol.example", **headers: str) -> bytes:
    """A report as Postfix writes it."""
    extra = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    text = f"""\
Return-Path: <>
From: MAILER-DAEMON@mail.vendor.example (Mail Delivery System)
To: {OURS}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
{extra}Content-Type: multipart/report; report-type=delivery-status; boundary="edge"

--edge
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--edge
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.vendor.example
Arrival-Date: Sun, 22 Nov 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; bruno@padariasol.example
Original-Recipient: rfc822;bruno@padariasol.example
Action: {action}
Status: {status}
{mta}
Diagnostic-Code: smtp; 550 5.1.1 <bruno@padariasol.example>: Recipient address rejected

--edge
Content-Type: message/rfc822

Subject: o aviso

--edge--
"""
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("action", "status", "what"),
    [
        ("failed", "5.1.1", What.FAILED),
        ("failed", "4.4.7", What.FAILED),  # tried for five days
        ("delayed", "4.4.1", What.DELAYED),
        ("delivered", "2.0.0", What.ARRIVED),
        ("relayed", "2.0.0", What.ARRIVED),
        ("expanded", "2.0.0", What.ARRIVED),
        ("Failed", "5.2.2 (mailbox full)", What.FAILED),
        ("", "5.0.0", What.FAILED),
    ],
)
def test_a_report_says_what_became_of_the_mail(action: str, status: str, what: What) -> None:
    said = read(report(action, status))
    assert (said.what, said.status) == (what, status.split(" ")[0])
    assert said.server == "mx.padariasol.example"


def test_the_server_that_reports_is_named_where_no_other_is() -> None:
    assert read(report("failed", "5.4.4", mta="X-Nothing: here")).server == "mail.vendor.example"


def test_no_address_is_in_what_is_kept() -> None:
    said = read(report("failed", "5.1.1", mta="Remote-MTA: dns; bruno@padariasol.example"))
    assert "bruno" not in said.outcome + said.server
    assert said.outcome == "mail.vendor.example reported 5.1.1"


def plain(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


HOLIDAY = plain(
    "From: bruno@padariasol.example\nAuto-Submitted: auto-replied\nReturn-Path: <>\nSubject: Férias\n\nAté já.\n"
)
PERSON = plain("From: bruno@padariasol.example\nSubject: Re: aviso\n\nObrigado.\n")
EXIM = plain(
    "From: Mail Delivery System <Mailer-Daemon@mx.example>\nAuto-Submitted: auto-replied\n"
    "X-Failed-Recipients: bruno@padariasol.example\nSubject: Mail delivery failed\n\nUnrouteable address\n"
)
QMAIL = plain(
    "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nHi. This is the qmail-send program\n"
)


def test_a_holiday_answer_and_a_person_are_no_report() -> None:
    assert read(HOLIDAY).what is What.ANSWER
    assert read(HOLIDAY, sender="").what is What.ANSWER
    assert read(PERSON, sender="bruno@padariasol.example").what is What.ANSWER


def test_of_a_report_in_no_known_form_the_worse_is_believed() -> None:
    for raw in (EXIM, QMAIL, plain("From: x@y.example\nSubject: ?\n\n?\n")):
        assert read(raw, sender="").what is What.FAILED
    assert read(EXIM).what is What.FAILED
    assert read(QMAIL).what is What.FAILED


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\xff" * 500, b"Content-Type: message/delivery-status\r\n\r\n", b"\r\n" * 9000]
)
def test_what_is_no_mail_at_all_is_no_report(raw: bytes) -> None:
    assert read(raw).what is What.ANSWER


def test_a_report_that_goes_on_for_ever_is_read_to_its_limit() -> None:
    raw = report("failed", "5.1.1") + b"x" * (3 * REPORT_BYTES_AT_MOST)
    assert read(raw).what is What.FAILED


def test_a_mail_says_where_it_came_to_the_surest_first() -> None:
    raw = report("failed", "5.1.1", X_Original_To="first@vendor.example", Delivered_To="second@vendor.example")
    assert recipients(raw) == ["first@vendor.example", "second@vendor.example", OURS]


# --- the listener -----------------------------------------------------------------------------------------------------


class Taking:
    """Keeps what it is given; refuses it while told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes, str]] = []
        self.broken = False

    def __call__(self, recipient: str, raw: bytes, sender: str) -> None:
        if self.broken:
            raise RuntimeError("the database is away")
        self.taken.append((recipient, raw, sender))


@contextmanager
def listening() -> Iterator[tuple[Listener, Taking]]:
    taking = Taking()
    listener = Listener("127.0.0.1", 0, knows=lambda address: address == OURS, take=taking)
    listener.start()
    try:
        yield listener, taking
    finally:
        listener.stop()


def hand_over(listener: Listener, to: str = OURS, raw: bytes = PERSON, sender: str = "") -> Any:
    with smtplib.SMTP("127.0.0.1", listener.port, timeout=5) as client:
        return client.sendmail(sender, [to], raw)


def test_a_report_that_is_handed_over_is_taken_whole_with_its_envelope() -> None:
    with listening() as (listener, taking):
        hand_over(listener, raw=report("failed", "5.1.1"))
    [(recipient, raw, sender)] = taking.taken
    assert (recipient, sender) == (OURS, "")
    assert read(raw, sender).what is What.FAILED


def test_mail_for_anybody_else_is_refused_before_it_is_sent() -> None:
    with listening() as (listener, taking), pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        hand_over(listener, to="carla@vendor.example")
    assert next(iter(refused.value.recipients.values()))[0] == 550
    assert taking.taken == []


def test_where_it_cannot_be_written_down_the_other_side_comes_back() -> None:
    with listening() as (listener, taking):
        taking.broken = True
        with pytest.raises(smtplib.SMTPDataError) as refused:
            hand_over(listener)
        assert refused.value.smtp_code == 451
        taking.broken = False
        hand_over(listener)
    assert len(taking.taken) == 1


def test_more_than_a_report_ever_is_is_not_taken() -> None:
    with listening() as (listener, taking), pytest.raises(smtplib.SMTPException):
        hand_over(listener, raw=b"Subject: x\r\n\r\n" + b"y" * 70 * (REPORT_BYTES_AT_MOST // 70 + 100))
    assert taking.taken == []


def test_more_callers_than_it_has_room_for_are_hung_up_on() -> None:
    with listening() as (listener, taking):
        callers = [
            socket.create_connection(("127.0.0.1", listener.port), timeout=5) for _ in range(CONVERSATIONS_AT_MOST)
        ]
        for caller in callers:
            assert caller.recv(3) == b"220"
        with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as late:
            assert late.recv(100) == b""
        for caller in callers:
            caller.close()
        again = threading.Event()
        for _ in range(50):
            try:
                hand_over(listener)
                break
            except (OSError, smtplib.SMTPException):
                again.wait(0.05)
    assert len(taking.taken) == 1
