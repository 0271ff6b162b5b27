"""Notices on their way: each posted once, true when it is posted, in its reader's language, with its outcome kept."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from icalendar import Calendar

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.clocks.actions import look_at
from chaveiro.apps.clocks.models import Clock, Platform
from chaveiro.apps.closing.actions import posting
from chaveiro.apps.closing.actions.sweeping import sweep
from chaveiro.apps.customers.models import Customer, Role
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.notices.models import Notice
from chaveiro.apps.subscriptions.models import Block, Subscription
from chaveiro.rules import bounces
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.outbox import ATTEMPTS_AT_MOST, Message, PostDeferred, PostRefused
from chaveiro.rules.posting import LEASE
from tests.cast import NOON, means, new_id
from tests.console.notice_scene import ACCESS_STOPS, ENDS, ERASES, RETURN, SECRET, Scene, build_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Scene:
    return build_scene()


def state(notice: Notice) -> tuple[str, str]:
    notice.refresh_from_db()
    return notice.state, notice.outcome


def days_before(days: int) -> date:
    return ENDS - timedelta(days=days)


# --- what a notice says -------------------------------------------------------------------------------------------


def test_bruno_is_told_thirty_days_before_the_end_what_ends_when_and_how_to_renew(scene: Scene) -> None:
    notice = scene.owe("ends-30")
    assert scene.post() == 1
    [message] = scene.office.posted
    assert message.to == "bruno@padariasol.example"
    assert message.subject == "Office Basic, Padaria Sol, Lda.: expira dentro de 30 dias"
    for told in (
        "é válida até 21 de novembro de 2027 (inclusive)",
        "Até 21 de dezembro de 2027 (inclusive)",
        "A partir de 22 de dezembro de 2027",
        "A partir de 21 de março de 2028",
        "Com uma chave de produto",
        f"https://chaveiro.example/subscriptions/sub_{scene.subscription.id.hex}",
    ):
        assert told in message.text
        assert told in message.html
    assert state(notice) == ("accepted", "accepted by memory")
    assert (notice.address, notice.outside, notice.server, notice.direct) == (message.to, True, "memory", True)
    assert (notice.attempts, notice.settled_on, notice.returns) == (1, days_before(30), True)


def test_after_a_restore_nobody_is_told_before_an_operator_has_looked(scene: Scene) -> None:
    """What was told since the backup is not known: perhaps all of it."""
    scene.owe("ends-30")
    Platform.objects.create(id=1, quiet_until=days_before(25), quiet_why="restored")
    assert scene.post() == 0
    with acting(SYSTEM):
        assert look_at(now=NOON)
    assert scene.post() == 1


def test_the_days_to_come_go_with_it_as_a_calendar_file(scene: Scene) -> None:
    scene.owe("ends-30")
    scene.post()
    [file] = scene.office.posted[0].attachments
    assert (file.kind, file.name) == ("text/calendar", f"sub_{scene.subscription.id.hex}.ics")
    events = [entry["DTSTART"].dt for entry in Calendar.from_ical(file.content).walk("VEVENT")]
    assert events == [ENDS - timedelta(days=1), ACCESS_STOPS, ERASES]


@pytest.mark.parametrize(
    ("kind", "day", "subject", "text"),
    [
        ("ends-60", days_before(60), "expires in 60 days", "There is time to decide"),
        ("ends-30", days_before(30), "expires in 30 days", "a good time to renew"),
        ("ends-7", days_before(7), "expires in 7 days", "Only 7 days are left"),
        ("ends-1", days_before(1), "today is the last day", "That is today"),
        ("ended", ENDS, "expired; in use until 21 December 2027", "Nothing stops yet"),
        ("access_stopped", ACCESS_STOPS, "access has stopped", "since 22 December 2027 its users have no access"),
        ("erasure-30", ERASES - timedelta(days=30), "will be deleted on 21 March 2028", "deleted for good on"),
        ("erasure-7", ERASES - timedelta(days=7), "will be deleted on 21 March 2028", "Nobody can bring them back"),
    ],
)
def test_each_kind_has_words_of_its_own(scene: Scene, kind: str, day: date, subject: str, text: str) -> None:
    Account.objects.filter(id=scene.bruno.account).update(language="en")
    scene.owe(kind, day=day)
    scene.post(day)
    [message] = scene.office.posted
    assert subject in message.subject
    assert text in message.text
    assert message.language == "en"


def test_of_an_erasure_people_are_told_what_was_deleted_and_that_nothing_comes_back(scene: Scene) -> None:
    Subscription.objects.filter(id=scene.subscription.id).update(erased_on=ERASES)
    Account.objects.filter(id=scene.bruno.account).update(language="en")
    scene.owe("erased", day=ERASES)
    scene.post(ERASES)
    [message] = scene.office.posted
    assert "were deleted for good on 21 March 2028" in message.text
    assert "/subscriptions/" not in message.text
    assert message.attachments == ()


def test_the_contact_and_the_partner_read_words_of_their_own_in_their_own_language(scene: Scene) -> None:
    Customer.objects.update(contact_email="geral@padariasol.example", language="en")
    partner = scene.partner_address()
    scene.owe(recipient="contact")
    scene.owe(recipient=partner)
    assert scene.post() == 2
    contact, told = scene.office.posted
    assert (contact.to, contact.language) == ("geral@padariasol.example", "en")
    assert "An administrator renews it here" in contact.text
    assert (told.to, told.language) == ("avisos@sol.example", "pt-pt")
    assert "Como parceiro de registo de Padaria Sol, Lda., Sol Informática, Lda. recebe este aviso." in told.text
    assert "Padaria Sol, Lda." in told.subject


def test_an_alternate_address_gets_a_mail_of_its_own(scene: Scene) -> None:
    Account.objects.filter(id=scene.bruno.account).update(alternate_email="bruno@casa.example")
    scene.owe(recipient=f"account:{scene.bruno.account}:alternate")
    scene.post()
    assert scene.office.posted[0].to == "bruno@casa.example"


def test_a_mailbox_that_the_subscription_serves_is_not_outside(scene: Scene) -> None:
    Account.objects.filter(id=scene.bruno.account).update(email="bruno@PadariaSol.example.test")
    notice = scene.owe()
    scene.post()
    notice.refresh_from_db()
    assert notice.outside is False


# --- only what is true ----------------------------------------------------------------------------------------------


def test_what_a_renewal_made_untrue_is_not_posted(scene: Scene) -> None:
    notice = scene.owe("ends-30")
    Subscription.objects.filter(id=scene.subscription.id).update(term=2, ends_on=date(2028, 11, 22))
    scene.post()
    assert scene.office.posted == []
    assert state(notice) == ("superseded", "")
    assert notice.settled_on == days_before(30)


@pytest.mark.parametrize(
    ("kind", "day"),
    [
        ("ends-60", days_before(30)),
        ("ends-1", ENDS),
        ("ended", ACCESS_STOPS),
        ("ended", days_before(1)),
        ("access_stopped", ERASES),
        ("erasure-30", ERASES - timedelta(days=7)),
        ("erasure-7", ERASES),
        ("erased", ERASES),
    ],
)
def test_a_late_notice_gives_way_to_what_is_true_by_then(scene: Scene, kind: str, day: date) -> None:
    notice = scene.owe(kind, day=day)
    scene.post(day)
    assert scene.office.posted == []
    assert state(notice)[0] == "superseded"


@pytest.mark.parametrize(
    ("kind", "day"),
    [
        ("ends-60", days_before(31)),
        ("ends-1", days_before(1)),
        ("ended", ACCESS_STOPS - timedelta(days=1)),
        ("access_stopped", ERASES - timedelta(days=1)),
        ("erasure-30", ERASES - timedelta(days=8)),
        ("erasure-7", ERASES - timedelta(days=1)),
    ],
)
def test_a_late_notice_that_is_still_true_is_posted(scene: Scene, kind: str, day: date) -> None:
    notice = scene.owe(kind, day=day)
    scene.post(day)
    assert state(notice)[0] == "accepted"


def test_a_deletion_that_was_put_off_is_not_announced_for_its_old_day(scene: Scene) -> None:
    old = scene.owe("erasure-7", day=ERASES - timedelta(days=7))
    later = ERASES + timedelta(days=14)
    Subscription.objects.filter(id=scene.subscription.id).update(erase_on=later)
    facts = {**old.facts, "erase_on": later.isoformat()}
    new = scene.owe(f"erasure-7@{later}", day=ERASES, facts=facts)
    scene.post(ERASES - timedelta(days=7))
    assert state(old)[0] == "superseded"
    assert state(new)[0] == "accepted"
    [message] = scene.office.posted
    assert "4 de abril de 2028" in message.subject


def test_under_a_legal_hold_nobody_is_told_of_a_deletion(scene: Scene) -> None:
    Block.objects.create(
        id=new_id(),
        customer_id=scene.subscription.customer_id,
        kind="legal_hold",
        holder="operator",
        put_on=ENDS,
        put_at=NOON,
    )
    notice = scene.owe("erasure-7", day=ERASES - timedelta(days=7))
    scene.post(ERASES - timedelta(days=7))
    assert state(notice)[0] == "superseded"


def test_whoever_is_no_administrator_any_more_is_not_told(scene: Scene) -> None:
    notice = scene.owe()
    Role.objects.filter(person__account_id=scene.bruno.account).update(ended_at=NOON)
    scene.post()
    assert scene.office.posted == []
    assert state(notice)[0] == "dropped"


def test_a_partner_that_is_no_partner_any_more_is_not_told(scene: Scene) -> None:
    mar = Organisation.objects.get(name="Mar Sistemas, Lda.")
    Organisation.objects.filter(id=mar.id).update(notice_email="avisos@mar.example")
    notice = scene.owe(recipient=f"partner:{mar.id}")
    scene.post()
    assert state(notice)[0] == "dropped"


def test_an_address_outside_is_asked_for_only_as_long_as_none_works(scene: Scene) -> None:
    Account.objects.filter(id=scene.bruno.account).update(email="bruno@padariasol.example.test")
    asked = scene.owe("outside_address", day=days_before(60))
    scene.post(days_before(60))
    assert state(asked)[0] == "accepted"
    assert "fora da organização" in scene.office.posted[0].text
    assert "https://chaveiro.example/settings" in scene.office.posted[0].text
    scene.admit("Beatriz")
    again = scene.owe("outside_address", day=days_before(59), term=scene.subscription.term, recipient="contact")
    scene.post(days_before(59))
    assert state(again)[0] == "superseded"


def test_what_the_sweep_writes_from_the_first_notice_to_the_last_is_posted_on_its_day(scene: Scene) -> None:
    Customer.objects.update(contact_email="geral@padariasol.example")
    scene.partner_address()
    told: dict[str, int] = {}
    for days in (*range(-61, 3), 29, 30, 89, 90, 91, 112, 113, 114):
        day = ENDS + timedelta(days=days)
        sweep(day=day, means=means(day))
        scene.post(day)
        if scene.office.posted:
            told[str(days)] = len(scene.office.posted)
            scene.office.posted.clear()
    assert told == dict.fromkeys(("-60", "-30", "-7", "-1", "0", "30", "90", "113"), 3)
    # That the first one arrived outside proves an address there: nobody need be asked for one.
    others = Notice.objects.exclude(state="accepted")
    assert set(others.values_list("kind", "state")) == {("outside_address", "superseded")}


# --- what becomes of it -----------------------------------------------------------------------------------------------


def test_a_notice_is_posted_once_however_often_the_worker_looks(scene: Scene) -> None:
    scene.owe()
    assert [scene.post(), scene.post(), scene.post()] == [1, 0, 0]
    assert len(scene.office.posted) == 1


def test_a_notice_that_somebody_has_in_hand_is_nobody_elses_until_the_lease_is_over(scene: Scene) -> None:
    notice = scene.owe()

    class Slow(MemoryPostOffice):
        def post(self, message: Message) -> str:
            beside.append(scene.post())
            return super().post(message)

    beside: list[int] = []
    scene.with_office(Slow())
    scene.post()
    assert beside == [0]
    assert len(scene.office.posted) == 1
    assert state(notice)[0] == "accepted"


def test_a_notice_is_taken_in_hand_once_for_each_lease(scene: Scene) -> None:
    notice, now = scene.owe(), means(days_before(30)).now
    hands = [posting.take(notice.id, day=days_before(30), now=at) for at in (now, now, now + LEASE)]
    assert [hand and hand.attempts for hand in hands] == [1, None, 2]


def test_a_notice_whose_worker_died_is_posted_again_after_the_lease_under_the_same_id(scene: Scene) -> None:
    notice = scene.owe(attempts=1, try_at=means(days_before(30)).now + LEASE)
    assert scene.post() == 0
    Notice.objects.filter(id=notice.id).update(try_at=means(days_before(30)).now)
    assert scene.post() == 1
    assert scene.office.posted[0].letter == notice.id
    notice.refresh_from_db()
    assert notice.attempts == 2


def test_what_nobody_took_is_owed_still_and_comes_back_later(scene: Scene) -> None:
    scene.office.faults.append(PostDeferred(outcome="mail.example answered 451 4.7.1"))
    notice = scene.owe()
    scene.post()
    assert state(notice) == ("owed", "mail.example answered 451 4.7.1")
    assert notice.try_at == means(days_before(30)).now + timedelta(seconds=15)
    assert scene.post() == 0
    scene.post(days_before(29))
    assert state(notice)[0] == "accepted"


def test_after_eight_attempts_it_counts_as_not_arrived(scene: Scene) -> None:
    scene.office.faults += [PostDeferred(outcome="mail.example did not answer")] * 20
    notice = scene.owe(attempts=ATTEMPTS_AT_MOST - 1)
    scene.post()
    assert state(notice) == ("bounced", "mail.example did not answer")


def test_a_server_that_takes_nothing_does_not_keep_the_rest_waiting(scene: Scene) -> None:
    scene.office.faults += [PostDeferred(outcome="mail.example did not answer")] * 20
    for kind in ("ends-30", "ends-29", "ends-28", "ends-27", "ends-26"):
        scene.owe(kind)
    assert scene.post() == 3


def test_the_journal_tells_of_a_notice_that_was_posted_without_any_name(scene: Scene) -> None:
    notice = scene.owe("erasure-7@2028-04-04", day=ERASES - timedelta(days=7), facts={"erase_on": "2028-04-04"})
    Subscription.objects.filter(id=scene.subscription.id).update(erase_on=date(2028, 4, 4))
    scene.post(ERASES - timedelta(days=7))
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject_id, facts::text FROM journal_entry WHERE tag = 'notice:posted'")
        [(subject, facts)] = cursor.fetchall()
    assert subject == str(notice.id)
    assert "erasure-7:2028-04-04" in facts
    assert "bruno" not in facts


# --- those that do not arrive ---------------------------------------------------------------------------------------


def escalated() -> dict[str, str]:
    return dict(Notice.objects.filter(kind__startswith="bounced-").values_list("recipient", "kind"))


def test_a_refusal_is_told_to_the_next_administrator_and_the_partner(scene: Scene) -> None:
    beatriz, partner = scene.admit("Beatriz"), scene.partner_address()
    scene.office.faults.append(PostRefused(outcome="mail.example answered 550 5.1.1"))
    notice = scene.owe()
    scene.post()
    assert state(notice) == ("bounced", "mail.example answered 550 5.1.1")
    assert escalated() == {f"account:{beatriz.id}": "bounced-ends-30", partner: "bounced-ends-30"}
    assert scene.post() == 2
    to_beatriz, to_partner = sorted(scene.office.posted, key=lambda message: message.to, reverse=True)
    assert "um aviso não chegou" in to_beatriz.subject
    assert "Bruno Costa" in to_beatriz.text
    assert "550 5.1.1" in to_beatriz.text
    assert "Bruno" not in to_partner.text
    assert "é válida até 21 de novembro de 2027" in to_partner.text


def test_an_administrator_whose_own_address_failed_is_passed_over(scene: Scene) -> None:
    beatriz, duarte = scene.admit("Beatriz"), scene.admit("Rita")
    scene.owe(recipient=f"account:{beatriz.id}", kind="ends-60", state="bounced")
    scene.office.faults.append(PostRefused(outcome="mail.example answered 550"))
    scene.owe()
    scene.post()
    assert list(escalated()) == [f"account:{duarte.id}"]


def test_that_a_word_about_a_bounce_bounces_is_told_to_nobody_further(scene: Scene) -> None:
    beatriz = scene.admit("Beatriz")
    scene.admit("Rita")
    scene.office.faults += [PostRefused(outcome="mail.example answered 550")] * 2
    scene.owe()
    scene.post()
    scene.post()
    assert list(escalated()) == [f"account:{beatriz.id}"]


def test_a_partner_that_cannot_be_reached_is_told_to_the_customers_administrator(scene: Scene) -> None:
    scene.office.faults.append(PostRefused(outcome="mail.example answered 550"))
    scene.owe(recipient=scene.partner_address())
    scene.post()
    scene.post()
    [message] = scene.office.posted
    assert message.to == "bruno@padariasol.example"
    assert "não chegou ao parceiro" in message.text


# --- test clocks ------------------------------------------------------------------------------------------------------


def on_a_clock(scene: Scene, day: date) -> Any:
    clock = Clock.objects.create(id=new_id(), name="Relógio", day=day, created_at=NOON)
    Customer.objects.update(is_test=True, clock=clock)
    return clock.id


def test_on_a_test_clock_its_day_counts_and_instants_stay_real(scene: Scene) -> None:
    clock = on_a_clock(scene, days_before(30))
    notice = scene.owe()
    assert scene.post() == 0
    assert scene.post(clock=clock) == 1
    assert state(notice)[0] == "accepted"
    assert scene.office.posted[0].written_at.date() == days_before(30)


def test_the_worker_posts_for_every_clock_by_its_own_day(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from chaveiro.console.notice_letters import post_everywhere

    on_a_clock(scene, days_before(30))
    notice = scene.owe()
    assert post_everywhere(scene.desk) == 1
    assert state(notice)[0] == "accepted"
    assert notice.settled_on == days_before(30)


# --- the way back -----------------------------------------------------------------------------------------------------


def test_each_notice_has_a_way_back_of_its_own(scene: Scene) -> None:
    notice = scene.owe()
    scene.post()
    way_back = scene.office.posted[0].return_path
    assert way_back.startswith(f"bounces+{notice.id.hex}.")
    assert bounces.notice_of(way_back, RETURN, SECRET) == notice.id


def test_without_a_return_address_a_notice_has_no_way_back(scene: Scene) -> None:
    from dataclasses import replace

    scene.desk = replace(scene.desk, return_address="")
    notice = scene.owe()
    scene.post()
    notice.refresh_from_db()
    assert notice.returns is False
    assert scene.office.posted[0].return_path == ""
