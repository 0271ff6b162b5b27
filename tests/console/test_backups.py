"""`chaveiro backup`: the same rows again elsewhere, but for the personal values of whoever was erased since."""

from __future__ import annotations

import json
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import connection, connections, transaction

from chaveiro import wiring
from chaveiro.apps.closing.actions import backing_up
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import checkpoint, seal
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.backups import (
    LEFT_OUT,
    BackupDamaged,
    BackupLocked,
    BackupOfAnother,
    DatabaseNotEmpty,
)
from chaveiro.rules.datakeys import Whose
from chaveiro.rules.errors import Refusal
from chaveiro.rules.journal import CHECKPOINT_KIND, Checkpoint
from chaveiro.rules.peppers import PepperChanged, PepperMissing
from chaveiro.rules.platform_clock import Mark
from tests.cast import NOON, means
from tests.conftest import Server, connect_as_superuser, copy_of
from tests.console.backed_up import (
    ELSEWHERE,
    ITS_OWN,
    NEW_ENTRIES,
    PASSPHRASE,
    SOURCE,
    House,
    drop,
    exists,
    in_database,
    keys_in,
    manifest_of,
    more_rows,
    one,
    opened,
    rewrite,
    rows,
    rows_in,
)
from tests.console.shell import chaveiro, environment
from tests.isolation import world


@pytest.fixture(scope="module")
def house(
    server: Server, schema: str, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    data = tmp_path_factory.mktemp("installation")
    before = dict(connections["default"].settings_dict)
    copy_of(server, schema, SOURCE)
    connect_as_superuser(server, SOURCE)
    with django_db_blocker.unblock():
        ground = world.build()
        ours = ground.roles["administrator"]
        assert ours is not None
        assert ours.customer is not None
        more_rows(ours.customer, ours.account)
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM subscriptions_subscription WHERE customer_id = %s", [ours.customer])
            [(subscription,)] = cursor.fetchall()
            cursor.execute("SELECT id FROM customers_customer WHERE domain_prefix = 'oficinacarla'")
            [(other,)] = cursor.fetchall()
        with acting(SYSTEM):
            seal()
        with transaction.atomic():
            checkpoint(now=NOON, signer=wiring.keyring(), origin="https://keys.example.test")
        connections.close_all()
    made = House(server, data, data / "chaveiro.backup", ours.customer, subscription, other, django_db_blocker)
    ended = made.run("create", "--out", str(made.file))
    assert ended.code == 0, ended.err
    yield made
    connections["default"].settings_dict.update(before)
    drop(server, SOURCE)


@dataclass(frozen=True, slots=True)
class Restored:
    """The backup, brought back from nothing: roles, database, schema, rows."""

    database: str
    told: dict[str, Any]


@pytest.fixture(scope="module")
def restored(house: House) -> Iterator[Restored]:
    name = "chaveiro_restored"
    ended = house.restore(house.file, into=name)
    assert ended.code == 0, ended.err
    yield Restored(name, ended.json())
    drop(house.server, name)


@pytest.fixture
def elsewhere(house: House, schema: str) -> Iterator[str]:
    """An empty database with the schema, which takes less time than to make one; gone afterwards."""
    copy_of(house.server, schema, ELSEWHERE)
    yield ELSEWHERE
    drop(house.server, ELSEWHERE)


# --- the same rows again ---


def test_what_comes_back_equals_what_was_backed_up_row_for_row(house: House, restored: Restored) -> None:
    before, after = rows(house.server, SOURCE), rows(house.server, restored.database)
    assert sum(bool(found) for found in before.values()) > 30, "the world is too small to say anything"
    assert restored.told["erased_since"] == []
    assert restored.told["rows"] == manifest_of(house.file).rows
    for name in before.keys() - LEFT_OUT - ITS_OWN - {"notices_owed"}:
        assert after[name] == before[name], name
    assert [name for name in LEFT_OUT if after[name]] == []
    assert set(before["journal_entry"]) < set(after["journal_entry"])
    assert len(after["journal_entry"]) == len(before["journal_entry"]) + len(NEW_ENTRIES)


def test_what_was_owed_and_not_done_is_owed_again(house: House, restored: Restored) -> None:
    waiting = "SELECT count(*) FROM notices_owed WHERE kind = 'letter' AND relayed_at IS NULL"
    assert (one(house.server, SOURCE, waiting), one(house.server, restored.database, waiting)) == (0, 1)


def test_counters_go_on_where_they_were(house: House, restored: Restored) -> None:
    counters = manifest_of(house.file).sequences
    assert len(counters) > 10
    for sequence, last in counters.items():
        if sequence != "journal_entry_id_seq":  # the restore itself is an entry
            assert one(house.server, restored.database, f"SELECT last_value FROM {sequence}") == last


def test_after_a_restore_nothing_is_erased_for_seven_days(house: House, restored: Restored) -> None:
    day = manifest_of(house.file).day
    assert date.fromisoformat(restored.told["nothing_erased_before"]) >= day + timedelta(days=7)
    why = one(house.server, restored.database, "SELECT quiet_until || ' ' || quiet_why FROM clocks_platform")
    assert why == f"{restored.told['nothing_erased_before']} restored"


def test_the_walls_stand_again_and_the_journal_begins_a_new_era(house: House, restored: Restored) -> None:
    open_tables = (
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        " AND relrowsecurity AND NOT relforcerowsecurity"
    )
    assert one(house.server, restored.database, open_tables) == 0
    told = "SELECT array_agg(tag || ' ' || era ORDER BY id) FROM journal_entry WHERE era > 0"
    assert one(house.server, restored.database, told) == NEW_ENTRIES
    assert restored.told["era"] == 1


def test_check_finds_what_it_found_before_and_a_later_checkpoint_tells_of_the_loss(
    house: House, restored: Restored, tmp_path: Path
) -> None:
    """The journal holds after a restore; whoever kept a checkpoint that is newer than the backup sees what is gone."""

    def check(database: str) -> list[dict[str, Any]]:
        env = environment(DATA=str(tmp_path)) | house.server.environment(database, "check")
        found: list[dict[str, Any]] = chaveiro("check", "--json", env=env).json()["violations"]
        return found

    assert check(restored.database) == check(SOURCE)
    size = manifest_of(house.file).journal["sealed"] + 5
    claims = Checkpoint("https://keys.example.test", size, bytes(32), NOON).claims()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "later.jws").write_text(wiring.keyring().sign(claims, CHECKPOINT_KIND))
    (violation,) = [found for found in check(restored.database) if found["invariant"] == "H1"]
    assert str(size) in json.dumps(violation)


