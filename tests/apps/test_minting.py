"""Minting: chunk by chunk into a file or sealed exports, restartable, and never a committed key without its text."""

from __future__ import annotations

import io
import os
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.conf import settings
from django.db import connection

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import models as rows
from chaveiro.apps.keys import queries
from chaveiro.apps.keys.actions import (
    Texts,
    approve_batch,
    begin_mint,
    download_export,
    drop_expired_exports,
    mint,
    mint_sealed_to_file,
    mint_to_file,
    plan_batch,
    recall_batch,
    release_batch,
    run_mint,
)
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.operations.actions import cancel
from chaveiro.rules import identifiers, peppers
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.batches import BatchStep, DoubledKey, Kind, RandomSourceBroken, SecondPersonNeeded, Stage
from chaveiro.rules.errors import Contention, Malformed, NotAllowed, NotFound
from chaveiro.rules.exports import ExportLost, FileRefused, Lock
from chaveiro.rules.keys import read
from chaveiro.rules.means import Means
from tests import cast
from tests.apps import stock
from tests.cast import World

pytestmark = pytest.mark.django_db

PASSPHRASE = "cavalo bateria agrafo correto"


@pytest.fixture
def world() -> World:
    return cast.build_world()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of four keys: every edge is met with a dozen of them."""
    for module in ("minting", "files", "exports"):
        monkeypatch.setattr(f"chaveiro.apps.keys.actions.{module}.CHUNK_KEYS", 4)


class Stopped(Exception):
    """Where a test pulls the plug."""


def stopping_at(count: int) -> Any:
    def progress(done: int, _: int) -> None:
        if done >= count:
            raise Stopped

    return progress


# ── into a file ──


@pytest.mark.parametrize("quantity", [1, 3, 4, 5, 8, 11])
def test_a_batch_is_minted_whole_and_its_file_has_every_text(world: World, tmp_path: Path, quantity: int) -> None:
    told: list[tuple[int, int]] = []
    done = mint_to_file(
        order=stock.order(quantity=quantity),
        file=stock.file_at(tmp_path),
        house=stock.HOUSE,
        means=cast.means(),
        progress=lambda *counts: told.append(counts),
    )
    assert stock.agrees(tmp_path / "keys.csv") == quantity
    assert done.batch.minted == quantity == told[-1][0]
    assert stock.states(done.batch.id) == {"minted": quantity}
    assert done.batch.stage is Stage.MINTED
    assert [number for number, _ in stock.texts(tmp_path / "keys.csv")] == list(
        range(done.batch.first_number, done.batch.first_number + quantity)
    )
    assert all(read(text).code == "ok" for _, text in stock.texts(tmp_path / "keys.csv"))
    assert stock.tags() == ["batch:planned", "pepper:added", "batch:minted"]
    assert os.listdir(tmp_path) == ["keys.csv"]
    assert (tmp_path / "keys.csv").stat().st_mode & 0o777 == 0o600


def test_the_keys_of_a_file_are_redeemed_after_their_release_and_not_before(world: World, tmp_path: Path) -> None:
    batch = stock.minted(tmp_path).batch
    key = stock.texts(tmp_path / "keys.csv")[0][1]
    with pytest.raises(Exception, match="key_not_released"):
        cast.open_customer(world, [key])
    release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    bruno, _ = cast.open_customer(world, [key])
    assert bruno.customer is not None


@pytest.mark.parametrize("stop", [4, 8, 10])
def test_an_interrupted_mint_goes_on_where_it_was_committed(world: World, tmp_path: Path, stop: int) -> None:
    order, file = stock.order(), stock.file_at(tmp_path)
    with pytest.raises(Stopped):
        mint_to_file(order=order, file=file, house=stock.HOUSE, means=cast.means(), progress=stopping_at(stop))
    (partial,) = tmp_path.iterdir()
    before = partial.read_bytes()
    with partial.open("ab") as torn:
        torn.write(b"0000000000")
    done = mint_to_file(order=order, file=stock.file_at(tmp_path), house=stock.HOUSE, means=cast.means())
    assert not done.again
    assert stock.agrees(tmp_path / "keys.csv") == 10
    assert (tmp_path / "keys.csv").read_bytes().startswith(before)
    assert rows.Batch.objects.count() == 1
    assert stock.tags().count("batch:minted") == 1


def test_the_same_command_again_after_the_end_changes_nothing(world: World, tmp_path: Path) -> None:
    first = stock.minted(tmp_path)
    text = (tmp_path / "keys.csv").read_bytes()
    release_batch(actor=SYSTEM, batch=first.batch.id, means=cast.means())
    again = stock.minted(tmp_path)
    assert (first.again, again.again) == (False, True)
    assert again.batch.id == first.batch.id
    assert (tmp_path / "keys.csv").read_bytes() == text
    assert rows.Batch.objects.count() == 1


def test_a_foreign_file_is_never_overwritten(world: World, tmp_path: Path) -> None:
    stock.minted(tmp_path)
    before = (tmp_path / "keys.csv").read_bytes()
    with pytest.raises(FileRefused):
        stock.minted(tmp_path, quantity=11)
    for text in (b"", b"shopping list\n", b"serial,key\nnonsense\n"):
        (tmp_path / "other.csv").write_bytes(text)
        with pytest.raises(FileRefused):
            stock.minted(tmp_path, "other.csv")
        assert (tmp_path / "other.csv").read_bytes() == text
    assert (tmp_path / "keys.csv").read_bytes() == before
    assert rows.Batch.objects.count() == 1


def test_an_unfinished_file_goes_on_only_with_its_own_order(world: World, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        mint_to_file(
            order=stock.order(),
            file=stock.file_at(tmp_path),
            house=stock.HOUSE,
            means=cast.means(),
            progress=stopping_at(4),
        )
    with pytest.raises(FileRefused, match="another order"):
        stock.minted(tmp_path, seats=6)


@pytest.mark.parametrize("damage", ["gone", "shorter", "another key", "another serial", "rubbish", "bytes"])
def test_a_file_whose_committed_part_is_damaged_releases_nothing_and_can_only_be_recalled(
    world: World, tmp_path: Path, damage: str
) -> None:
    with pytest.raises(Stopped):
        mint_to_file(
            order=stock.order(),
            file=stock.file_at(tmp_path),
            house=stock.HOUSE,
            means=cast.means(),
            progress=stopping_at(8),
        )
    (partial,) = tmp_path.iterdir()
    _damage(partial, damage)
    with pytest.raises(ExportLost):
        stock.minted(tmp_path)
    (batch,) = rows.Batch.objects.all()
    assert batch.minted == 8
    with pytest.raises(BatchStep):
        release_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    recall_batch(actor=SYSTEM, batch=batch.id, means=cast.means())
    assert stock.states(batch.id) == {"revoked": 8}
    with pytest.raises(BatchStep):
        stock.minted(tmp_path)


def _damage(partial: Path, damage: str) -> None:
    text = bytearray(partial.read_bytes())
    row = len("serial,key\n") + 3 * 43
    match damage:
        case "gone":
            text.clear()
        case "shorter":
            del text[row:]
        case "another key":
            text[row + 13], text[row + 14] = text[row + 14] ^ 1, text[row + 13] ^ 3
        case "another serial":
            text[row + 10] = ord("9") if text[row + 10] != ord("9") else ord("8")
        case "rubbish":
            text[row : row + 43] = b"\n" * 43
        case "bytes":
            text[row + 20] = 0xFF
    partial.write_bytes(text)


def test_two_minters_of_one_batch_never_both_go_on(world: World, tmp_path: Path) -> None:
    """Whoever comes second finds the count moved, keeps nothing, and cannot take the other's file."""
    batch = stock.planned()

    class Slow(Texts):
        def keep(self, chunk: Any) -> None:
            if chunk.first == 4:
                mint(batch=batch.id, texts=Texts(), means=cast.means())

    with pytest.raises(Contention):
        mint(batch=batch.id, texts=Slow(), means=cast.means())
    assert stock.states(batch.id) == {"minted": 10}
    assert stock.tags().count("batch:minted") == 1


