"""Whatever is done to the journal behind its back is found and named, and what it says can be proved to anybody."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
from django.db import connections

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal import actions, queries
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import Contention, NotFound
from chaveiro.rules.journal import (
    CHECKPOINT_KIND,
    Checkpoint,
    JournalBroken,
    SignatureInvalid,
    SignedCheckpoint,
    canonical,
)
from chaveiro.rules.journal_audit import FINDINGS, FINDINGS_AT_MOST, Report
from chaveiro.rules.merkle import EMPTY_ROOT, Frontier, leaf_hash, verify_consistency, verify_inclusion
from tests.apps.journal_scene import (
    ANA,
    CARLA,
    DUARTE,
    KEYRING,
    MORNING,
    ORIGIN,
    STRANGER,
    checkpoint,
    rows,
    seal_all,
    tamper,
    tell,
    verify,
)
from tests.conftest import Server, connect_as_superuser, copy_of


@pytest.fixture
def signed(real_database: str) -> list[SignedCheckpoint]:
    """A journal of fourteen entries with checkpoints over the first five and the first twelve."""
    made = []
    for minutes, count in enumerate((5, 7)):
        tell(count)
        seal_all(count)
        made.append(checkpoint(minutes))
    tell(2)
    seal_all(2)
    return made


@pytest.fixture
def intruder(server: Server, real_database: str) -> str:
    return server.superuser(real_database)


def named(report: Report) -> list[tuple[str, int, int]]:
    assert all(finding.code in FINDINGS for finding in report.findings)
    return [(finding.code, finding.first, finding.last) for finding in report.findings]


def entry_of(number: int) -> str:
    return f"(SELECT entry_id FROM journal_seal WHERE number = {number})"


def rebuild(dsn: str) -> None:
    """What a careful forger does after changing entries: leaves and nodes anew, so that all adds up again."""
    with closing(psycopg.connect(dsn)) as forger:
        forger.execute("SET session_replication_role = replica")
        for table in ("journal_seal", "journal_node"):
            forger.execute(f"ALTER TABLE {table} DISABLE TRIGGER journal_append_only")
        leaves = []
        for number, *columns in forger.execute(
            f"SELECT s.number, {queries.ENTRY_COLUMNS} FROM journal_seal s JOIN journal_entry e ON e.id = s.entry_id"
            " ORDER BY s.number"
        ).fetchall():
            leaves.append(leaf_hash(canonical(queries.Entry(*columns))))
            forger.execute("UPDATE journal_seal SET leaf = %s WHERE number = %s", (leaves[-1], number))
        forger.execute("DELETE FROM journal_node")
        for node in Frontier().extend(leaves)[1]:
            forger.execute("INSERT INTO journal_node VALUES (%s, %s, %s)", node)
        forger.commit()


# --- an honest journal -----------------------------------------------------------------------------------------------


def test_an_honest_journal_is_clean_and_its_root_is_the_signed_one(signed: list[SignedCheckpoint]) -> None:
    report = verify(*(mark.signature for mark in signed))
    assert (report.size, report.findings, report.complete) == (14, (), True)
    assert report.root == queries.root_at(14)
    assert [queries.root_at(mark.size) for mark in signed] == [mark.root for mark in signed]


def test_an_empty_journal_is_clean_and_signs_nothing(real_database: str) -> None:
    with acting(SYSTEM):
        assert actions.checkpoint(now=MORNING, signer=KEYRING, origin=ORIGIN) is None
    report = verify()
    assert (report.size, report.root, report.findings) == (0, EMPTY_ROOT, ())


def test_the_reading_role_can_verify(server: Server, signed: list[SignedCheckpoint]) -> None:
    rows("SELECT set_config('role', 'chaveiro_check', false)")
    report = queries.verify(reader=KEYRING, portion=4)
    assert (report.size, report.findings) == (14, ())


def test_a_checkpoint_says_what_was_there_and_when(signed: list[SignedCheckpoint]) -> None:
    first = Checkpoint.from_claims(KEYRING.read(signed[0].signature, CHECKPOINT_KIND))
    assert first == Checkpoint(ORIGIN, 5, signed[0].root, MORNING)
    assert signed[0].kid == KEYRING.kid
    assert queries.latest_checkpoint() == signed[1]


def test_a_journal_that_has_not_grown_is_not_signed_again(signed: list[SignedCheckpoint]) -> None:
    last = checkpoint(5)
    assert last.size == 14
    assert checkpoint(6) == last


# --- proofs ----------------------------------------------------------------------------------------------------------


def test_each_entry_is_proved_to_whoever_holds_the_checkpoint(signed: list[SignedCheckpoint]) -> None:
    for number, entry_id in rows("SELECT number, entry_id FROM journal_seal ORDER BY number"):
        with acting(ANA):
            proof = queries.prove(ANA, entry_id)
        assert proof.number == number
        leaf = leaf_hash(proof.entry)
        assert verify_inclusion(leaf, number - 1, proof.size, proof.path, proof.root)
        assert not verify_inclusion(leaf_hash(proof.entry + b" "), number - 1, proof.size, proof.path, proof.root)
        if number > 12:
            assert proof.checkpoint is None
            continue
        assert proof.checkpoint is not None
        statement = Checkpoint.from_claims(KEYRING.read(proof.checkpoint, CHECKPOINT_KIND))
        assert (statement.size, statement.root) == (proof.size, proof.root)
        assert statement.size == (5 if number <= 5 else 12)


def test_a_proof_for_others_is_absent_and_one_too_early_comes_later(signed: list[SignedCheckpoint]) -> None:
    [(entry_id,)] = rows("SELECT min(id) FROM journal_entry")
    for absent in (entry_id, 999_999_999):
        with pytest.raises(NotFound), acting(CARLA):  # both layers
            queries.prove(CARLA, absent)
        with pytest.raises(NotFound), acting(CARLA):  # the database's alone
            queries.prove(SYSTEM, absent)
        with pytest.raises(NotFound):  # the query's alone
            queries.prove(CARLA, absent)
    tell(1)
    [(unsealed,)] = rows("SELECT max(id) FROM journal_entry")
    with pytest.raises(Contention), acting(ANA):
        queries.prove(ANA, unsealed)


def test_no_proof_is_given_for_an_entry_that_was_changed(signed: list[SignedCheckpoint], intruder: str) -> None:
    [(entry_id,)] = rows(f"SELECT {entry_of(3)}")
    tamper(intruder, f"UPDATE journal_entry SET subject_id = 'R-9' WHERE id = {entry_id}")
    with pytest.raises(JournalBroken), acting(DUARTE):
        queries.prove(DUARTE, entry_id)


def test_growth_from_one_checkpoint_to_the_next_is_proved(signed: list[SignedCheckpoint]) -> None:
    first, second = signed
    with acting(ANA):
        path = queries.prove_extension(first.size, second.size)
        for sizes in ((0, 5), (6, 5), (5, 15)):
            with pytest.raises(NotFound):
                queries.prove_extension(*sizes)
    assert verify_consistency(first.size, first.root, second.size, second.root, path)
    assert not verify_consistency(first.size, second.root, second.size, first.root, path)


# --- an intruder -----------------------------------------------------------------------------------------------------

SMALL_CRIMES = {
    "a word changed": (
        [f"UPDATE journal_entry SET tag = 'redemption:reversed' WHERE id = {entry_of(7)}"],
        [("entry_changed", 7, 7)],
    ),
    "a microsecond": (
        [f"UPDATE journal_entry SET at = at + interval '1 microsecond' WHERE id = {entry_of(1)}"],
        [("entry_changed", 1, 1)],
    ),
    "a number's spelling": (
        [f"""UPDATE journal_entry SET facts = '{{"seats": 1.0}}' WHERE id = {entry_of(14)}"""],
        [("entry_changed", 14, 14)],
    ),
    "whom it concerns": (
        [f"UPDATE journal_entry SET customer_id = NULL, actor_id = NULL WHERE id = {entry_of(6)}"],
        [("entry_changed", 6, 6)],
    ),
    "a row removed": ([f"DELETE FROM journal_entry WHERE id = {entry_of(4)}"], [("entry_removed", 4, 4)]),
    "two rows exchanged": (
        [
            "UPDATE journal_seal SET entry_id = -1 * entry_id WHERE number IN (6, 9)",
            "UPDATE journal_seal s SET entry_id = -1 * o.entry_id FROM journal_seal o"
            " WHERE s.number + o.number = 15 AND s.number IN (6, 9)",
        ],
        [("reordered", 6, 6), ("reordered", 7, 7), ("reordered", 9, 9)],
    ),
    "a leaf changed": (
        ["UPDATE journal_seal SET leaf = sha256(leaf) WHERE number = 10"],
        [("entry_changed", 10, 10), ("history_changed", 6, 12)],
    ),
    "a number removed": (
        ["DELETE FROM journal_seal WHERE number = 8"],
        [("seal_removed", 8, 8), ("entry_forgotten", 0, 0)],
    ),
    "the first numbers removed": (
        ["DELETE FROM journal_entry WHERE id <= " + entry_of(2), "DELETE FROM journal_seal WHERE number <= 2"],
        [("seal_removed", 1, 2)],
    ),
    "an entry slipped in": (
        [
            "INSERT INTO journal_entry (xid, at, tag, actor_kind, subject_kind, subject_id)"
            " VALUES (1, '2026-03-01', 'redemption:committed', 'channel', 'redemption', 'R-0')"
        ],
        [("entry_forgotten", 0, 0)],
    ),
    "a node changed": (
        ["UPDATE journal_node SET hash = sha256(hash) WHERE level = 1 AND index = 2"],
        [("node_changed", 5, 6)],
    ),
    "a high node changed": (
        ["UPDATE journal_node SET hash = sha256(hash) WHERE level = 3 AND index = 0"],
        [("node_changed", 1, 8)],
    ),
    "a node removed": (["DELETE FROM journal_node WHERE level = 2 AND index = 1"], [("node_removed", 5, 8)]),
    "a node added": (
        ["INSERT INTO journal_node VALUES (1, 7, sha256('x'))"],
        [("node_added", 15, 16)],
    ),
    "a checkpoint's row changed": (
        ["UPDATE journal_checkpoint SET root = sha256(root) WHERE size = 5"],
        [("checkpoint_forged", 1, 5)],
    ),
    "the last rows cut off": (
        [
            "DELETE FROM journal_entry WHERE id >= " + entry_of(11),
            "DELETE FROM journal_seal WHERE number >= 11",
            "DELETE FROM journal_node WHERE (index + 1) << level > 10",
        ],
        [("tail_removed", 11, 12)],
    ),
}


@pytest.mark.parametrize("crime", SMALL_CRIMES)
def test_a_crime_is_found_and_named(signed: list[SignedCheckpoint], intruder: str, crime: str) -> None:
    statements, expected = SMALL_CRIMES[crime]
    tamper(intruder, *statements)
    assert named(verify()) == expected


def test_an_entry_and_its_leaf_changed_together_are_found_by_the_tree(
    signed: list[SignedCheckpoint], intruder: str
) -> None:
    tamper(intruder, f"UPDATE journal_entry SET actor_id = NULL WHERE id = {entry_of(13)}")
    with acting(SYSTEM):
        [row] = queries._sealed_rows(13, 13, 1)
    assert row.entry is not None
    leaf = leaf_hash(canonical(row.entry)).hex()
    tamper(intruder, f"UPDATE journal_seal SET leaf = '\\x{leaf}' WHERE number = 13")
    assert named(verify()) == [("node_changed", 13, 14)]


def test_two_numbers_exchanged_with_all_that_hangs_on_them_are_out_of_order(
    signed: list[SignedCheckpoint], intruder: str
) -> None:
    tamper(
        intruder,
        "UPDATE journal_seal SET number = number + 100 WHERE number IN (2, 3)",
        "UPDATE journal_seal SET number = 105 - number WHERE number IN (102, 103)",
    )
    assert named(verify())[0] == ("reordered", 3, 3)
    assert ("history_changed", 1, 5) in named(verify())


def test_a_history_rewritten_with_its_whole_tree_is_found_by_the_next_checkpoint(
    signed: list[SignedCheckpoint], intruder: str
) -> None:
    tamper(intruder, f"UPDATE journal_entry SET actor_id = NULL WHERE id = {entry_of(8)}")
    rebuild(intruder)
    assert named(verify()) == [("history_changed", 6, 12)]
    with pytest.raises(JournalBroken):
        checkpoint(9)
    assert not queries.is_extension_of(signed[1].signature, reader=KEYRING)
    assert queries.is_extension_of(signed[0].signature, reader=KEYRING)


def test_a_forger_who_removes_our_checkpoints_too_is_found_by_one_kept_outside(
    signed: list[SignedCheckpoint], intruder: str
) -> None:
    tamper(
        intruder,
        f"UPDATE journal_entry SET actor_id = NULL WHERE id = {entry_of(8)}",
        "DELETE FROM journal_checkpoint",
    )
    rebuild(intruder)
    assert named(verify()) == [], "inside, nothing is left to tell"
    assert named(verify(signed[1].signature)) == [("history_changed", 1, 12)]
    assert named(verify(signed[1].signature, signed[0].signature)) == [("history_changed", 6, 12)]


def test_a_checkpoint_signed_by_somebody_else_is_named(signed: list[SignedCheckpoint], intruder: str) -> None:
    claims = Checkpoint(ORIGIN, 5, signed[0].root, MORNING).claims()
    forged = STRANGER.sign(claims, CHECKPOINT_KIND)
    tamper(intruder, f"UPDATE journal_checkpoint SET signature = '{forged}' WHERE size = 5")
    assert named(verify()) == [("checkpoint_forged", 1, 5)]
    with pytest.raises(SignatureInvalid):
        verify(forged)
    with pytest.raises(SignatureInvalid):
        queries.is_extension_of(forged, reader=KEYRING)


def test_a_database_rolled_back_to_its_backup_is_found_by_any_later_checkpoint(
    server: Server, real_database: str
) -> None:
    tell(5)
    seal_all(5)
    early = checkpoint(0)
    connections.close_all()
    copy_of(server, real_database, "chaveiro_backup")
    try:
        tell(4)
        seal_all(4)
        late = checkpoint(1)
        connect_as_superuser(server, "chaveiro_backup")
        assert queries.is_extension_of(early.signature, reader=KEYRING)
        assert not queries.is_extension_of(late.signature, reader=KEYRING)
        assert named(verify(early.signature, late.signature)) == [("tail_removed", 6, 9)]
        # and when life went on after the restore, past the size that was signed
        tell(6, actor=CARLA)
        seal_all(6)
        assert not queries.is_extension_of(late.signature, reader=KEYRING)
        assert named(verify(early.signature, late.signature)) == [("history_changed", 6, 9)]
    finally:
        connect_as_superuser(server, real_database)


def test_a_destroyed_journal_does_not_fill_the_memory(signed: list[SignedCheckpoint], intruder: str) -> None:
    tell(120)
    seal_all(120)
    tamper(intruder, "UPDATE journal_entry SET subject_id = 'R-9'", "DELETE FROM journal_node")
    report = verify()
    assert len(report.findings) == FINDINGS_AT_MOST
    assert not report.complete
    assert report.findings[0].entry_id is not None


def test_a_number_far_away_costs_no_time(signed: list[SignedCheckpoint], intruder: str) -> None:
    tamper(intruder, "UPDATE journal_seal SET number = 4611686018427387904 WHERE number = 14")
    assert named(verify())[0] == ("seal_removed", 14, 4611686018427387903)


def test_a_tree_with_a_hole_is_not_built_upon(signed: list[SignedCheckpoint], intruder: str) -> None:
    tamper(intruder, "DELETE FROM journal_node WHERE level = 3 AND index = 0")
    tell(1)
    with pytest.raises(JournalBroken, match="level 3"):
        seal_all(1)
    with pytest.raises(JournalBroken), acting(ANA):
        queries.prove(ANA, rows(f"SELECT {entry_of(14)}")[0][0])