# --- whoever was erased stays erased ---


CANARIES = (
    "contacto@canario.example",
    "bruno@padariasol.example",
    "berta",
    "Canário",
    "canario@padariasol.example",
    "processo do canário",
)


def test_no_personal_value_of_a_customer_can_be_read_in_the_file(house: House) -> None:
    before = in_database(house.server, SOURCE)
    assert [canary for canary in CANARIES if canary not in before] == []
    plain = opened(house.file).decode()
    assert [canary for canary in CANARIES if canary in plain] == []
    assert "Norte Distribui" in plain, "what is nobody's personal value can be read"


def test_whose_key_was_destroyed_comes_back_without_their_personal_values(
    house: House, elsewhere: str, tmp_path: Path
) -> None:
    shutil.copytree(house.data / "data-keys", tmp_path / "data-keys")
    keys_in(tmp_path).destroy(Whose.CUSTOMER, house.ours)
    keys_in(tmp_path).destroy(Whose.SUBSCRIPTION, house.subscription)
    assert house.bring_back(house.file, tmp_path).erased == {house.ours, house.subscription}
    there = in_database(house.server, elsewhere)
    assert [canary for canary in CANARIES if canary in there] == []
    blank = f"SELECT name || tax_number || contact_email FROM customers_customer WHERE id = '{house.ours}'"
    assert one(house.server, elsewhere, blank) == ""
    named = "SELECT count(*) FROM identity_account WHERE login_name LIKE 'erased-%' AND email = ''"
    assert one(house.server, elsewhere, named) == 2
    of_them = f"customer_id = '{house.theirs}'"
    for table in ("identity_account", "customers_person", "redemption_redemption", "subscriptions_ledgerrow"):
        told = f"SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM {table} t WHERE {of_them}"
        assert one(house.server, elsewhere, told) == one(house.server, SOURCE, told)
        assert one(house.server, elsewhere, told) is not None


def test_a_backup_made_after_the_key_was_destroyed_has_the_blanks(house: House, tmp_path: Path) -> None:
    """Between the erasure of a row and the destruction of its key there may be a backup; after it there is nothing."""
    shutil.copytree(house.data / "data-keys", tmp_path / "data-keys")
    keys_in(tmp_path).destroy(Whose.CUSTOMER, house.ours)
    keys_in(tmp_path).destroy(Whose.SUBSCRIPTION, house.subscription)
    file = tmp_path / "later.backup"
    house.write(file, tmp_path)
    plain = opened(file).decode()
    assert [canary for canary in CANARIES if canary in plain] == []
    assert f"erased-{house.ours.hex}" not in plain
    assert "erased-" in plain


