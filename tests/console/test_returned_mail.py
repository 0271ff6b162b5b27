"""The way of a notice over real SMTP: taken, refused, deferred, cut; and what comes back later as a report."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chaveiro.adapters.mail import Server, SmtpPostOffice, Writer
from chaveiro.apps.notices.models import Notice
from chaveiro.console import worker
from chaveiro.console.returned_mail import Taken, from_mail, listening, take
from chaveiro.rules.bounces import return_path
from chaveiro.rules.errors import Malformed
from tests.adapters.mail_servers import MailServer, mail_server
from tests.adapters.test_bounces import HOLIDAY, PERSON, report
from tests.cast import means
from tests.console.desk import Desk as Console
from tests.console.notice_scene import ENDS, RETURN, SECRET, Scene, build_scene

pytestmark = pytest.mark.django_db
DAY = ENDS - timedelta(days=30)


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@contextmanager
def real_server(scene: Scene, **script: Any) -> Iterator[MailServer]:
    """A mail server that the scene's desk hands its mail to."""
    with mail_server(**script) as server:
        there = Server("127.0.0.1", server.port, tls=False, user="", password="")
        scene.with_office(SmtpPostOffice(there, Writer(sender="Chaveiro <no-reply@vendor.example>", host="c.example")))
        yield server


def state(notice: Notice) -> str:
    notice.refresh_from_db()
    return notice.state


def posted(scene: Scene) -> Notice:
    """One notice that a relay has taken."""
    notice = scene.owe()
    with real_server(scene):
        scene.post(DAY)
    assert state(notice) == "accepted"
    return notice


def way_back(notice: Notice) -> str:
    return return_path(RETURN, notice.id, SECRET)


def desk(scene: Scene) -> Any:
    return replace(scene.desk, means=lambda: means(DAY + timedelta(days=2)))


# --- over the wire ----------------------------------------------------------------------------------------------------


def test_a_notice_goes_out_with_its_way_back_in_the_envelope_and_the_right_headers(scene: Scene) -> None:
    notice = scene.owe()
    with real_server(scene) as server:
        scene.post(DAY)
    assert f"mail FROM:<{way_back(notice)}>" in [line.split(" size=")[0] for line in server.lines]
    [mail] = server.mails
    assert mail["From"] == "Chaveiro <no-reply@vendor.example>"
    assert mail["Message-ID"] == f"<{notice.id}@c.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] is None
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
        "text/calendar",
    ]
    calendar = next(part for part in mail.walk() if part.get_content_type() == "text/calendar")
    assert calendar.get_content_charset() == "utf-8"
    assert "PADARIA" in calendar.get_content().upper()
    notice.refresh_from_db()
    assert (notice.server, notice.direct, notice.returns) == (f"127.0.0.1:{server.port}", False, True)


@pytest.mark.parametrize(
    ("script", "left"),
    [
        ({"answers": {"RCPT": "550 5.1.1 bruno is unknown"}}, ("bounced", "550 5.1.1")),
        ({"answers": {"RCPT": "451 4.7.1 greylisted"}}, ("owed", "451 4.7.1")),
        ({"answers": {"DATA": "554 5.7.1 spam"}}, ("bounced", "554 5.7.1")),
        ({"cut_after": "DATA"}, ("owed", "did not answer")),
        ({"greeting": "421 closing"}, ("owed", "421")),
    ],
)
def test_what_the_server_does_is_what_the_notice_keeps(scene: Scene, script: Any, left: tuple[str, str]) -> None:
    notice = scene.owe()
    with real_server(scene, **script):
        scene.post(DAY)
    assert state(notice) == left[0]
    assert left[1] in notice.outcome
    assert "bruno" not in notice.outcome


def test_a_notice_whose_answer_was_lost_is_posted_again_as_the_same_mail(scene: Scene) -> None:
    notice = scene.owe()
    with real_server(scene, cut_after="DATA") as cut:
        scene.post(DAY)
    with real_server(scene) as whole:
        scene.post(DAY + timedelta(days=1))
    assert cut.mails[0]["Message-ID"] == whole.mails[0]["Message-ID"]
    assert state(notice) == "accepted"


# --- reports --------------------------------------------------------------------------------------------------------


def test_a_report_marks_the_notice_and_tells_the_next_administrator(scene: Scene) -> None:
    beatriz = scene.admit("Beatriz")
    notice = posted(scene)
    taken = take(desk(scene), way_back(notice), report("failed", "5.1.1"), "")
    assert taken == Taken("bounced", notice.id)
    assert state(notice) == "bounced"
    assert notice.outcome == "mx.padariasol.example reported 5.1.1"
    assert notice.server == "mx.padariasol.example"
    assert Notice.objects.get(kind="bounced-ends-30").recipient == f"account:{beatriz.id}"