def test_a_file_in_use_is_refused_to_a_second_process(world: World, tmp_path: Path) -> None:
    held = stock.file_at(tmp_path)
    held.begin(cast.new_id())
    with pytest.raises(FileRefused, match="another process"):
        stock.minted(tmp_path)
    held.close()


def test_a_batch_that_needs_a_second_person_keeps_its_place_until_one_came(world: World, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(SecondPersonNeeded) as refused:
            stock.minted(tmp_path, quantity=1_001)
    (batch,) = rows.Batch.objects.all()
    assert refused.value.facts["batch"] == str(batch.id)
    approve_batch(actor=world.duarte, batch=batch.id, house=stock.HOUSE, means=cast.means())
    assert stock.minted(tmp_path, quantity=1_001).batch.id == batch.id
    assert stock.agrees(tmp_path / "keys.csv") == 1_001


def test_a_refused_order_leaves_no_file_behind(world: World, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="seats_over_maximum"):
        stock.minted(tmp_path, seats=301)
    assert os.listdir(tmp_path) == []


def test_a_recall_stops_a_mint_at_its_next_chunk(world: World, tmp_path: Path) -> None:
    batch = stock.planned()

    def recall(done: int, _: int) -> None:
        if done == 4:
            recall_batch(actor=SYSTEM, batch=batch.id, means=cast.means())

    with pytest.raises(Contention):
        mint(batch=batch.id, texts=Texts(), means=cast.means(), progress=recall)
    assert stock.states(batch.id) == {"revoked": 4}


def test_a_book_batch_has_serials_and_no_secret(world: World, tmp_path: Path) -> None:
    batch = stock.planned(kind=Kind.BOOK)
    assert mint(batch=batch.id, texts=Texts(), means=cast.means()).stage is Stage.MINTED
    found = rows.Key.objects.values_list("digest", "pepper", "last_five").distinct()
    assert list(found) == [(None, None, None)]
    assert rows.Key.objects.count() == 10


# ── the random source, the pepper ──


def test_nothing_is_minted_from_a_random_source_that_is_stuck(world: World, tmp_path: Path) -> None:
    noon, block = cast.means(), os.urandom(21 * 4)
    for broken in (bytes, lambda count: block[:count]):
        means = Means(noon.now, noon.day, noon.new_id, broken, noon.digesters)
        file = stock.file_at(tmp_path, f"{cast.new_id()}.csv")
        with pytest.raises(RandomSourceBroken):
            mint_to_file(order=stock.order(), file=file, house=stock.HOUSE, means=means)
    assert rows.Key.objects.count() <= 4, "a chunk that was good may stand; what comes after it may not"


def test_a_key_that_exists_already_is_refused_with_its_whole_chunk(world: World, tmp_path: Path) -> None:
    entropy = os.urandom(21 * 10)
    noon = cast.means()
    replayed = Means(noon.now, noon.day, noon.new_id, lambda count: entropy[:count], noon.digesters)
    order = stock.order(quantity=3)
    mint_to_file(order=order, file=stock.file_at(tmp_path, "a.csv"), house=stock.HOUSE, means=replayed)
    with pytest.raises(DoubledKey):
        mint_to_file(order=order, file=stock.file_at(tmp_path, "b.csv"), house=stock.HOUSE, means=replayed)
    assert rows.Key.objects.count() == 3


def test_the_newest_pepper_mints_and_every_one_still_finds(world: World, tmp_path: Path) -> None:
    old, new = b64encode(b"o" * 32).decode(), b64encode(b"n" * 32).decode()
    before = _at_peppers(f"1:{old}")
    first = mint_to_file(order=stock.order(), file=stock.file_at(tmp_path, "a.csv"), house=stock.HOUSE, means=before)
    with pytest.raises(Stopped):
        mint_to_file(
            order=stock.order(),
            file=stock.file_at(tmp_path, "b.csv"),
            house=stock.HOUSE,
            means=before,
            progress=stopping_at(4),
        )
    after = _at_peppers(f"1:{old},2:{new}")
    mint_to_file(order=stock.order(), file=stock.file_at(tmp_path, "b.csv"), house=stock.HOUSE, means=after)
    for name in ("a.csv", "b.csv"):
        # Every text is looked at again, each under the pepper that its row says.
        assert mint_to_file(
            order=stock.order(), file=stock.file_at(tmp_path, name), house=stock.HOUSE, means=after
        ).again
    with acting(SYSTEM):
        uses = {use.version: use for use in queries.pepper_uses()}
        assert (uses[1].live, uses[2].live) == (14, 6)
        assert not uses[1].is_retirable
        queries.check_peppers(after.digesters)
        with pytest.raises(peppers.PepperMissing) as missing:
            queries.check_peppers(after.digesters[1:])
        assert missing.value.facts == {"versions": [1]}
        with pytest.raises(peppers.PepperChanged):
            queries.check_peppers(_at_peppers(f"1:{new},2:{old}").digesters)
    recall_batch(actor=SYSTEM, batch=first.batch.id, means=after)
    recall_batch(actor=SYSTEM, batch=stock.now_of(rows.Batch.objects.latest("number").id).id, means=after)
    with acting(SYSTEM):
        queries.check_peppers(after.digesters[1:])
        assert [use.is_retirable for use in queries.pepper_uses()] == [True, True]
    assert stock.tags().count("pepper:added") == 2


def test_a_changed_pepper_mints_nothing(world: World, tmp_path: Path) -> None:
    stock.minted(tmp_path)
    with pytest.raises(peppers.PepperChanged):
        mint_to_file(
            order=stock.order(),
            file=stock.file_at(tmp_path, "b.csv"),
            house=stock.HOUSE,
            means=_at_peppers("1:" + b64encode(b"x" * 32).decode()),
        )
    assert rows.Key.objects.count() == 10


def test_any_process_may_ask_whether_its_peppers_fit(world: World, tmp_path: Path) -> None:
    stock.minted(tmp_path)
    with acting(world.ana):
        queries.check_peppers(cast.digesters())
        with pytest.raises(peppers.PepperMissing):
            queries.check_peppers(_at_peppers("2:" + b64encode(b"x" * 32).decode()).digesters)


def _at_peppers(text: str) -> Means:
    noon = cast.means()
    return Means(noon.now, noon.day, noon.new_id, noon.random_bytes, wiring.digesters(text))


# ── in the background ──


def _begin(world: World, lock: Lock | None, **changes: Any) -> tuple[Any, Any]:
    vault = wiring.vault()
    with acting(world.duarte):
        batch = plan_batch(actor=world.duarte, order=stock.order(**changes), house=stock.HOUSE, means=cast.means())
        operation = begin_mint(
            actor=world.duarte, batch=batch, lock=lock, vault=vault, locksmith=stock.LOCKSMITH, means=cast.means()
        )
    return batch, operation


def _run(operation: Any, **changes: Any) -> bool:
    arguments = {"vault": wiring.vault(), "locksmith": stock.LOCKSMITH, "means": cast.means(), **changes}
    return run_mint(operation=operation, **arguments)


def _opened(sealed: bytes, open_part: Any) -> str:
    if sealed[:2] != b"PK":
        return str(open_part(sealed).decode())
    with zipfile.ZipFile(io.BytesIO(sealed)) as archive:
        parts = [open_part(archive.read(name)).decode() for name in sorted(archive.namelist())]
    return "serial,key\n" + "".join(part.removeprefix("serial,key\n") for part in parts)


def _lent(operation: Any) -> bytes | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT lent FROM operations_operation WHERE id = %s", (operation,))
        return cursor.fetchone()[0]


@pytest.mark.parametrize("quantity", [3, 10])
def test_a_mint_in_the_background_leaves_only_ciphertext_that_is_handed_out_once(
    world: World, tmp_path: Path, quantity: int
) -> None:
    identity = pyrage.x25519.Identity.generate()
    batch, operation = _begin(world, Lock(recipient=str(identity.to_public())), quantity=quantity)
    with acting(world.duarte):
        assert operations.progress(operation).state == "queued"
    assert _owed() == ["mint"]
    assert _run(operation)
    with acting(world.duarte):
        progress = operations.progress(operation)
    assert (progress.state, progress.done, progress.left) == ("done", quantity, 0)
    parts = -(-quantity // 4)
    assert progress.result == {"batch": identifiers.write("batch", batch.id), "parts": parts, "export": "ready"}
    assert _lent(operation) is None
    into = io.BytesIO()
    name = download_export(actor=world.duarte, batch=batch.id, into=into, means=cast.means())
    assert name.endswith(".csv.age" if parts == 1 else ".zip")
    (tmp_path / "keys.csv").write_text(_opened(into.getvalue(), lambda sealed: pyrage.decrypt(sealed, [identity])))
    assert stock.agrees(tmp_path / "keys.csv") == quantity
    with pytest.raises(NotFound):
        download_export(actor=world.duarte, batch=batch.id, into=io.BytesIO(), means=cast.means())
    assert stock.tags().count("export:downloaded") == 1


def test_a_passphrase_is_lent_sealed_and_gone_with_the_end(world: World, tmp_path: Path) -> None:
    batch, operation = _begin(world, Lock(passphrase=PASSPHRASE))
    lent = _lent(operation)
    assert lent is not None
    assert PASSPHRASE.encode() not in bytes(lent)
    assert _run(operation)
    assert _lent(operation) is None
    into = io.BytesIO()
    download_export(actor=world.duarte, batch=batch.id, into=into, means=cast.means())
    text = _opened(into.getvalue(), lambda sealed: pyrage.passphrase.decrypt(sealed, PASSPHRASE))
    (tmp_path / "keys.csv").write_text(text)
    assert stock.agrees(tmp_path / "keys.csv") == 10


def test_a_mint_in_the_background_goes_on_after_an_interruption(world: World, tmp_path: Path) -> None:
    batch, operation = _begin(world, Lock(passphrase=PASSPHRASE))
    with pytest.raises(Stopped):
        _run(operation, progress=stopping_at(8))
    assert stock.now_of(batch.id).minted == 8
    assert _run(operation)
    assert not _run(operation)
    into = io.BytesIO()
    download_export(actor=world.duarte, batch=batch.id, into=into, means=cast.means())
    (tmp_path / "keys.csv").write_text(
        _opened(into.getvalue(), lambda sealed: pyrage.passphrase.decrypt(sealed, PASSPHRASE))
    )
    assert stock.agrees(tmp_path / "keys.csv") == 10


def test_an_export_is_not_handed_out_before_its_batch_is_whole(world: World) -> None:
    batch, operation = _begin(world, Lock(passphrase=PASSPHRASE))
    with pytest.raises(Stopped):
        _run(operation, progress=stopping_at(4))
    with pytest.raises(NotFound):
        download_export(actor=world.duarte, batch=batch.id, into=io.BytesIO(), means=cast.means())
    assert rows.Export.objects.count() == 1


def test_parts_that_got_lost_end_the_work_and_erase_what_was_lent(world: World) -> None:
    _, operation = _begin(world, Lock(passphrase=PASSPHRASE))
    with pytest.raises(Stopped):
        _run(operation, progress=stopping_at(8))
    rows.Export.objects.filter(part=1).delete()
    assert not _run(operation)
    with acting(world.duarte):
        progress = operations.progress(operation)
    assert (progress.state, progress.fault) == ("failed", "export_lost")
    assert _lent(operation) is None


def test_an_export_that_nobody_fetched_is_dropped_after_a_day(world: World) -> None:
    batch, operation = _begin(world, Lock(passphrase=PASSPHRASE))
    _run(operation)
    assert drop_expired_exports(means=stock.later(hours=23, minutes=59)) == 0
    assert drop_expired_exports(means=stock.later(hours=24)) == 1
    assert drop_expired_exports(means=stock.later(hours=25)) == 0
    with pytest.raises(NotFound):
        download_export(actor=world.duarte, batch=batch.id, into=io.BytesIO(), means=cast.means())
    assert stock.tags().count("export:expired") == 1
    with acting(world.duarte):
        assert operations.progress(operation).result["export"] == "expired"


def test_a_large_mint_in_the_background_waits_for_its_second_person(world: World) -> None:
    batch, operation = _begin(world, Lock(passphrase=PASSPHRASE), quantity=1_001)
    assert _owed() == []
    assert not _run(operation)
    with acting(world.duarte):
        assert operations.progress(operation).state == "queued"
    approver = cast._member(world.vendor, "Filipa", "operator", world.duarte.kind)
    approve_batch(actor=approver, batch=batch.id, house=stock.HOUSE, means=cast.means())
    assert _owed() == ["mint"]
    assert _run(operation)
    assert stock.states(batch.id) == {"minted": 1_001}


def test_a_cancelled_mint_stops_before_its_next_commit(world: World) -> None:
    batch, operation = _begin(world, Lock(passphrase=PASSPHRASE))

    def stop(done: int, _: int) -> None:
        if done == 4:
            with acting(SYSTEM):
                cancel(operation=operation, now=cast.NOON)

    assert not _run(operation, progress=stop)
    assert stock.now_of(batch.id).minted == 4
    assert _lent(operation) is None


def test_no_mint_begins_without_somebody_who_can_read_it(world: World) -> None:
    with pytest.raises(Malformed):
        _begin(world, None)
    with pytest.raises(Malformed):
        _begin(world, Lock(passphrase="short"))
    with pytest.raises(Malformed):
        _begin(world, Lock(recipient="age1nobody"))
    with pytest.raises(Malformed):
        Lock(recipient="age1…", passphrase=PASSPHRASE)
    assert "cavalo" not in repr(Lock(passphrase=PASSPHRASE))
    assert not rows.Batch.objects.exists()


def test_partners_get_no_export(world: World) -> None:
    batch, operation = _begin(world, Lock(passphrase=PASSPHRASE), holder=world.reseller)
    _run(operation)
    for actor in (world.ana, world.dalila):
        with pytest.raises(NotAllowed):
            download_export(actor=actor, batch=batch.id, into=io.BytesIO(), means=cast.means())


def test_a_book_batch_is_minted_in_the_background_without_a_lock(world: World) -> None:
    batch, operation = _begin(world, None, kind=Kind.BOOK)
    assert _run(operation)
    assert stock.states(batch.id) == {"minted": 10}
    with acting(world.duarte):
        assert operations.progress(operation).result["export"] == ""


def _owed() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind FROM notices_owed ORDER BY id")
        return [kind for (kind,) in cursor.fetchall()]


# ── into an encrypted file ──


def test_the_command_line_mints_into_an_encrypted_file_and_goes_on_after_an_interruption(
    world: World, tmp_path: Path
) -> None:
    identity = pyrage.x25519.Identity.generate()

    def run(progress: Any = None) -> Any:
        return mint_sealed_to_file(
            order=stock.order(),
            lock=Lock(recipient=str(identity.to_public())),
            file=wiring.sealed_file(tmp_path / "keys.zip"),
            house=stock.HOUSE,
            vault=wiring.vault(),
            locksmith=stock.LOCKSMITH,
            means=cast.means(),
            progress=progress,
        )

    with pytest.raises(Stopped):
        run(stopping_at(4))
    batch = run()
    assert batch.stage is Stage.MINTED
    text = _opened((tmp_path / "keys.zip").read_bytes(), lambda sealed: pyrage.decrypt(sealed, [identity]))
    (tmp_path / "keys.csv").write_text(text)
    assert stock.agrees(tmp_path / "keys.csv") == 10
    assert not rows.Export.objects.exists()
    assert rows.Batch.objects.count() == 1
    with pytest.raises(FileRefused):
        run()
    assert sorted(os.listdir(tmp_path)) == ["keys.csv", "keys.zip"]
    assert settings.KEY_PEPPERS not in text