def test_keys_that_were_never_made_here_are_not_taken_for_destroyed_ones(
    house: House, elsewhere: str, tmp_path: Path
) -> None:
    shutil.copytree(house.data / "data-keys", tmp_path / "data-keys")
    for key in (tmp_path / "data-keys" / "customer").rglob(str(house.ours)):
        key.unlink()
    with pytest.raises(BackupOfAnother, match="never made here"):
        house.bring_back(house.file, tmp_path)
    assert rows_in(house.server, elsewhere) == 0


# --- what does not fit, and what is not whole ---


OTHER_SECRET = "YW5vdGhlciBwZXBwZXIsIG5vdCB0aGUgb25lIHRoYXQgbWludGVk"


@pytest.mark.parametrize(("pepper", "refusal"), [("1:", PepperChanged), ("2:", PepperMissing)])
def test_a_backup_fits_its_own_peppers_only(house: House, pepper: str, refusal: type[Refusal]) -> None:
    manifest, data_keys = manifest_of(house.file), keys_in(house.data).fingerprint()
    backing_up.check_fits(manifest=manifest, data_keys=data_keys, means=means())
    others = replace(means(), digesters=wiring.digesters(pepper + OTHER_SECRET))
    with pytest.raises(refusal):
        backing_up.check_fits(manifest=manifest, data_keys=data_keys, means=others)


def test_with_another_pepper_nothing_is_begun(house: House) -> None:
    ended = house.restore(house.file, KEY_PEPPERS="1:" + OTHER_SECRET)
    assert (ended.code, ended.refusal()["code"]) == (1, "pepper_changed")
    assert not exists(house.server, ELSEWHERE)


def test_with_the_data_keys_of_another_installation_nothing_is_begun(house: House, tmp_path: Path) -> None:
    ended = house.restore(house.file, data=tmp_path)
    assert (ended.code, ended.refusal()["code"]) == (1, "backup_of_another")
    assert not exists(house.server, ELSEWHERE)


def test_a_rehearsal_makes_and_changes_nothing(house: House, tmp_path: Path) -> None:
    assert house.restore(house.file, "--dry-run").json()["dry_run"] is True
    assert not exists(house.server, ELSEWHERE)
    told = house.run("create", "--out", str(tmp_path / "none"), "--dry-run", data=tmp_path)
    assert told.json()["rows"] == manifest_of(house.file).rows
    assert list(tmp_path.iterdir()) == []


def test_a_database_with_rows_is_left_as_it_is(house: House, restored: Restored) -> None:
    before = rows(house.server, restored.database)
    with pytest.raises(DatabaseNotEmpty):
        house.bring_back(house.file, house.data, into=restored.database)
    assert rows(house.server, restored.database) == before


def test_a_restore_that_is_stopped_leaves_the_database_empty(house: House, elsewhere: str, tmp_path: Path) -> None:
    """The last table's part does not open: everything before it is taken back."""
    manifest = manifest_of(house.file)
    last = [table for table in manifest.tables if table.parts][-1]
    assert last.name != manifest.tables[0].name
    broken = tmp_path / "broken.backup"
    lines = zlib.compress(b"not\ta row\n", wbits=31)
    rewrite(house.file, broken, {last.parts[0].name: lines})
    with pytest.raises(BackupDamaged):
        house.bring_back(broken, house.data)
    assert rows_in(house.server, elsewhere) == 0
    assert one(house.server, elsewhere, "SELECT count(*) FROM pg_class WHERE relforcerowsecurity") > 40


