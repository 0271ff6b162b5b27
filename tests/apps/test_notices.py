"""The outbox and the letters: nothing lost, nothing doubled, nothing said that is not an id."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, connections

from chaveiro import wiring
from chaveiro.adapters.jobs import ProcrastinateJobs
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices import actions, queries
from chaveiro.rules.actors import ANONYMOUS, SYSTEM
from chaveiro.rules.errors import Malformed, NotFound
from tests.cast import NOON, new_id

ACCOUNT = UUID(int=7)
FACTS = {"account": str(ACCOUNT)}


class Shelf:
    """A job engine that only keeps what it is handed."""

    def __init__(self) -> None:
        self.jobs: list[tuple[int, str]] = []

    def defer(self, owed: Sequence[tuple[int, str]]) -> None:
        self.jobs += owed


def owe(*kinds: str) -> None:
    with acting(ANONYMOUS):
        for kind in kinds:
            actions.owe(kind, FACTS, NOON)


def rows(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found: list[tuple[object, ...]] = cursor.fetchall()
        return found


# --- the outbox ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_anybody_may_owe_and_nobody_but_the_house_reads_what_is_owed() -> None:
    owe("ownership")
    with pytest.raises(ProgrammingError), acting(ANONYMOUS):
        queries.owed(1)
    [(number,)] = rows("SELECT id FROM notices_owed")
    with acting(SYSTEM):
        assert queries.owed(int(str(number))) == (number, "ownership", FACTS)


@pytest.mark.django_db
def test_what_is_owed_names_things_by_id() -> None:
    with acting(ANONYMOUS), pytest.raises(Malformed):
        actions.owe("ownership", {"email": "bruno@padariasol.example"}, NOON)


@pytest.mark.django_db
def test_a_relay_hands_over_in_order_once_and_in_portions() -> None:
    owe("ownership", "mint", "ownership")
    shelf = Shelf()
    with acting(SYSTEM):
        assert actions.relay(now=NOON, jobs=shelf, limit=2) == 2
        assert actions.relay(now=NOON, jobs=shelf, limit=2) == 1
        assert actions.relay(now=NOON, jobs=shelf, limit=2) == 0
    numbers = [number for number, _ in shelf.jobs]
    assert numbers == sorted(numbers)
    assert [kind for _, kind in shelf.jobs] == ["ownership", "mint", "ownership"]


@pytest.mark.django_db
def test_a_job_carries_a_number_and_nothing_else() -> None:
    owe("ownership", "mint")
    with acting(SYSTEM):
        actions.relay(now=NOON, jobs=wiring.jobs())
    jobs = rows("SELECT task_name, queue_name, args::text FROM procrastinate_jobs ORDER BY id")
    numbers = [number for (number,) in rows("SELECT id FROM notices_owed ORDER BY id")]
    assert jobs == [
        ("effect", "short", f'{{"owed": {numbers[0]}}}'),
        ("effect", "long", f'{{"owed": {numbers[1]}}}'),
    ]


def test_handing_over_and_marking_are_one(real_database: str) -> None:
    owe("ownership")

    def killed_after_handing_over() -> None:
        with acting(SYSTEM):
            actions.relay(now=NOON, jobs=wiring.jobs())
            assert rows("SELECT count(*) FROM procrastinate_jobs") == [(1,)]
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed_after_handing_over()
    assert rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)]
    with acting(SYSTEM):
        assert actions.relay(now=NOON, jobs=wiring.jobs()) == 1
    assert rows("SELECT count(*) FROM procrastinate_jobs") == [(1,)]


def test_relays_at_once_share_the_work_and_double_nothing(real_database: str) -> None:
    owe(*["ownership"] * 200)
    shelves = [Shelf() for _ in range(4)]
    together = threading.Barrier(4)

    def relay(shelf: Shelf) -> None:
        together.wait(30)
        handed_over = 1
        while handed_over:
            with acting(SYSTEM):
                handed_over = actions.relay(now=NOON, jobs=shelf, limit=10)
        connections.close_all()

    threads = [threading.Thread(target=relay, args=(shelf,)) for shelf in shelves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A relay that found all rows in others' hands went home early; the next round meets what a rollback left.
    numbers = [number for shelf in shelves for number, _ in shelf.jobs]
    assert len(numbers) == len(set(numbers)) == 200
    assert rows("SELECT count(*) FROM notices_owed WHERE relayed_at IS NULL") == [(0,)]


@pytest.mark.django_db
def test_an_effect_owes_what_follows_from_it_once() -> None:
    owe("reversal")
    [(number,)] = rows("SELECT id FROM notices_owed")
    with acting(SYSTEM):
        assert actions.once(owed=int(str(number)), name="told")
        assert not actions.once(owed=int(str(number)), name="told")
        assert actions.once(owed=int(str(number)), name="counted")


@pytest.mark.django_db
def test_handed_over_effects_go_after_a_month_and_those_with_letters_stay() -> None:
    owe("ownership", "mint", "ownership")
    with acting(SYSTEM):
        actions.relay(now=NOON, jobs=Shelf(), limit=2)
        number = int(str(rows("SELECT min(id) FROM notices_owed")[0][0]))
        actions.write_letter(owed=number, letter=new_id(), kind="ownership", account=ACCOUNT, now=NOON)
        assert actions.sweep(before=NOON) == 0
        assert actions.sweep(before=NOON + timedelta(seconds=1)) == 1
    assert len(rows("SELECT id FROM notices_owed")) == 2


# --- letters -------------------------------------------------------------------------------------------------------


@pytest.fixture
def letter(db: None) -> UUID:
    owe("ownership")
    with acting(SYSTEM):
        return write()


def write() -> UUID:
    number = int(str(rows("SELECT max(id) FROM notices_owed")[0][0]))
    return actions.write_letter(owed=number, letter=new_id(), kind="ownership", account=ACCOUNT, now=NOON).id


def test_an_effect_that_runs_twice_has_one_letter(letter: UUID) -> None:
    with acting(SYSTEM):
        assert write() == letter
    assert rows("SELECT count(*) FROM notices_letter") == [(1,)]
    assert rows("SELECT count(*) FROM journal_entry WHERE tag = 'notice:written'") == [(1,)]


def test_a_letter_is_marked_posted_once_and_tried_no_more(letter: UUID) -> None:
    with acting(SYSTEM):
        assert actions.attempt(letter=letter) == 1
        assert actions.attempt(letter=letter) == 2
        assert actions.posted(letter=letter, outcome="accepted by memory", now=NOON)
        assert not actions.posted(letter=letter, outcome="accepted twice", now=NOON + timedelta(seconds=1))
        assert not actions.given_up(letter=letter, outcome="too late", now=NOON)
        assert actions.attempt(letter=letter) is None
        seen = queries.letter(letter)
    assert (seen.state, seen.outcome, seen.posted_at, seen.attempts) == ("posted", "accepted by memory", NOON, 2)
    assert rows("SELECT subject_id FROM journal_entry WHERE tag = 'notice:posted'") == [(str(letter),)]


def test_a_deferred_letter_keeps_its_reason_and_stays_owed(letter: UUID) -> None:
    with acting(SYSTEM):
        actions.deferred(letter=letter, outcome="mail.example:587 answered 451" + "x" * 1000)
        seen = queries.letter(letter)
    assert seen.state == "owed"
    assert seen.outcome.startswith("mail.example:587 answered 451")
    assert len(seen.outcome) == actions.OUTCOME_LENGTH_AT_MOST


def test_a_superseded_letter_is_never_tried(letter: UUID) -> None:
    with acting(SYSTEM):
        actions.superseded(letter=letter)
        assert actions.attempt(letter=letter) is None
        assert not actions.posted(letter=letter, outcome="", now=NOON)


def test_a_page_sees_no_letter(letter: UUID) -> None:
    with pytest.raises(ProgrammingError), acting(ANONYMOUS):
        queries.letter(letter)
    with acting(SYSTEM), pytest.raises(NotFound):
        queries.letter(UUID(int=1))


def test_the_depths_count_what_waits_without_naming_anybody(letter: UUID) -> None:
    with acting(ANONYMOUS):
        depths = {(depth.name, depth.part): depth.value for depth in queries.depths(NOON + timedelta(seconds=90))}
    assert depths["owed_effects", ""] == 1
    assert depths["owed_effects_age_seconds", ""] == 90
    assert depths["letters", "owed"] == 1
    assert depths["letters", "failed"] == 0
    assert depths["journal_unsealed_age_seconds", ""] == 90


@pytest.mark.django_db
def test_a_job_of_a_dead_worker_is_brought_back_and_a_living_ones_is_not() -> None:
    owe("ownership", "ownership", "ownership")
    jobs = ProcrastinateJobs()
    with connection.cursor() as cursor, acting(SYSTEM):
        actions.relay(now=NOON, jobs=jobs)
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '1 min')")
        cursor.execute(
            "UPDATE procrastinate_jobs j SET status = 'doing', worker_id = w.id FROM"
            " (SELECT id, row_number() OVER (ORDER BY id) n FROM procrastinate_jobs) o"
            " LEFT JOIN (SELECT id, row_number() OVER (ORDER BY id) n FROM procrastinate_workers) w USING (n)"
            " WHERE o.id = j.id"
        )
        assert jobs.take_over(stalled_after=30) == 2
        assert jobs.take_over(stalled_after=30) == 0
    assert rows("SELECT status::text, attempts FROM procrastinate_jobs ORDER BY id") == [
        ("doing", 0),
        ("todo", 1),
        ("todo", 1),
    ]
