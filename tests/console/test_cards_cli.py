"""`chaveiro cards`, batches with cards, releases of some serials, recalls with a reason: at the command line."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pypdfium2
import pyrage
import pytest
import zxingcpp

from chaveiro import wiring
from chaveiro.apps.keys.models import Batch, Key
from chaveiro.console import startup
from chaveiro.rules import keys, serials
from chaveiro.rules.batches import House
from chaveiro.rules.keys import find_all
from tests import cast
from tests.apps import stock
from tests.cast import World, make_keys
from tests.console.conftest import login_of
from tests.console.desk import Desk
from tests.console.shell import chaveiro, environment

ORDER = ("batches", "mint", "--product", "office-basic", "--seats", "5", "--months", "12")
TOLD = ("--product", "Escritório Essencial", "--product-en", "Office Essentials", "--seats", "5", "--months", "12")
KEY = "84G7Z-WYRD6-Z1RV0-WHE6M-14GA6"

pytestmark = pytest.mark.django_db


@pytest.fixture
def minted(world: World, desk: Desk, tmp_path: Path) -> Path:
    """Twelve keys in a file, to be redeemed before June."""
    out = tmp_path / "keys.csv"
    desk.does(*ORDER, "--count", "12", "--out", str(out), "--activate-before", "2027-06-01")
    return out


@pytest.fixture(autouse=True)
def entered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command goes to the database itself, where it must."""
    processes: list[str] = []
    monkeypatch.setattr(startup, "enter", processes.append)
    return processes


def text_of(pdf: Path) -> str:
    document = pypdfium2.PdfDocument(pdf.read_bytes())
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def codes_of(pdf: Path | bytes) -> list[str]:
    document = pypdfium2.PdfDocument(pdf if isinstance(pdf, bytes) else pdf.read_bytes())
    return [code.text for page in document for code in zxingcpp.read_barcodes(page.render(scale=3).to_pil())]


