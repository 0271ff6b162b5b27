"""The journal: acts tell it in their own transaction, one sealer numbers them, and nothing is ever taken back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal import actions, queries
from chaveiro.apps.journal.queries import StoryFilter, story
from chaveiro.rules.actors import ANONYMOUS, SYSTEM
from chaveiro.rules.errors import Malformed, NotAllowed
from chaveiro.rules.journal import JournalRestored, Position
from tests.apps.journal_scene import (
    ANA,
    BRUNO,
    CARLA,
    DUARTE,
    MOON,
    MORNING,
    SUN,
    order_of_subjects,
    rows,
    seal,
    seal_all,
    tell,
    verify,
)
from tests.conftest import Server

pytestmark = pytest.mark.usefixtures("real_database")


def insert(subject: str, *, at: str = "'2026-03-01 09:30+00'", tag: str = "'batch:minted'", **more: str) -> str:
    """A plain SQL insert, as the rooms' own functions write entries."""
    names, values = "".join(f", {name}" for name in more), "".join(f", {value}" for value in more.values())
    return (
        f"INSERT INTO journal_entry (at, tag, actor_kind, subject_kind, subject_id{names})"
        f" VALUES ({at}, {tag}, 'system', 'batch', '{subject}'{values})"
    )


@contextmanager
def another_transaction(server: Server, database: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of somebody else's that stays open until the test ends it."""
    with closing(psycopg.connect(server.superuser(database))) as other:
        yield other


# --- recording -------------------------------------------------------------------------------------------------------


def test_an_act_outside_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        actions.record(tag="batch:minted", at=MORNING, actor=SYSTEM, subject_id=1)
    assert rows("SELECT count(*) FROM journal_entry") == [(0,)]


def fail_in_an_act() -> None:
    with acting(ANA):
        actions.record(tag="redemption:committed", at=MORNING, actor=ANA, subject_id="lost", customer_id=SUN)
        raise ZeroDivisionError


def test_an_entry_goes_with_its_act_when_the_act_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        fail_in_an_act()
    assert rows("SELECT count(*) FROM journal_entry") == [(0,)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tag": "batch:burnt"},
        {"facts": {"email": "bruno@padaria-sol.example"}},
        {"at": datetime(2026, 3, 1, 9, 30)},
    ],
)
def test_what_must_not_stand_in_the_journal_is_refused_before_it_does(wrong: dict[str, Any]) -> None:
    told: dict[str, Any] = {"tag": "batch:minted", "at": MORNING, "actor": DUARTE, "subject_id": 1} | wrong
    with pytest.raises(Malformed), acting(DUARTE):
        actions.record(**told)
    assert rows("SELECT count(*) FROM journal_entry") == [(0,)]


def test_an_entry_says_who_acted_for_whom_on_what() -> None:
    with acting(ANA):
        actions.record(
            tag="subscription:changed",
            at=MORNING,
            actor=ANA,
            subject_id=SUN,
            customer_id=SUN,
            on_behalf=SUN,
            facts={"seats": 30},
        )
    seal_all(1)
    with acting(DUARTE):
        (line,), more = story(DUARTE, StoryFilter())
    assert more is None
    assert (line.number, line.tag, line.at) == (1, "subscription:changed", MORNING)
    assert (line.actor_kind, line.actor_id, line.organisation_id) == ("channel", ANA.account, ANA.organisation)
    assert (line.customer_id, line.on_behalf) == (SUN, SUN)
    assert (line.subject_kind, line.subject_id, line.facts) == ("subscription", str(SUN), {"seats": 30})


def test_each_entry_has_a_salt_of_its_own() -> None:
    tell(20)
    assert rows("SELECT count(DISTINCT salt), min(length(salt)) FROM journal_entry") == [(20, 16)]


@pytest.mark.parametrize(
    "statement",
    [
        insert("1", at="'infinity'"),
        insert("1", at="'20000-01-01'"),
        insert("1", tag="'minted'"),
        insert("1", facts="'[]'"),
        insert("1", salt="'short'"),
    ],
)
def test_the_database_refuses_an_entry_that_nobody_could_read_back(statement: str) -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)


# --- only growing ----------------------------------------------------------------------------------------------------

CHANGES = {
    "journal_entry": "subject_id = 'R-9'",
    "journal_seal": "leaf = leaf",
    "journal_node": "hash = hash",
    "journal_checkpoint": "kid = 'x'",
}


BECOMING = ("SET ROLE chaveiro_owner", "SET ROLE chaveiro_system", "SET session_replication_role = replica")


