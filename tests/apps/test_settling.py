"""What became of a notice is written down once: whoever comes second changes nothing and tells nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chaveiro.apps.closing.actions import posting
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.notices.actions import settling
from chaveiro.apps.notices.actions.settling import Handed
from chaveiro.apps.notices.models import Notice
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.posting import Verdict
from tests.cast import means
from tests.console.notice_scene import ENDS, Scene, build_scene

pytestmark = pytest.mark.django_db
DAY = ENDS - timedelta(days=30)
NOW = means(DAY).now
HANDED = Handed(
    address="bruno@padariasol.example",
    outside=True,
    server="mail.example:25",
    direct=False,
    returns=True,
    outcome="mail.example:25 answered",
)


@pytest.fixture
def scene() -> Scene:
    return build_scene()


def told(tag: str) -> int:
    return Entry.objects.filter(tag=tag).count()


def state(notice: Notice) -> str:
    notice.refresh_from_db()
    return notice.state


def test_a_notice_is_accepted_once(scene: Scene) -> None:
    notice = scene.owe()
    with acting(SYSTEM):
        assert settling.accepted(notice=notice.id, handed=HANDED, day=DAY, now=NOW)
        assert not settling.accepted(notice=notice.id, handed=HANDED, day=DAY, now=NOW)
        assert not settling.refused(notice=notice.id, handed=HANDED, day=DAY, now=NOW)
    assert (state(notice), told("notice:posted"), told("notice:bounced")) == ("accepted", 1, 0)


def test_an_accepted_notice_comes_back_once(scene: Scene) -> None:
    notice = scene.owe()
    later = {"outcome": "mx.example reported 5.1.1", "server": "mx.example", "day": DAY, "now": NOW}
    with acting(SYSTEM):
        assert not settling.came_back(notice=notice.id, **later)
        settling.accepted(notice=notice.id, handed=HANDED, day=DAY, now=NOW)
        assert settling.came_back(notice=notice.id, **later)
        assert not settling.came_back(notice=notice.id, **later)
    assert (state(notice), notice.server, told("notice:bounced")) == ("bounced", "mx.example", 1)


def test_whoever_lost_the_lease_does_not_put_off_what_another_has_in_hand(scene: Scene) -> None:
    notice = scene.owe(attempts=2)
    with acting(SYSTEM):
        settling.put_off(notice=notice.id, handed=HANDED, attempts=1, now=NOW)
    notice.refresh_from_db()
    assert notice.outcome == ""
    with acting(SYSTEM):
        assert settling.put_off(notice=notice.id, handed=HANDED, attempts=2, now=NOW)
        assert not settling.put_off(notice=notice.id, handed=HANDED, attempts=8, now=NOW)
    notice.refresh_from_db()
    assert (notice.outcome, notice.try_at) == (HANDED.outcome, NOW + timedelta(seconds=60))


def test_what_was_posted_is_not_taken_back(scene: Scene) -> None:
    notice = scene.owe(state="accepted")
    with acting(SYSTEM):
        settling.not_posted(notice=notice.id, verdict=Verdict.SUPERSEDED, day=DAY, now=NOW)
    assert state(notice) == "accepted"


def test_only_whom_it_was_written_to_reads_a_notice_and_the_first_time_counts(scene: Scene) -> None:
    notice, beatriz = scene.owe(), scene.admit("Beatriz")
    assert scene.bruno.account is not None
    with acting(SYSTEM):
        settling.mark_read(notices=[notice.id], account=beatriz.id, now=NOW)
    notice.refresh_from_db()
    assert notice.read_at is None
    for later in (0, 1):
        with acting(scene.bruno):
            now = NOW + timedelta(days=later)
            settling.mark_read(notices=[notice.id], account=scene.bruno.account, now=now)
    notice.refresh_from_db()
    assert notice.read_at == NOW


def test_a_refusal_and_a_report_escalate_and_an_acceptance_does_not(scene: Scene) -> None:
    scene.admit("Beatriz")
    for kind, settle in (("ends-60", posting.accepted), ("ends-30", posting.refused)):
        settle(scene.owe(kind).id, HANDED, day=DAY, now=NOW)
    assert set(Notice.objects.filter(kind__startswith="bounced").values_list("kind", flat=True)) == {"bounced-ends-30"}
    back = Notice.objects.get(kind="ends-60").id
    assert posting.came_back(back, outcome="mx.example reported 5.1.1", server="mx.example", day=DAY, now=NOW)
    assert Notice.objects.filter(kind="bounced-ends-60").exists()


def test_what_is_put_off_for_the_last_time_counts_as_refused(scene: Scene) -> None:
    notice = scene.owe(attempts=7)
    ready = posting.take(notice.id, day=DAY, now=NOW)
    assert ready is not None
    posting.put_off(ready, HANDED, day=DAY, now=NOW)
    assert state(notice) == "bounced"