@pytest.mark.parametrize("what", ["byte", "cut", "extra", "manifest"])
def test_a_file_that_is_not_whole_is_refused(house: House, tmp_path: Path, what: str) -> None:
    file = tmp_path / "changed.backup"
    content = bytearray(house.file.read_bytes())
    if what == "byte":
        with tarfile.open(house.file) as tar:
            place = max(tar, key=lambda member: member.size if member.name.endswith(".gz") else 0)
            content[place.offset_data + place.size // 2] ^= 1
    file.write_bytes(content[: len(content) // 2] if what == "cut" else content)
    if what == "extra":
        with tarfile.open(file, "a") as tar:
            tar.add(__file__, "rows/keys_key/99999.gz")
    if what == "manifest":
        with tarfile.open(house.file) as old, tarfile.open(file, "w") as new:
            for member in old:
                if member.name != "manifest.jws":
                    new.addfile(member, old.extractfile(member))

    def look() -> None:
        with wiring.backup_reader(file, None) as reader:
            reader.manifest()
            reader.check(manifest_of(house.file))

    with pytest.raises(BackupDamaged):
        look()


def test_what_somebody_else_signed_is_refused_before_anything_is_made(house: House) -> None:
    key = Ed25519PrivateKey.generate()
    theirs = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for ended in (
        house.run("verify", str(house.file), SIGNING_KEYS=theirs),
        house.restore(house.file, SIGNING_KEYS=theirs),
    ):
        assert (ended.code, ended.refusal()["code"]) == (1, "backup_damaged")
    assert not exists(house.server, ELSEWHERE)


def test_a_whole_file_is_said_to_be_whole_with_the_published_keys_alone(house: House, tmp_path: Path) -> None:
    """No installation is needed, no secret, no database."""
    published = tmp_path / "jwks.json"
    published.write_text(json.dumps(wiring.keyring().jwks()))
    env = environment(DATA=str(tmp_path / "nothing"))
    ended = chaveiro("backup", "verify", str(house.file), "--keys", str(published), "--json", env=env)
    assert ended.code == 0, ended.err
    assert (ended.json()["valid"], ended.json()["opened"]) == (True, True)
    assert not (tmp_path / "nothing").exists()


def test_no_file_is_overwritten_and_none_is_left_half_done(house: House, tmp_path: Path) -> None:
    ended = house.run("create", "--out", str(house.file))
    assert (ended.code, ended.refusal()["code"]) == (1, "file_refused")
    refused = house.run("create", "--out", str(tmp_path / "new"), "--recipient", "age1nobody")
    assert refused.code == 2
    assert list(tmp_path.iterdir()) == []
    assert house.file.stat().st_mode & 0o777 == 0o600


# --- encrypted ---


def test_for_a_recipient_it_is_checked_as_it_lies_and_opened_with_the_identity(
    house: House, schema: str, tmp_path: Path
) -> None:
    identity, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    file, right, wrong = (tmp_path / name for name in ("b", "right", "wrong"))
    right.write_text(f"# created somewhere\n{identity}\n")
    wrong.write_text(str(other))
    assert house.run("create", "--out", str(file), "--recipient", str(identity.to_public())).code == 0
    assert b"Norte Distribui" not in file.read_bytes()
    assert house.run("verify", str(file)).json()["opened"] is False
    assert house.run("verify", str(file), "--identity", str(right)).json()["opened"] is True
    assert house.restore(file, "--identity", str(wrong)).refusal()["code"] == "backup_locked"
    assert not exists(house.server, ELSEWHERE)
    copy_of(house.server, schema, ELSEWHERE)
    ended = house.restore(file, "--identity", str(right))
    assert ended.code == 0, ended.err
    assert ended.json()["rows"] == manifest_of(file).rows
    drop(house.server, ELSEWHERE)


def test_under_a_passphrase_it_is_opened_with_that_one_alone(house: House, tmp_path: Path) -> None:
    file, right = tmp_path / "b", tmp_path / "right"
    right.write_text(PASSPHRASE + "\n")
    assert house.run("create", "--out", str(file), "--passphrase-file", str(right)).code == 0
    assert house.run("verify", str(file), "--passphrase-file", str(right)).json()["opened"] is True
    [first, *_] = manifest_of(file).parts
    for passphrase in (None, wiring.age_passphrase(PASSPHRASE + "!")):
        with pytest.raises(BackupLocked), wiring.backup_reader(file, passphrase) as reader:
            reader.lines(first)
    with tarfile.open(file) as tar:
        part = next(member for member in tar if member.name.endswith(".age"))
        found = tar.extractfile(part)
        assert found
        assert zlib.decompress(pyrage.passphrase.decrypt(found.read(), PASSPHRASE), wbits=31), (
            "any age program opens it"
        )


# --- until somebody has looked ---


def test_after_a_restore_no_notice_goes_before_an_operator_has_looked(
    house: House, elsewhere: str, tmp_path: Path
) -> None:
    house.bring_back(house.file, house.data)

    def why() -> str:
        return str(one(house.server, elsewhere, "SELECT quiet_why FROM clocks_platform"))

    def accept(*arguments: str) -> Any:
        env = environment(DATA=str(tmp_path)) | house.server.environment(elsewhere, "system")
        return chaveiro("backup", "accept", "--json", *arguments, env=env).json()["accepted"]

    day = "SELECT quiet_until FROM clocks_platform"
    until = one(house.server, elsewhere, day)
    assert Mark(None, None, until, why()).silent_on(until - timedelta(days=1))
    assert not Mark(None, None, until, why()).silent_on(until)
    assert (accept("--dry-run"), why()) == (True, "restored")
    assert (accept(), why()) == (True, "looked_at")
    assert (accept(), one(house.server, elsewhere, day)) == (False, until), "nothing is erased all the same"
    assert not Mark(None, None, until, why()).silent_on(until - timedelta(days=1))