def test_nobody_changes_or_removes_a_row(server: Server, real_database: str) -> None:
    tell(2)
    seal_all(2)
    for table, change in CHANGES.items():
        for statement in (f"UPDATE {table} SET {change}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            for becoming in BECOMING:
                with another_transaction(server, real_database) as other:
                    other.execute(becoming)
                    with pytest.raises(psycopg.Error, match=r"only grows|permission denied"):
                        other.execute(statement)
    assert rows("SELECT (SELECT count(*) FROM journal_entry), (SELECT count(*) FROM journal_seal)") == [(2, 2)]


def test_the_refusal_is_the_databases_and_says_what_to_do() -> None:
    tell(1)
    with pytest.raises(DatabaseError, match="only grows: DELETE on journal_entry is refused"):
        rows("DELETE FROM journal_entry RETURNING id")


# --- sealing ---------------------------------------------------------------------------------------------------------


def test_entries_are_numbered_densely_in_the_order_of_their_transactions() -> None:
    tell(5)
    seal_all(5)
    assert seal() == 0
    tell(3)
    seal_all(3)
    assert [number for (number,) in rows("SELECT number FROM journal_seal ORDER BY 1")] == list(range(1, 9))
    assert order_of_subjects() == ["R-0", "R-1", "R-2", "R-3", "R-4", "R-0", "R-1", "R-2"]
    assert verify().findings == ()


def test_a_limit_is_kept_and_the_rest_comes_next() -> None:
    tell(7)
    counts = [count for count in (seal(3) for _ in range(100)) if count]
    assert sum(counts) == 7
    assert max(counts) <= 3
    assert verify().root == queries.root_at(7)


def test_an_act_that_rolled_back_leaves_no_hole() -> None:
    tell(2)
    with pytest.raises(ZeroDivisionError):
        fail_in_an_act()
    tell(2)
    seal_all(4)
    assert rows("SELECT max(number), count(*) FROM journal_seal") == [(4, 4)]


def test_a_late_commit_is_never_skipped_and_never_out_of_order(server: Server, real_database: str) -> None:
    tell(2)
    seal_all(2)
    last_seen = queries.sealed_size()
    with another_transaction(server, real_database) as slow:
        slow.execute(insert("slow"))  # older than what follows, and not committed yet
        tell(3)
        assert seal() == 0, "nothing after a running transaction is final"
        slow.execute(insert("slower"))
        slow.commit()
    seal_all(5)
    assert order_of_subjects() == ["R-0", "R-1", "slow", "slower", "R-0", "R-1", "R-2"]
    with acting(DUARTE):
        lines, _ = story(DUARTE, StoryFilter(), cursor=last_seen, newest_first=False)
    assert [line.subject_id for line in lines] == ["slow", "slower", "R-0", "R-1", "R-2"]
    assert verify().findings == ()


def test_what_came_before_a_running_transaction_is_not_held_back_by_it(server: Server, real_database: str) -> None:
    tell(2)
    with another_transaction(server, real_database) as slow:
        slow.execute(insert("slow"))
        seal_all(2)


def test_a_slow_act_that_fails_in_the_end_holds_nobody_back_for_ever(server: Server, real_database: str) -> None:
    with another_transaction(server, real_database) as slow:
        slow.execute(insert("slow"))
        tell(2)
        assert seal() == 0
        slow.rollback()
    seal_all(2)
    assert order_of_subjects() == ["R-0", "R-1"]


def test_a_second_sealer_waits_for_nothing_and_does_nothing(server: Server, real_database: str) -> None:
    tell(3)
    with another_transaction(server, real_database) as sealer:
        sealer.execute("SELECT pg_advisory_xact_lock(%s)", (actions.SEALER_LOCK,))
        assert seal() == 0
    seal_all(3)


def test_many_writers_and_many_sealers_give_each_entry_one_number() -> None:
    def write(actor_number: int) -> None:
        try:
            tell(40, actor=(ANA, CARLA)[actor_number % 2])
        finally:
            connections.close_all()

    def seal_often(_: int) -> int:
        try:
            return sum(seal(7) for _ in range(40))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(7) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        sealers = [pool.submit(seal_often, number) for number in range(3)]
        for writer in writers:
            writer.result()
        sealed = sum(sealer.result() for sealer in sealers)
    seal_all(160 - sealed)
    assert rows("SELECT min(number), max(number), count(DISTINCT entry_id) FROM journal_seal") == [(1, 160, 160)]
    order = rows("SELECT e.xid, e.id FROM journal_seal s JOIN journal_entry e ON e.id = s.entry_id ORDER BY s.number")
    assert order == sorted(order)
    assert verify().findings == ()


def test_a_sealer_that_fails_half_way_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(5)
    with monkeypatch.context() as broken:
        broken.setattr(actions, "_keep_nodes", lambda nodes: rows("SELECT 1 / 0"))
        with pytest.raises(DatabaseError):
            seal()
    assert rows("SELECT count(*) FROM journal_seal") == [(0,)]
    seal_all(5)
    assert verify().findings == ()


def test_what_plain_sql_wrote_is_sealed_whatever_numbers_it_holds() -> None:
    facts = """'{"share": 0.10, "giant": 1e6000, "text": "Ça \\"va\\"", "none": null}'"""
    with connection.cursor() as cursor:
        cursor.execute(insert("1", facts=facts))
        cursor.execute(insert("2", at="'2026-03-01 09:30:00.123456+01'"))
    seal_all(2)
    with connection.cursor() as cursor:  # the spelling of a leaf does not hang on the reader's settings
        cursor.execute("SET TIME ZONE 'Asia/Kathmandu'; SET datestyle = 'German'; SET bytea_output = 'escape'")
    assert queries.final_entries(Position(-1, 0, 0), 2)[1].at == "2026-03-01T08:30:00.123456Z"
    assert verify().findings == ()


# --- another server --------------------------------------------------------------------------------------------------


def test_a_journal_restored_on_another_server_goes_on_in_a_new_era() -> None:
    tell(2)
    seal_all(2)
    # Dumped where transactions had come to 9,000,000,000, loaded where they begin below a thousand.
    with connection.cursor() as cursor:
        cursor.execute(insert("before", xid="9000000000"))
    assert queries.restored_elsewhere() == 9_000_000_000
    with pytest.raises(JournalRestored):
        seal()
    for era in (1, 2):
        assert actions.begin_era(now=MORNING, actor=SYSTEM) == era
    assert rows("SELECT relforcerowsecurity FROM pg_class WHERE relname = 'journal_entry'") == [(True,)]
    assert queries.restored_elsewhere() is None
    tell(1)
    seal_all(4)
    assert order_of_subjects() == ["R-0", "R-1", "before", "1", "2", "R-0"]
    assert [era for (era,) in rows("SELECT era FROM journal_entry ORDER BY era, xid, id")] == [0, 0, 0, 1, 2, 2]
    assert verify().findings == ()


def test_the_owners_role_can_begin_an_era_and_sees_the_ones_before() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # Alone, without the policies that it inherits from the keeper of the functions; roles belong to the server.
        cursor.execute("REVOKE chaveiro_keeper FROM chaveiro_owner")
        cursor.execute("SET LOCAL ROLE chaveiro_owner")
        assert actions.begin_era(now=MORNING, actor=SYSTEM) == 1
        assert actions.begin_era(now=MORNING, actor=SYSTEM) == 2
        transaction.set_rollback(True)


# --- the story -------------------------------------------------------------------------------------------------------


def test_each_reads_what_concerns_them_and_nothing_else() -> None:
    tell(2, actor=ANA, customer=SUN)
    tell(3, actor=CARLA, customer=MOON)
    tell(1, actor=DUARTE, customer=None, tag="batch:minted")
    seal_all(6)
    expected = {ANA: [1, 2], CARLA: [3, 4, 5], BRUNO: [1, 2], DUARTE: [1, 2, 3, 4, 5, 6]}
    for actor, numbers in expected.items():
        with acting(actor):
            assert [line.number for line in story(actor, StoryFilter(), newest_first=False)[0]] == numbers
            # what the query asks for by itself left out (tests/isolation takes each layer away)
            assert [line.number for line in story(SYSTEM, StoryFilter(), newest_first=False)[0]] == numbers
        with acting(actor):
            assert story(actor, StoryFilter(customer_id=UUID(int=0xC9)))[0] == ()


def test_nobody_without_a_side_or_with_a_narrower_token_reads_the_story() -> None:
    homeless = (ANONYMOUS, replace(ANA, organisation=None), replace(BRUNO, customer=None))
    for actor in (*homeless, replace(ANA, scopes=frozenset({"keys:check"}))):
        with pytest.raises(NotAllowed):
            story(actor, StoryFilter())
        with pytest.raises(NotAllowed):
            queries.prove(actor, 1)


def test_the_story_is_read_in_pages_from_either_end() -> None:
    tell(7)
    seal_all(7)
    with acting(DUARTE):
        for newest_first, expected in ((True, [7, 6, 5, 4, 3, 2, 1]), (False, [1, 2, 3, 4, 5, 6, 7])):
            lines, cursor = story(DUARTE, StoryFilter(), limit=3, newest_first=newest_first)
            numbers, pages = [line.number for line in lines], 1
            while cursor is not None:
                lines, cursor = story(DUARTE, StoryFilter(), cursor=cursor, limit=3, newest_first=newest_first)
                numbers, pages = numbers + [line.number for line in lines], pages + 1
            assert (numbers, pages) == (expected, 3)


def test_the_story_is_filtered_by_whatever_is_known() -> None:
    tell(3, actor=ANA, customer=SUN)
    tell(1, actor=CARLA, customer=MOON, tag="subscription:changed")
    seal_all(4)
    second = MORNING + timedelta(seconds=1)
    cases = {
        StoryFilter(customer_id=SUN): [1, 2, 3],
        StoryFilter(tag="subscription:changed"): [4],
        StoryFilter(actor_id=CARLA.account): [4],
        StoryFilter(organisation_id=ANA.organisation): [1, 2, 3],
        StoryFilter(subject_kind="redemption", subject_id="R-0"): [1],
        StoryFilter(since=second): [2, 3],
        StoryFilter(until=second): [1, 4],
        StoryFilter(customer_id=MOON, tag="redemption:committed"): [],
    }
    with acting(DUARTE):
        for wanted, numbers in cases.items():
            assert [line.number for line in story(DUARTE, wanted, newest_first=False)[0]] == numbers, wanted