def test_a_card_is_scanned_and_its_key_redeemed(world: World, desk: Desk, minted: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "cards.pdf"
    told = desk.does("cards", str(minted), "--out", str(pdf))
    assert (told["cards"], told["sheets"]) == (12, 2)
    assert pdf.stat().st_mode & 0o777 == 0o600
    desk.does("batches", "release", str(Batch.objects.get().number))
    scanned = codes_of(pdf)
    assert len(scanned) == 12
    assert all(code.startswith("http://localhost:8000/r#") for code in scanned)
    reading = find_all(scanned[0].partition("#")[2])
    assert [each.code for each in reading] == ["ok"]
    bruno, _ = cast.open_customer(world, [scanned[0].partition("#")[2]])
    assert bruno.customer is not None
    assert Key.objects.filter(state="redeemed").count() == 1


def test_the_text_of_the_cards_is_that_of_the_file_and_both_languages_stand_there(
    world: World, desk: Desk, minted: Path, tmp_path: Path
) -> None:
    pdf = tmp_path / "cards.pdf"
    ended = desk.plainly("cards", str(minted), "--out", str(pdf))
    text = text_of(pdf)
    for number, key in stock.texts(minted):
        assert text.count(key) == 1
        assert serials.group(serials.write(number)) in text
        assert key not in ended.out + ended.err
    for words in (
        "5 licenças durante 12 meses",
        "5 licences for 12 months",
        "Resgatar até 31 de maio de 2027 (inclusive)",
        "Redeem by 31 May 2027 (inclusive)",
    ):
        assert text.count(words) == 12, words


def test_a_file_with_a_key_beside_another_keys_serial_is_not_printed(
    world: World, desk: Desk, minted: Path, tmp_path: Path
) -> None:
    rows = minted.read_text().splitlines()
    swapped = [rows[0], f"{rows[1][:12]},{rows[2][13:]}", *rows[3:]]
    code, refused = desk.refuses("cards", "-", "--out", str(tmp_path / "c.pdf"), stdin="\n".join(swapped))
    assert (code, refused["code"]) == (2, "malformed")
    assert rows[1][:12] in refused["reason"]
    assert not (tmp_path / "c.pdf").exists()


def test_nothing_is_overwritten_and_a_rehearsal_writes_nothing(
    world: World, desk: Desk, minted: Path, tmp_path: Path
) -> None:
    pdf = tmp_path / "cards.pdf"
    assert desk.does("cards", str(minted), "--out", str(pdf), "--dry-run")["cards"] == 12
    assert not pdf.exists()
    pdf.write_text("mine")
    assert desk.refuses("cards", str(minted), "--out", str(pdf))[1]["code"] == "file_refused"
    assert pdf.read_text() == "mine"


def test_some_serials_are_printed_and_foreign_ones_refused(
    world: World, desk: Desk, minted: Path, tmp_path: Path
) -> None:
    first = Batch.objects.get().first_number
    span = f"{serials.write(first + 1)}-{serials.write(first + 2)}"
    told = desk.does("cards", str(minted), "--out", str(tmp_path / "some.pdf"), "--serials", span)
    assert told["cards"] == 2
    foreign = f"{serials.write(900 + first)},{KEY}"
    assert desk.refuses("cards", "-", "--out", str(tmp_path / "no.pdf"), stdin=foreign)[0] == 3


def test_what_is_told_is_not_looked_up(desk: Desk, entered: list[str], tmp_path: Path) -> None:
    row = f"{serials.write(10_000_000_000)},{KEY}"
    pdf = tmp_path / "cards.pdf"
    told = desk.does("cards", "-", "--out", str(pdf), *TOLD, "--url", "https://chaves.exemplo.pt", stdin=row)
    assert told["product"] == {"pt": "Escritório Essencial", "en": "Office Essentials"}
    assert entered == []
    assert codes_of(pdf) == [f"https://chaves.exemplo.pt/r#{KEY}"]


def test_cards_need_no_database_and_no_installation(tmp_path: Path) -> None:
    row = f"{serials.write(10_000_000_000)},{KEY}"
    pdf = tmp_path / "cards.pdf"
    env = environment(DATA=str(tmp_path / "nothing"))
    ended = chaveiro("cards", "-", "--out", str(pdf), *TOLD, stdin=row, env=env)
    assert ended.code == 0, ended.err
    assert text_of(pdf).count(KEY) == 1
    assert KEY not in ended.out + ended.err


def test_more_cards_than_a_file_holds_are_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("chaveiro.console.cards.CARDS_AT_MOST", 1)
    rows = "\n".join(f"{serials.write(10_000_000_000 + place)},{KEY}" for place in range(2))
    code, refused = desk.refuses("cards", "-", "--out", str(tmp_path / "c.pdf"), *TOLD, stdin=rows)
    assert (code, refused["code"], refused["count"], refused["most"]) == (4, "too_many_cards", 2, 1)


def test_a_sealed_mint_puts_cards_beside_the_keys(world: World, desk: Desk, tmp_path: Path) -> None:
    out, secret = tmp_path / "keys.zip.age", tmp_path / "secret"
    secret.write_text("broa de milho e manteiga\n")
    told = desk.does(*ORDER, "--count", "3", "--out", str(out), "--passphrase-file", str(secret), "--cards")
    assert told["cards"] is True
    plain = pyrage.passphrase.decrypt(out.read_bytes(), "broa de milho e manteiga")
    archive = zipfile.ZipFile(io.BytesIO(plain))
    rows = archive.read("keys.csv").decode().splitlines()[1:]
    assert sorted(code.partition("#")[2] for code in codes_of(archive.read("cards.pdf"))) == sorted(
        row.split(",")[1] for row in rows
    )
    ended = desk(*ORDER, "--count", "3", "--out", str(tmp_path / "plain"), "--cards")
    assert ended.code == 2


def test_some_serials_are_released_and_a_whole_batch_passes_on(world: World, desk: Desk, minted: Path) -> None:
    batch = Batch.objects.get()
    span = f"{serials.write(batch.first_number)}-{serials.write(batch.first_number + 4)}"
    dry = desk.does("batches", "release", str(batch.number), "--serials", span, "--dry-run")
    assert (dry["keys"], stock.states(batch.id)) == ({"released": 5, "minted": 7}, {"minted": 12})
    told = desk.does("batches", "release", str(batch.number), "--serials", span)
    assert told["keys"] == {"released": 5, "minted": 7}
    late = desk.refuses("batches", "release", str(batch.number), "--to", "7000001")
    assert late[1]["code"] == "holder_refused"
    assert desk.does("batches", "release", str(batch.number))["keys"] == {"released": 12}
    assert stock.tags().count("batch:released") == 2


def test_a_batch_passes_to_its_holder_as_it_is_released(world: World, desk: Desk, minted: Path) -> None:
    told = desk.does("batches", "release", str(Batch.objects.get().number), "--to", "7000001")
    assert told["holder_name"] == "Norte Distribuição, Lda."


def test_a_recall_keeps_its_reason_without_any_key_in_it(world: World, desk: Desk, minted: Path) -> None:
    key = stock.texts(minted)[0][1]
    told = desk.does("batches", "recall", str(Batch.objects.get().number), "--reason", f"perdida: {key}")
    assert told["recall_reason"].startswith("perdida:")
    assert key not in told["recall_reason"]


def test_many_keys_for_sale_are_recalled_by_two_at_the_command_line_too(
    world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "house", House)
    make_keys(world, 1_001)
    number = str(Batch.objects.get().number)
    asked = desk.does("batches", "recall", number, "--reason", "furto")
    assert (asked["stage"], asked["recall_asked_at"] is not None) == ("released", True)
    assert desk.refuses("batches", "recall", number)[1]["code"] == "second_person_needed"
    done = desk.does("batches", "recall", number, "--as", login_of(world.duarte))
    assert (done["stage"], done["keys"]) == ("recalled", {"revoked": 1_001})
    assert stock.tags()[-2:] == ["batch:recall_asked", "batch:recalled"]
    assert keys.KEY_SYMBOLS == 25
