"""Notices by the ten thousand: what is to be posted, and every list of them, is found by an index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from chaveiro.apps.closing.queries import notices, posting
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import SYSTEM, Actor
from tests.cast import NOON, new_id
from tests.console.notice_scene import Scene, build_scene

pytestmark = pytest.mark.django_db

# Twenty thousand of other customers, one a minute ago for each state; a hundred of them are to be posted.
MANY = """
INSERT INTO notices_notice (subscription_id, customer_id, term, kind, recipient, account_id, organisation_id, due_on,
    written_on, facts, state, attempts, try_at, address, server, direct, returns, outcome)
SELECT gen_random_uuid(), gen_random_uuid(), 1, 'ends-30', 'account:' || n, gen_random_uuid(),
    CASE WHEN n % 3 = 0 THEN gen_random_uuid() END, '2027-01-01'::date + n % 900, '2027-01-01'::date + n % 900, '{}',
    CASE WHEN n % 200 = 0 THEN 'owed' WHEN n % 50 = 1 THEN 'bounced' ELSE 'accepted' END, 1,
    '2026-11-22T12:00:00Z', '', '', false, false, ''
FROM generate_series(1, 20000) AS n;
ANALYZE notices_notice;
"""


@pytest.fixture
def scene() -> Scene:
    made = build_scene()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(MANY)
        cursor.execute("SET LOCAL session_replication_role = origin")
    return made


def plan(actor: Actor, statement: str, asked: Mapping[str, Any]) -> str:
    with acting(actor), psycopg.ClientCursor(connection.connection) as cursor:
        return "\n".join(line for (line,) in cursor.execute(f"EXPLAIN {statement}", asked).fetchall())


def whole(found: str) -> str:
    return notices.LISTED.format(found=found, order=notices.NEWEST)


NOWHERE = {"day": None, "id": None, "limit": 51}
ALL = {"state": "", "kind": "", "customer": None, "subscription": None, "since": None, "until": None, **NOWHERE}


def test_what_is_to_be_posted_is_found_by_its_index(scene: Scene) -> None:
    told = plan(SYSTEM, posting.DUE, {"now": NOON, "clock": None, "limit": 50})
    assert "notice_to_post" in told, told
    assert "Seq Scan on notices_notice" not in told, told


def test_one_notice_is_taken_in_hand_by_its_key(scene: Scene) -> None:
    notice = scene.owe()
    told = plan(
        SYSTEM,
        posting.CLAIM,
        {"notice": notice.id, "now": NOON, "until": NOON, "initial_domain": "example.test"},
    )
    assert "Seq Scan on notices_notice" not in told, told


def test_the_desk_s_list_is_read_from_its_end(scene: Scene) -> None:
    told = plan(scene.world.duarte, whole(notices.AT_THE_DESK), ALL)
    assert "Index Scan Backward using notice_by_day" in told, told


def test_what_did_not_arrive_is_read_off_its_own_index(scene: Scene) -> None:
    told = plan(scene.world.duarte, whole(notices.AT_THE_DESK), {**ALL, "state": "bounced"})
    assert "Seq Scan on notices_notice" not in told, told


@pytest.mark.parametrize("name", ["OF_A_PERSON", "OF_A_HOUSE", "OF_A_SUBSCRIPTION", "STANDING"])
def test_nobody_s_own_list_reads_everybody_else_s(scene: Scene, name: str) -> None:
    actor = scene.world.ana if name == "OF_A_HOUSE" else scene.bruno
    asked = {
        "account": actor.account,
        "organisation": actor.organisation or new_id(),
        "subscription": scene.subscription.id,
        "customer": scene.subscription.customer_id,
        "most": 100,
        **NOWHERE,
    }
    statement = getattr(notices, name)
    told = plan(actor, statement if name == "STANDING" else whole(statement), asked)
    assert "Seq Scan on notices_notice" not in told, told


def test_a_plan_without_the_index_would_be_seen(scene: Scene) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX notice_to_post")
    told = plan(SYSTEM, posting.DUE, {"now": NOON, "clock": None, "limit": 50})
    assert "notice_to_post" not in told, told


def test_ids_are_read_as_they_were_written() -> None:
    place = notices.Place(NOON.date(), UUID(int=7))
    assert notices.Place.read(str(place)) == place
