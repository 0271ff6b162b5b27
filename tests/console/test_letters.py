"""Letters: who gets which words, once; and what becomes of those that nobody takes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, links, ownership
from chaveiro.apps.identity.models import Account
from chaveiro.apps.notices import queries
from chaveiro.console.effects import EFFECTS, carry_out
from chaveiro.console.letters import Desk, instant_for
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.outbox import ATTEMPTS_AT_MOST, KINDS, Message, PostDeferred, PostRefused
from chaveiro.rules.tokens import Purpose
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db

LINK = re.compile(r"https://chaveiro\.example(/ownership/([a-z2-7]{32}))")


@dataclass
class Scene:
    """Bruno's organisation was just opened by Ana, and the letter to him is owed."""

    world: World
    bruno: Actor
    redemption: UUID
    office: MemoryPostOffice
    desk: Desk

    def owed(self, kind: str = "ownership") -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM notices_owed WHERE kind = %s ORDER BY id", (kind,))
            return [number for (number,) in cursor.fetchall()]

    def carry_out(self, kind: str = "ownership") -> None:
        for number in self.owed(kind):
            carry_out(self.desk, number)

    def letter(self) -> queries.LetterFacts:
        with acting(SYSTEM):
            return queries.letter_of(self.owed()[0])


class Watched(MemoryPostOffice):
    """Keeps what it was handed, taken or not."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[Message] = []

    def post(self, message: Message) -> str:
        self.handed.append(message)
        return super().post(message)


@pytest.fixture
def scene() -> Scene:
    world = build_world()
    bruno, outcome = open_customer(world, make_keys(world, 2))
    office = MemoryPostOffice()
    desk = Desk(
        office=office,
        means=means,
        base_url="https://chaveiro.example",
        vendor="Tagus Software",
        secret=b"thirty-two bytes, only for tests",
    )
    return Scene(world, bruno, outcome.id, office, desk)


def test_every_effect_that_can_be_owed_is_carried_out_by_somebody() -> None:
    assert set(EFFECTS) == set(KINDS)


def test_bruno_gets_the_link_by_which_he_takes_ownership(scene: Scene) -> None:
    scene.carry_out()
    [message] = scene.office.posted
    assert message.to == "bruno@padariasol.example"
    assert "Padaria Sol, Lda." in message.subject
    assert "Tagus Software" in message.subject
    found = LINK.search(message.text)
    assert found is not None
    assert found[1] in message.html
    ownership.with_password(secret=found[2], password="a long sentence of his own", now=NOON + timedelta(days=13))
    assert Account.objects.get(id=scene.bruno.account).owned_at is not None
    letter = scene.letter()
    assert (letter.state, letter.outcome, letter.attempts) == ("posted", "accepted by memory", 1)


def test_the_link_is_good_for_fourteen_days(scene: Scene) -> None:
    scene.carry_out()
    found = LINK.search(scene.office.posted[0].text)
    assert found is not None
    links.look(secret=found[2], purpose=Purpose.OWNERSHIP, now=NOON + timedelta(days=13, hours=23))
    with pytest.raises(Exception, match="used, has expired"):
        links.look(secret=found[2], purpose=Purpose.OWNERSHIP, now=NOON + timedelta(days=14))


@pytest.mark.parametrize("language", ["pt-pt", "en"])
def test_a_letter_is_in_its_readers_language(scene: Scene, language: str) -> None:
    Account.objects.filter(id=scene.bruno.account).update(language=language)
    scene.carry_out()
    [message] = scene.office.posted
    assert message.language == language
    assert f'<html lang="{language}">' in message.html
    assert ("6 de dezembro de 2026, 12:00" if language == "pt-pt" else "6 December 2026, 12:00") in message.text


def test_an_instant_is_told_in_the_readers_own_time_zone(scene: Scene) -> None:
    with acting(SYSTEM):
        reader = identity.account(scene.bruno.account or UUID(int=0))
    assert "12:00" in instant_for(replace(reader, time_zone="Europe/Lisbon"), NOON)
    assert "11:00" in instant_for(replace(reader, time_zone="Atlantic/Azores"), NOON)
    assert "12:00" in instant_for(replace(reader, time_zone="../nowhere"), NOON)


def test_an_effect_that_runs_again_posts_nothing_more(scene: Scene) -> None:
    scene.carry_out()
    scene.carry_out()
    assert len(scene.office.posted) == 1


def test_a_letter_that_was_deferred_is_the_same_letter_with_the_same_link(scene: Scene) -> None:
    watched = Watched()
    watched.faults.append(PostDeferred(outcome="mail.example answered 451"))
    scene.desk = replace(scene.desk, office=watched)
    with pytest.raises(PostDeferred):
        scene.carry_out()
    letter = scene.letter()
    assert (letter.state, letter.attempts, letter.outcome) == ("owed", 1, "mail.example answered 451")
    scene.carry_out()
    first, second = watched.handed
    assert first == second
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM identity_link")
        assert cursor.fetchone() == (1,)


def test_a_letter_is_tried_eight_times_and_then_an_operator_sees_it(scene: Scene) -> None:
    scene.office.faults += [PostDeferred(outcome="mail.example did not answer")] * 20
    for _ in range(ATTEMPTS_AT_MOST - 1):
        with pytest.raises(PostDeferred):
            scene.carry_out()
    scene.carry_out()
    scene.carry_out()
    letter = scene.letter()
    assert (letter.state, letter.attempts) == ("failed", ATTEMPTS_AT_MOST)
    with acting(SYSTEM):
        assert ("letters", "failed", 1.0) in queries.depths(NOON)


def test_a_letter_that_is_refused_is_not_tried_again(scene: Scene) -> None:
    scene.office.faults.append(PostRefused(outcome="mail.example answered 550"))
    scene.carry_out()
    scene.carry_out()
    letter = scene.letter()
    assert (letter.state, letter.outcome, letter.attempts) == ("failed", "mail.example answered 550", 1)
    assert scene.office.posted == []


def test_a_letter_that_says_what_is_not_true_any_more_is_not_posted(scene: Scene) -> None:
    Account.objects.filter(id=scene.bruno.account).update(owned_at=NOON)
    scene.carry_out()
    assert scene.office.posted == []
    assert scene.letter().state == "superseded"


def test_nobody_is_written_to_at_a_closed_account(scene: Scene) -> None:
    Account.objects.filter(id=scene.bruno.account).update(closed_at=NOON)
    scene.carry_out()
    assert scene.office.posted == []
    assert scene.letter().state == "superseded"


def test_the_link_stands_nowhere_but_in_the_letter(scene: Scene) -> None:
    scene.carry_out()
    found = LINK.search(scene.office.posted[0].text)
    assert found is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(t, '') FROM (SELECT row_to_json(x)::text t FROM notices_owed x"
            " UNION ALL SELECT row_to_json(x)::text FROM notices_letter x"
            " UNION ALL SELECT row_to_json(x)::text FROM identity_link x"
            " UNION ALL SELECT row_to_json(x)::text FROM journal_entry x"
            " UNION ALL SELECT row_to_json(x)::text FROM procrastinate_jobs x) everything"
        )
        assert found[2] not in cursor.fetchone()[0]


def test_a_name_cannot_put_anything_into_the_page_of_a_letter(scene: Scene) -> None:
    Account.objects.filter(id=scene.bruno.account).update(given_name="<script>", login_name="a&b@x.example")
    scene.carry_out()
    [message] = scene.office.posted
    assert "<script>" not in message.html
    assert "&lt;script&gt;" in message.html
    assert "<script>" in message.text
    assert "a&b@x.example" in message.text


def test_an_effect_whose_row_is_gone_is_done(scene: Scene) -> None:
    carry_out(scene.desk, 10**9)
    assert scene.office.posted == []


def test_everybody_concerned_is_told_once_of_a_reversal(scene: Scene) -> None:
    reverse(actor=scene.world.ana, redemption=scene.redemption, reason="wrong customer", means=means())
    scene.carry_out("reversal")
    scene.carry_out("reversal")
    scene.carry_out("reversal_letter")
    scene.carry_out("reversal_letter")
    assert sorted(message.to for message in scene.office.posted) == ["ana@example.test", "bruno@padariasol.example"]
    for message in scene.office.posted:
        assert "Padaria Sol, Lda." in message.text
        assert "2 chaves" in message.text or "2 keys" in message.text
        assert "wrong customer" in message.text


def test_letters_carry_their_desk_nowhere(scene: Scene) -> None:
    assert "thirty-two" not in repr(scene.desk)
