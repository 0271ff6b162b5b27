"""The scope of a transaction: unset sees nothing, and nothing is left behind."""

from __future__ import annotations

import pytest
from django.db import connection

from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import ANONYMOUS, SYSTEM

pytestmark = pytest.mark.django_db


def _facts() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user::text, scope_kind()")
        row = cursor.fetchone()
    assert row is not None
    return row


def test_an_actor_takes_their_database_role_and_leaves_nothing_behind() -> None:
    with acting(ANONYMOUS):
        assert _facts() == ("chaveiro_web", "anonymous")
    assert _facts() == ("postgres", "")
    with acting(SYSTEM):
        assert _facts() == ("chaveiro_system", "system")
    assert _facts() == ("postgres", "")


def test_two_actors_cannot_share_a_transaction() -> None:
    with acting(SYSTEM), pytest.raises(RuntimeError, match="two actors"), acting(ANONYMOUS):
        pass
