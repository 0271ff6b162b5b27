"""Stock at the command line: ordered, minted into files, agreed to, sold, called back; single keys by serial."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.keys.actions import exports, files, minting
from chaveiro.apps.keys.models import Batch, Hold, Key
from chaveiro.apps.redemption.actions import drafting
from chaveiro.rules import serials
from chaveiro.rules.actors import ANONYMOUS, Kind
from chaveiro.rules.batches import Kind as BatchKind
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.exports import FileRefused
from tests import cast
from tests.apps import stock
from tests.cast import World, make_keys
from tests.conftest import Server
from tests.console.conftest import login_of
from tests.console.desk import Desk
from tests.console.shell import chaveiro, environment

ORDER = ("batches", "mint", "--product", "office-basic", "--seats", "5", "--months", "12")

NEWER_PEPPER = base64.b64encode(b"a newer pepper that only tests use").decode()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "keys.csv"


def mint(desk: Desk, out: Path, count: int = 3, *more: str) -> dict[str, object]:
    return desk.does(*ORDER, "--count", str(count), "--out", str(out), *more)


def test_a_mint_writes_serial_and_key_on_each_line_and_tells_the_batch(world: World, desk: Desk, out: Path) -> None:
    told = mint(desk, out, 3, "--country", "pt", "--country", "ES", "--activate-before", "2027-06-01")
    assert stock.agrees(out) == 3
    assert (told["count"], told["minted"], told["stage"], told["keys"]) == (3, 3, "minted", {"minted": 3})
    assert (told["countries"], told["activate_before"]) == (["PT", "ES"], "2027-06-01")
    assert (told["product"], told["seats"], told["months"], told["kind"]) == ("office-basic", 5, 12, "bearer")
    assert told["first_serial"] == out.read_text().splitlines()[1].split(",")[0]
    assert told["file"] == str(out)
    assert out.stat().st_mode & 0o777 == 0o600


def test_no_key_stands_in_what_the_command_prints(world: World, desk: Desk, out: Path) -> None:
    ended = desk.plainly(*ORDER, "--count", "3", "--out", str(out))
    assert ended.code == 0
    for _, key in stock.texts(out):
        assert key not in ended.out + ended.err
        assert key.replace("-", "") not in ended.out + ended.err


def test_the_same_command_again_mints_nothing_and_says_so(world: World, desk: Desk, out: Path) -> None:
    first = mint(desk, out)
    again = mint(desk, out)
    assert (first["again"], again["again"]) == (False, True)
    assert (again["id"], Batch.objects.count()) == (first["id"], 1)


def test_a_mint_that_was_interrupted_goes_on_when_it_is_run_again(
    world: World, desk: Desk, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (minting, files, exports):
        monkeypatch.setattr(module, "CHUNK_KEYS", 2)
    append = wiring.DiskKeyFile.append

    def full(file: wiring.DiskKeyFile, rows: bytes) -> None:
        if Batch.objects.get().minted:
            raise FileRefused(reason="the disk is full")
        append(file, rows)

    monkeypatch.setattr(wiring.DiskKeyFile, "append", full)
    code, refusal = desk.refuses(*ORDER, "--count", "5", "--out", str(out))
    assert (code, refusal["code"], out.exists()) == (1, "file_refused", False)
    assert Batch.objects.get().minted == 2
    monkeypatch.setattr(wiring.DiskKeyFile, "append", append)
    mint(desk, out, 5)
    assert (stock.agrees(out), Batch.objects.count()) == (5, 1)


def test_everything_that_is_wrong_with_an_order_is_told_at_once(world: World, desk: Desk, out: Path) -> None:
    wrong = ("--seats", "301", "--months", "0", "--count", "1000001", "--country", "DE", "--out", str(out))
    code, refusal = desk.refuses("batches", "mint", "--product", "office-basic", *wrong)
    assert [(error["pointer"], error["code"]) for error in refusal["errors"]] == [
        ("/seats", "seats_over_maximum"),
        ("/months", "malformed"),
        ("/count", "malformed"),
        ("/countries/0", "country_not_served"),
    ]
    assert (code, refusal["code"], refusal["maximum"], refusal["over_by"]) == (4, "seats_over_maximum", 300, 1)
    assert list(out.parent.iterdir()) == []


def test_stock_goes_to_a_partner_by_number_id_or_name(world: World, desk: Desk, tmp_path: Path) -> None:
    names = ("7000001", f"ptr_{world.distributor.hex}", "norte distribuição, lda.")
    for number, name in enumerate(names):
        told = mint(desk, tmp_path / f"{number}.csv", 1, "--to", name)
        assert told["holder_name"] == "Norte Distribuição, Lda."
    code, refusal = desk.refuses(*ORDER, "--count", "1", "--out", str(tmp_path / "x.csv"), "--to", "Ninguém, Lda.")
    assert (code, refusal["code"]) == (3, "not_found")


def test_an_unknown_product_is_not_found_and_a_day_must_be_one(world: World, desk: Desk, out: Path) -> None:
    unknown = ("batches", "mint", "--product", "office-none", "--seats", "1", "--months", "1", "--count", "1")
    assert desk.refuses(*unknown, "--out", str(out))[0] == 3
    code, refusal = desk.refuses(*ORDER, "--count", "1", "--out", str(out), "--activate-before", "amanhã")
    assert (code, refusal["code"], refusal["field"]) == (2, "malformed", "activate_before")
    assert desk(*ORDER, "--out", str(out)).code == 2


def test_a_file_that_is_there_is_never_overwritten(world: World, desk: Desk, out: Path) -> None:
    out.write_text("a poem")
    code, refusal = desk.refuses(*ORDER, "--count", "1", "--out", str(out))
    assert (code, refusal["code"], out.read_text()) == (1, "file_refused", "a poem")


def test_a_dry_run_tells_the_batch_and_leaves_nothing(world: World, desk: Desk, out: Path) -> None:
    told = mint(desk, out, 2, "--dry-run")
    assert (told["dry_run"], told["count"], told["minted"], told["stage"]) == (True, 2, 0, "planned")
    assert not Batch.objects.exists()
    assert list(out.parent.iterdir()) == []
    out.write_text("a poem")
    assert desk.refuses(*ORDER, "--count", "1", "--out", str(out), "--dry-run")[1]["code"] == "file_refused"


def test_a_book_batch_needs_no_file_and_has_no_secret(world: World, desk: Desk) -> None:
    told = desk.does(*ORDER, "--count", "4", "--kind", "book")
    assert (told["kind"], told["stage"], told["keys"], told["file"]) == ("book", "minted", {"minted": 4}, None)
    assert not Key.objects.exclude(digest=None).exists()
    planned = stock.planned(kind=BatchKind.BOOK)
    assert desk.does("batches", "mint", "--batch", str(planned.number))["stage"] == "minted"


def test_a_bearer_batch_needs_a_file(world: World, desk: Desk) -> None:
    code, refusal = desk.refuses(*ORDER, "--count", "1")
    assert (code, refusal["code"], refusal["field"]) == (4, "missing", "out")
    assert not Batch.objects.exists()


def test_a_mint_for_an_age_recipient_leaves_ciphertext_that_only_they_open(
    world: World, desk: Desk, tmp_path: Path
) -> None:
    filipa = pyrage.x25519.Identity.generate()
    out = tmp_path / "keys.csv.age"
    told = mint(desk, out, 3, "--recipient", str(filipa.to_public()))
    opened = pyrage.decrypt(out.read_bytes(), [filipa]).decode()
    (tmp_path / "opened.csv").write_text(opened)
    assert (stock.agrees(tmp_path / "opened.csv"), told["stage"]) == (3, "minted")
    code, refusal = desk.refuses(*ORDER, "--count", "1", "--out", str(tmp_path / "b"), "--recipient", "age1none")
    assert (code, refusal["field"]) == (2, "recipient")


def test_several_encrypted_parts_come_as_one_zip(
    world: World, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (minting, files, exports):
        monkeypatch.setattr(module, "CHUNK_KEYS", 2)
    filipa = pyrage.x25519.Identity.generate()
    mint(desk, tmp_path / "keys.zip", 3, "--recipient", str(filipa.to_public()))
    with zipfile.ZipFile(tmp_path / "keys.zip") as archive:
        assert archive.namelist() == ["part-0001.csv.age", "part-0002.csv.age"]


def test_a_passphrase_comes_from_stdin_or_a_file_and_never_from_a_flag(
    world: World, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "locksmith", lambda: stock.LOCKSMITH)
    secret = "cavalo bateria agrafo correto"
    out = tmp_path / "keys.csv.age"
    told = desk.does(*ORDER, "--count", "1", "--out", str(out), "--passphrase-file", "-", stdin=f"{secret}\n")
    assert pyrage.passphrase.decrypt(out.read_bytes(), secret).decode().startswith("serial,key\n")
    assert secret not in json.dumps(told)
    (tmp_path / "short").write_text("curta\n")
    code, refusal = desk.refuses(
        *ORDER, "--count", "1", "--out", str(tmp_path / "b"), "--passphrase-file", str(tmp_path / "short")
    )
    assert (code, refusal["field"]) == (2, "passphrase")
    assert desk(*ORDER, "--count", "1", "--out", str(tmp_path / "b"), "--passphrase", secret).code == 2


def test_more_than_a_thousand_keys_wait_for_another_operator_and_then_the_same_command_mints(
    world: World, desk: Desk, out: Path
) -> None:
    code, refusal = desk.refuses(*ORDER, "--count", "1001", "--out", str(out))
    assert (code, refusal["code"]) == (4, "second_person_needed")
    batch = refusal["batch"]
    assert desk.does("batches", "show", batch)["stage"] == "waiting"
    assert desk.refuses("batches", "approve", batch)[1]["code"] == "second_person_needed"
    assert desk.refuses("batches", "approve", batch, "--as", login_of(world.ana))[0] == 6
    assert desk.does("batches", "approve", batch, "--as", login_of(world.duarte), "--dry-run")["stage"] == "planned"
    assert desk.does("batches", "show", batch)["stage"] == "waiting"
    assert desk.does("batches", "approve", batch, "--as", login_of(world.duarte))["stage"] == "planned"
    assert mint(desk, out, 1001)["id"] == batch
    assert stock.agrees(out) == 1001


def test_a_batch_is_released_once_and_called_back_for_ever(world: World, desk: Desk, out: Path) -> None:
    batch = str(mint(desk, out)["id"])
    assert desk.does("batches", "release", batch, "--dry-run")["keys"] == {"released": 3}
    assert desk.does("batches", "show", batch)["keys"] == {"minted": 3}
    assert desk.does("batches", "release", batch)["stage"] == "released"
    assert desk.does("batches", "release", batch)["keys"] == {"released": 3}
    assert desk.does("batches", "recall", batch, "--dry-run")["keys"] == {"revoked": 3}
    assert desk.does("batches", "recall", batch)["keys"] == {"revoked": 3}
    code, refusal = desk.refuses("batches", "release", batch)
    assert (code, refusal["code"], refusal["stage"]) == (4, "batch_step_refused", "recalled")
    assert stock.tags().count("batch:released") == stock.tags().count("batch:recalled") == 1


def test_batches_are_listed_the_newest_first_and_shown_by_id_or_number(
    world: World, desk: Desk, tmp_path: Path
) -> None:
    made = [mint(desk, tmp_path / f"{count}.csv", count) for count in (1, 2, 3)]
    assert [batch["id"] for batch in desk.does("batches", "list")] == [batch["id"] for batch in reversed(made)]
    newest = desk.does("batches", "list", "--limit", "1")
    assert [batch["count"] for batch in newest] == [3]
    assert [batch["count"] for batch in desk.does("batches", "list", "--before", str(newest[0]["number"]))] == [2, 1]
    assert desk.does("batches", "show", str(made[1]["number"]))["id"] == made[1]["id"]
    for nothing in ("bat_" + "0" * 32, "99999", "sub_1", "batata"):
        assert desk.refuses("batches", "show", nothing)[0] == 3
    lines = desk.plainly("batches", "list").out.splitlines()
    assert (lines[0].split()[:3], len(lines)) == (["BATCH", "NUMBER", "PRODUCT"], 4)


def test_a_key_is_shown_and_found_without_its_text(world: World, desk: Desk, out: Path) -> None:
    mint(desk, out, 2)
    number, key = stock.texts(out)[0]
    told = desk.does("keys", "show", serials.group(serials.write(number)))
    assert (told["serial"], told["state"], told["last_five"]) == (serials.write(number), "minted", key[-5:])
    assert [one["serial"] for one in desk.does("keys", "find", key[-5:].lower())] == [serials.write(number)]
    assert desk.refuses("keys", "show", "1234")[0] == 2
    assert desk.refuses("keys", "show", serials.write(5))[0] == 3


def test_a_key_is_revoked_once(world: World, desk: Desk, out: Path) -> None:
    mint(desk, out, 2)
    serial = serials.write(stock.texts(out)[0][0])
    assert desk.does("keys", "revoke", serial, "--dry-run")["state"] == "revoked"
    assert desk.does("keys", "show", serial)["state"] == "minted"
    assert desk.does("keys", "revoke", serial)["state"] == "revoked"
    code, refusal = desk.refuses("keys", "revoke", serial)
    assert (code, refusal["code"]) == (4, "key_revoked")


def test_a_key_is_replaced_by_one_that_carries_the_same_and_is_for_sale(
    world: World, desk: Desk, tmp_path: Path
) -> None:
    batch = str(mint(desk, tmp_path / "keys.csv", 2)["id"])
    desk.does("batches", "release", batch)
    serial = serials.write(stock.texts(tmp_path / "keys.csv")[0][0])
    new = tmp_path / "new.csv"
    assert desk.does("keys", "replace", serial, "--out", str(new), "--dry-run")["stage"] == "planned"
    assert (new.exists(), Batch.objects.count()) == (False, 1)
    told = desk.does("keys", "replace", serial, "--out", str(new))
    (number, _), old = stock.texts(new)[0], desk.does("keys", "show", serial)
    assert (old["state"], old["replaced_by"]) == ("revoked", serials.write(number))
    assert (told["seats"], told["months"], told["keys"]) == (5, 12, {"released": 1})
    assert desk.does("keys", "replace", serial, "--out", str(new))["again"] is True
    code, refusal = desk.refuses("keys", "replace", serial, "--out", str(tmp_path / "third.csv"))
    assert (code, refusal["code"]) == (5, "key_replaced")


def test_a_replacement_that_was_killed_goes_on(
    world: World, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mint(desk, tmp_path / "keys.csv", 1)
    serial = serials.write(stock.texts(tmp_path / "keys.csv")[0][0])

    def killed(_file: wiring.DiskKeyFile) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(wiring.DiskKeyFile, "finish", killed)
        assert desk("keys", "replace", serial, "--out", str(tmp_path / "new.csv")).code == 130
    assert Batch.objects.filter(minted=1).count() == 2
    desk.does("keys", "replace", serial, "--out", str(tmp_path / "new.csv"))
    assert len(stock.texts(tmp_path / "new.csv")) == 1
    assert Batch.objects.count() == 2


def test_the_operator_breaks_a_hold(world: World, desk: Desk) -> None:
    (key,) = make_keys(world)
    code = ResumeCode.made(bytes(range(20)))
    holder = drafting.begin(actor=ANONYMOUS, means=cast.means(), code=code)
    drafting.keep_keys(actor=holder, code=code, texts=[key], sealer=wiring.sealer(), means=cast.means())
    serial = serials.write(Key.objects.get().number)
    assert desk.does("keys", "show", serial)["held_until"] == "2026-11-25T12:00:00.000Z"
    assert desk.does("keys", "break-hold", serial, "--dry-run")["held_until"] is None
    assert Hold.objects.count() == 1
    assert desk.does("keys", "break-hold", serial)["held_until"] is None
    assert desk.refuses("keys", "break-hold", serial)[0] == 3


def test_a_pepper_may_go_when_no_live_key_needs_it(
    world: World, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = str(mint(desk, tmp_path / "1.csv", 2)["id"])
    monkeypatch.setattr(settings, "KEY_PEPPERS", f"{settings.KEY_PEPPERS},2:{NEWER_PEPPER}")
    assert [(one["version"], one["live"], one["retirable"]) for one in desk.does("keys", "peppers")] == [
        (1, 2, False),
        (2, 0, False),
    ]
    desk.does("batches", "recall", batch)
    assert [(one["version"], one["revoked"], one["retirable"]) for one in desk.does("keys", "peppers")] == [
        (1, 2, True),
        (2, 0, False),
    ]


def test_a_refusal_is_said_in_the_language_of_the_terminal(world: World, desk: Desk) -> None:
    english = desk.plainly("batches", "show", "bat_" + "0" * 32)
    assert (english.code, english.err.split(":")[0]) == (3, "not_found")
    assert "We did not find this" in english.err
    desk.speaks("pt_PT.UTF-8")
    portuguese = desk.plainly("batches", "show", "bat_" + "0" * 32)
    assert "Não encontrámos" in portuguese.err
    desk.speaks("pt_PT.UTF-8")
    assert desk.plainly("batches", "show", "bat_" + "0" * 32, "--language", "en").err == english.err


@pytest.fixture
def installation(server: Server, real_database: str) -> Iterator[dict[str, str]]:
    """The environment of processes on rows that were really committed."""
    data = tempfile.mkdtemp(prefix="chv-")
    yield environment(DATA=data) | server.environment(real_database)
    shutil.rmtree(data)


def test_a_process_of_its_own_mints_releases_and_shows(
    installation: dict[str, str], real_database: str, tmp_path: Path
) -> None:
    cast.build_world()
    out = tmp_path / "keys.csv"
    ended = chaveiro(*ORDER, "--count", "2", "--out", str(out), "--json", env=installation)
    assert (ended.code, ended.err) == (0, "")
    batch = ended.json()["id"]
    assert stock.agrees(out) == 2
    assert chaveiro("batches", "release", batch, "--json", env=installation).json()["keys"] == {"released": 2}
    judged = chaveiro("keys", "judge", "--json", stdin=out.read_text(), env=installation)
    assert [one["verdict"] for one in judged.json()] == ["ok", "ok"]
    filipa = cast._member(Batch.objects.get().holder_id, "Filipa", "operator", Kind.OPERATOR)
    approved = chaveiro("batches", "approve", batch, "--as", login_of(filipa), "--json", env=installation)
    assert (approved.code, approved.refusal()["code"]) == (4, "batch_step_refused")


def test_a_mint_killed_with_nine_goes_on_and_no_serial_is_there_twice(
    installation: dict[str, str], tmp_path: Path
) -> None:
    cast.build_world()
    out, count = tmp_path / "keys.csv", 120_000
    words = (*ORDER, "--count", str(count), "--out", str(out), "--json")
    # In a sandbox a large batch needs no second person.
    env = installation | {"CHAVEIRO_SANDBOX": "1"}
    command = [sys.executable, "-m", "chaveiro.console.main", *words]
    minter = subprocess.Popen(command, env=env, cwd="/", stdout=subprocess.DEVNULL)
    while not Key.objects.exists() and minter.poll() is None:
        time.sleep(0.01)
    minter.kill()
    minter.wait()
    assert (out.exists(), 0 < Batch.objects.get().minted < count) == (False, True)
    ended = chaveiro(*words, env=env)
    assert (ended.code, ended.json()["minted"]) == (0, count), ended.err
    assert (stock.agrees(out), Batch.objects.count()) == (count, 1)
