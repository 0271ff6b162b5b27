"""What readers say and ask: kept through named functions alone, and read by nobody but the operator and the house."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection

from chaveiro.apps.feedback import actions, queries
from chaveiro.apps.feedback.queries import Wanted
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor
from chaveiro.rules.errors import NotFound
from chaveiro.rules.feedback import Opinion, Question, TextTooLong, check_question, opinion_of
from chaveiro.rules.verdicts import Refusals
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db

PAGE = actions.Page("redeem/<tag>/keys", "pt-pt", "1.0.0")
OPINION = Opinion(2, ("words",), "A palavra está errada.", "Chave de produto")


@pytest.fixture
def world() -> World:
    return build_world()


def keep(actor: Actor = ANONYMOUS, useful: bool = False) -> UUID:
    return actions.keep(actor=actor, page=PAGE, useful=useful, means=means())


def test_a_stranger_says_something_and_the_operator_reads_it(world: World) -> None:
    answer = keep()
    assert actions.tell(actor=ANONYMOUS, answer=answer, opinion=OPINION, now=NOON + timedelta(minutes=5))
    with acting(world.duarte):
        [said] = queries.answers(Wanted())
        totals = queries.totals(Wanted())
    assert (said.id, said.satisfaction, said.affected, said.quote) == (answer, 2, ("words",), "Chave de produto")
    assert (totals.answers, totals.useful, totals.satisfaction) == (1, 0, 2)


def test_nobody_else_reads_it(world: World) -> None:
    actions.tell(actor=ANONYMOUS, answer=keep(), opinion=OPINION, now=NOON)
    bruno, _outcome = open_customer(world, make_keys(world))
    for actor in (ANONYMOUS, bruno, world.ana, world.dalila):
        with acting(actor):
            assert queries.answers(Wanted()) == []
            assert queries.flagged() == []


@pytest.mark.parametrize("statement", ["UPDATE feedback_answer SET useful = true", "DELETE FROM feedback_helprequest"])
def test_the_web_s_role_changes_nothing_past_the_functions(world: World, statement: str) -> None:
    keep()
    with pytest.raises(DatabaseError), acting(world.duarte), connection.cursor() as cursor:
        cursor.execute(statement)


def test_more_is_told_within_an_hour_and_once(world: World) -> None:
    answer = keep()
    late = NOON + timedelta(hours=1)
    assert not actions.tell(actor=ANONYMOUS, answer=answer, opinion=OPINION, now=late)
    assert actions.tell(actor=ANONYMOUS, answer=answer, opinion=OPINION, now=late - timedelta(seconds=1))
    assert not actions.tell(actor=ANONYMOUS, answer=answer, opinion=OPINION, now=NOON)


def test_a_question_is_kept_once_with_whoever_asked(world: World) -> None:
    bruno, _outcome = open_customer(world, make_keys(world))
    question, asked = Question("partner", "/home", "pt-pt", "Como se renova?"), means().new_id()
    first, second = (
        actions.ask(actor=bruno, asked=asked, question=question, request="0123456789abcdef", means=means())
        for _ in range(2)
    )
    assert (first, second) == (True, False)
    with acting(SYSTEM):
        kept = queries.help_request(asked)
    assert (kept.account, kept.customer, kept.message) == (bruno.account, bruno.customer, "Como se renova?")
    with acting(bruno), pytest.raises(NotFound):
        queries.help_request(asked)


def test_the_journal_names_a_question_and_never_an_answer(world: World) -> None:
    keep(world.ana)
    question = Question("operator", "/home", "en", "Help")
    actions.ask(actor=world.ana, asked=means().new_id(), question=question, request="0123456789abcdef", means=means())
    with connection.cursor() as cursor:
        cursor.execute("SELECT tag, facts::text FROM journal_entry WHERE tag LIKE 'help:%%' OR tag LIKE 'feedback:%%'")
        assert cursor.fetchall() == [("help:asked", '{"receiver": "operator"}')]


# ── the rules ──


def test_an_opinion_is_what_the_form_offers() -> None:
    assert opinion_of("5", ["slow", "words", "nonsense"], " a ", "") == Opinion(5, ("words", "slow"), "a", "")
    assert opinion_of("6", [], "", "").satisfaction is None
    assert opinion_of("", [], "", "").satisfaction is None


def test_every_text_that_is_too_long_is_told() -> None:
    with pytest.raises(Refusals) as refused:
        opinion_of("", [], "x" * 2001, "x" * 501)
    assert [(fault.pointer, type(fault.refusal)) for fault in refused.value.faults] == [
        ("/text", TextTooLong),
        ("/quote", TextTooLong),
    ]


@pytest.mark.parametrize("email", ["nobody", "a@b", "a b@example.pt", "x" * 250 + "@example.pt", "a@b.pt, c@d.pt"])
def test_an_address_that_nobody_could_answer_to_is_refused(email: str) -> None:
    with pytest.raises(Refusals) as refused:
        check_question(Question("operator", "/", "en", "Help", email=email))
    assert [fault.pointer for fault in refused.value.faults] == ["/email"]


def test_a_question_needs_words_and_nothing_else() -> None:
    with pytest.raises(Refusals) as refused:
        check_question(Question("operator", "/", "en", "  "))
    assert [fault.pointer for fault in refused.value.faults] == ["/message"]
    assert check_question(Question("operator", "/", "en", "Help")).email == ""
