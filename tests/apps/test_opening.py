"""An act begins in one message and ends in one: what travels with BEGIN and COMMIT, and what is left of a fault."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import OperationalError, ProgrammingError, connection

from chaveiro.apps.identity.actions import acting, asking
from chaveiro.apps.redemption.actions import redeem
from chaveiro.rules.actors import ANONYMOUS, SYSTEM
from tests.cast import build_world, make_keys, means, opening

KIND = ("SELECT current_setting('chaveiro.kind', true)", ())


def test_a_redemption_that_opens_a_customer_is_two_messages(
    real_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, messages, wait = build_world(), [], psycopg.Connection.wait
    first, second = make_keys(world, 2)
    redeem(actor=world.ana, order=opening([first], "padariasol"), means=means())

    def counted(link: Any, *arguments: Any, **options: Any) -> Any:
        messages.append(link)
        return wait(link, *arguments, **options)

    monkeypatch.setattr(psycopg.Connection, "wait", counted)
    redeem(actor=world.ana, order=opening([second], "padarialua"), means=means())
    assert len(messages) == 2


def test_what_is_asked_first_is_answered_in_order_and_within_the_scope(real_database: str) -> None:
    with asking(ANONYMOUS, KIND, ("SELECT %s::int + n FROM generate_series(1, 2) AS n", (40,))) as act:
        assert act.answers == [[("anonymous",)], [(41,), (42,)]]


def test_a_percent_sign_in_a_scope_is_only_a_sign(real_database: str, settings: Any) -> None:
    settings.DATABASE_ROLES = "no%s"
    with pytest.raises(psycopg.Error, match='"no%s_web"'), acting(ANONYMOUS):
        pass


def test_after_the_last_statement_the_act_stands_and_its_scope_is_gone(real_database: str) -> None:
    with asking(SYSTEM) as act:
        act.finish("CREATE TEMP TABLE stands AS SELECT current_setting('chaveiro.kind') AS kind", ())
    rows = connection.connection.execute("SELECT kind, current_setting('chaveiro.kind', true) FROM stands").fetchall()
    assert rows == [("system", "")]


def test_a_last_statement_that_fails_leaves_nothing_of_the_act(real_database: str) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), asking(SYSTEM) as act:
        act.finish("CREATE TEMP TABLE gone (); SELECT 1 / 0", ())
    assert connection.connection.execute("SELECT to_regclass('gone')").fetchone() == (None,)
    with acting(ANONYMOUS):
        assert connection.connection.execute(*KIND).fetchone() == ("anonymous",)


def test_inside_a_standing_act_the_last_statement_does_not_end_it(real_database: str) -> None:
    with acting(SYSTEM):
        with asking(SYSTEM, KIND) as act:
            assert act.answers == [[("system",)]]
            act.finish("CREATE TEMP TABLE inner_one ()", ())
        assert connection.connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        assert connection.connection.execute(*KIND).fetchone() == ("system",)


def test_an_act_that_could_not_begin_leaves_its_scope_to_nobody(
    real_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise OperationalError("planted: no server")

    with monkeypatch.context() as planted:
        planted.setattr(connection, "ensure_connection", gone)
        with pytest.raises(OperationalError), acting(SYSTEM):
            pass
    assert connection.opening == ("", ())


def test_after_a_scope_that_does_not_exist_the_next_act_begins_anew(real_database: str, settings: Any) -> None:
    roles, settings.DATABASE_ROLES = settings.DATABASE_ROLES, "nobody"
    with pytest.raises((psycopg.Error, ProgrammingError)), acting(SYSTEM):
        pass
    settings.DATABASE_ROLES = roles
    with acting(ANONYMOUS):
        assert connection.connection.execute(*KIND).fetchone() == ("anonymous",)