def test_the_same_report_twice_changes_nothing_more(scene: Scene) -> None:
    scene.admit("Beatriz")
    scene.admit("Rita")
    notice = posted(scene)
    outcomes = [take(desk(scene), way_back(notice), report("failed", "5.1.1"), "").outcome for _ in range(2)]
    assert outcomes == ["bounced", "known"]
    assert Notice.objects.filter(kind="bounced-ends-30").count() == 1


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (report("delayed", "4.4.1"), "delayed"),
        (report("delivered", "2.0.0"), "arrived"),
        (HOLIDAY, "answer"),
        (PERSON, "answer"),
    ],
)
def test_what_is_no_failure_changes_nothing(scene: Scene, raw: bytes, outcome: str) -> None:
    notice = posted(scene)
    assert take(desk(scene), way_back(notice), raw, None) == Taken(outcome, notice.id)
    assert state(notice) == "accepted"


def test_a_forged_report_changes_nothing(scene: Scene) -> None:
    notice = posted(scene)
    forged = way_back(notice).replace(".", ".a", 1)[: len(way_back(notice))]
    for address in (forged, f"bounces+{notice.id.hex}.aaaaaaaaaaaaaaaa@vendor.example", RETURN, ""):
        assert take(desk(scene), address, report("failed", "5.1.1"), "") == Taken("not_ours")
    assert state(notice) == "accepted"


def test_a_report_on_a_notice_that_is_owed_still_does_not_stop_it(scene: Scene) -> None:
    notice = scene.owe()
    assert take(desk(scene), way_back(notice), report("failed", "5.1.1"), "").outcome == "known"
    assert state(notice) == "owed"


def test_of_a_piped_mail_the_address_is_found_in_its_headers(scene: Scene) -> None:
    notice = posted(scene)
    raw = report("failed", "5.1.1", X_Original_To=way_back(notice))
    assert from_mail(desk(scene), raw, dry_run=True) == Taken("bounced", notice.id)
    assert state(notice) == "accepted"
    assert from_mail(desk(scene), raw) == Taken("bounced", notice.id)


def test_the_worker_takes_reports_by_smtp_where_it_listens(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    notice = posted(scene)
    found: list[tuple[str, bytes, str | None]] = []
    # The listener's thread has a connection of its own, which does not see this test's transaction.
    monkeypatch.setattr("chaveiro.console.returned_mail.take", lambda _desk, *asked: found.append(asked))
    with listening(scene.desk, "127.0.0.1:0") as listener:
        assert listener is not None
        with smtplib.SMTP("127.0.0.1", listener.port, timeout=5) as client:
            client.sendmail("", [way_back(notice)], report("failed", "5.1.1"))
        with (
            smtplib.SMTP("127.0.0.1", listener.port, timeout=5) as client,
            pytest.raises(smtplib.SMTPRecipientsRefused),
        ):
            client.sendmail("", [f"bounces+{notice.id.hex}.aaaaaaaaaaaaaaaa@vendor.example"], b"x")
    assert take(desk(scene), *found[0]) == Taken("bounced", notice.id)
    assert len(found) == 1


def test_where_it_is_not_told_to_the_worker_does_not_listen(scene: Scene) -> None:
    with listening(scene.desk, "") as listener:
        assert listener is None


@pytest.mark.parametrize("where", ["2525", "127.0.0.1:", "127.0.0.1:99999"])
def test_an_address_to_listen_on_that_is_none_is_refused(scene: Scene, where: str) -> None:
    with pytest.raises(Malformed, match="CHAVEIRO_BOUNCE_LISTEN"), listening(scene.desk, where):
        pass


def test_a_second_worker_of_the_machine_goes_on_without_listening(scene: Scene) -> None:
    with listening(scene.desk, "127.0.0.1:0") as first:
        assert first is not None
        with listening(scene.desk, f"127.0.0.1:{first.port}") as second:
            assert second is None


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_takes_one_report_from_stdin_and_always_ends_well(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(worker, "desk", lambda: desk(scene))
    console, notice = Console(monkeypatch, capsys), posted(scene)
    told = console.does("bounces", "--to", way_back(notice), "--dry-run", stdin=report("failed", "5.1.1"))
    assert told == {"outcome": "bounced", "notice": str(notice.id)}
    assert state(notice) == "accepted"
    assert (
        console.does("bounces", stdin=report("failed", "5.1.1", X_Original_To=way_back(notice)))["outcome"] == "bounced"
    )
    assert state(notice) == "bounced"
    assert console.does("bounces", stdin=b"\xff\xfe no mail") == {"outcome": "not_ours", "notice": None}
    ended = console.plainly("bounces", stdin=PERSON)
    assert (ended.code, ended.out) == (0, "not_ours\n")


def test_the_installation_s_desk_has_its_return_address(settings: Any) -> None:
    settings.RETURN_ADDRESS = "Bounces@Vendor.example"
    assert worker.desk().return_address == RETURN
    assert worker.desk().initial_domain == settings.INITIAL_DOMAIN
