"""Redemptions at the command line: previewed, redeemed once for ever, shown, proven, taken back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from django.db import connection

from chaveiro.apps.customers.models import Customer
from chaveiro.apps.keys.models import Key
from chaveiro.apps.redemption.models import Redemption
from chaveiro.rules import identifiers
from tests.cast import World, administrator_of, build_world, make_keys, open_customer
from tests.conftest import Server
from tests.console.conftest import login_of
from tests.console.desk import Desk, acting_body, opening_body
from tests.console.shell import chaveiro, environment


@dataclass(frozen=True, slots=True)
class Ana:
    """Ana redeems: `ana(body, "k")` is the order in `body` under the idempotency key `k`."""

    desk: Desk
    login: str

    def __call__(self, body: str, key: str = "first", *more: str) -> dict[str, Any]:
        return self.desk.does(*self.words(key), *more, stdin=body)

    def words(self, key: str = "first") -> tuple[str, ...]:
        return "redemptions", "redeem", "-", "--as", self.login, "--idempotency-key", key


@pytest.fixture
def ana(world: World, desk: Desk) -> Ana:
    return Ana(desk, login_of(world.ana))


def test_keys_open_a_customer_with_every_field_of_the_contract(world: World, ana: Ana) -> None:
    told = ana(opening_body(make_keys(world, 2)))
    (opened,), (effect,) = told["subscriptions"], told["effects"]
    assert told["id"].startswith("red_")
    assert told["reference"].startswith("R-")
    assert opened == {
        "id": effect["subscription"],
        "customer": told["customer"],
        "product": "office-basic",
        "seats": 10,
        "ends_on": "2027-11-22",
        "last_day": "2027-11-21",
        "credit": 0,
        "stage": "active",
    }
    assert (effect["before"], effect["after"]["seats"]) == (None, 10)
    assert effect["sum"]["ends_on"] == "2027-11-22"
    assert Customer.objects.get().name == "Padaria Sol, Lda."


def test_a_preview_tells_the_same_effects_and_writes_nothing(world: World, desk: Desk, ana: Ana) -> None:
    body = opening_body(make_keys(world))
    seen = desk.does("redemptions", "preview", "-", "--as", ana.login, stdin=body)
    rehearsed = ana(body, "first", "--dry-run")
    assert (seen["id"], rehearsed["dry_run"], Redemption.objects.count()) == (None, True, 0)
    done = ana(body)
    assert done["fingerprint"] == seen["fingerprint"] == rehearsed["fingerprint"]
    assert [one["after"] for one in done["effects"]] == [one["after"] for one in seen["effects"]]


def test_the_same_command_again_tells_the_same_redemption(world: World, ana: Ana) -> None:
    body = opening_body(make_keys(world))
    first, again = ana(body), ana(body)
    assert {**again, "replayed": None} == {**first, "replayed": None}
    assert (again["replayed"], "replayed" in first, Redemption.objects.count()) == (True, False, 1)


def test_another_order_under_the_same_idempotency_key_is_a_conflict(world: World, desk: Desk, ana: Ana) -> None:
    ana(opening_body(make_keys(world)))
    code, refusal = desk.refuses(*ana.words(), stdin=opening_body(make_keys(world), "outra"))
    assert (code, refusal["code"], Redemption.objects.count()) == (5, "idempotency_mismatch", 1)


def test_the_attestation_says_that_it_was_given_at_the_command_line(world: World, ana: Ana) -> None:
    ana(opening_body(make_keys(world)), "first", "--language", "pt")
    assert Redemption.objects.get().attestation == {
        "wording": "2026-11",
        "language": "pt-pt",
        "address": "",
        "agent": "chaveiro on the command line",
        "at": "2026-11-22T12:00:00+00:00",
    }


def test_the_administrator_adds_and_extends_from_a_file(world: World, desk: Desk, tmp_path: Path, ana: Ana) -> None:
    opened = ana(opening_body(make_keys(world)))["subscriptions"][0]
    bruno = login_of(administrator_of(identifiers.read("customer", opened["customer"])))
    order = tmp_path / "order.json"
    order.write_text(acting_body("add", make_keys(world), opened["id"]))
    told = desk.does("redemptions", "redeem", str(order), "--as", bruno, "--idempotency-key", "add")
    assert (told["effects"][0]["before"]["seats"], told["effects"][0]["after"]["seats"]) == (5, 10)
    order.write_text(acting_body("extend", make_keys(world), opened["id"], seats_after={"office-basic": 5}))
    told = desk.does("redemptions", "redeem", str(order), "--as", bruno, "--idempotency-key", "extend")
    assert told["effects"][0]["after"]["seats"] == 5


def test_a_sum_that_changed_is_a_conflict_and_spends_nothing(world: World, desk: Desk, ana: Ana) -> None:
    body = opening_body(make_keys(world), fingerprint="0" * 16)
    for words in (("redemptions", "preview", "-", "--as", ana.login), ana.words()):
        code, refusal = desk.refuses(*words, stdin=body)
        assert (code, refusal["code"]) == (5, "sum_changed")
    assert not Redemption.objects.exists()


def test_every_fault_of_an_order_is_told_at_once_with_its_place(world: World, desk: Desk, ana: Ana) -> None:
    body = opening_body(["", "84G7Z-WYRD6"], "x", attestation=False)
    _, refusal = desk.refuses("redemptions", "preview", "-", "--as", ana.login, stdin=body)
    assert [(fault["pointer"], fault["code"]) for fault in refusal["errors"]] == [
        ("/attestation", "attestation_missing"),
        ("/customer/domain_prefix", "malformed"),
        ("/keys/0", "key_empty"),
        ("/keys/1", "key_length"),
    ]
    lines = desk.plainly("redemptions", "preview", "-", "--as", ana.login, stdin=body).err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["/attestation", "/customer/domain_prefix", "/keys/0", "/keys/1"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ("[]", [""]),
        ('{"purpose": "steal", "keys": "all", "colour": 1}', ["/colour", "/purpose", "/keys"]),
        ('{"purpose": "open", "keys": [1], "attestation": "yes"}', ["/keys/0", "/attestation"]),
        ('{"keys": []}', ["/purpose"]),
    ],
)
def test_a_body_that_is_not_of_its_form_is_usage_and_says_where(
    world: World, desk: Desk, ana: Ana, body: str, pointers: list[str]
) -> None:
    code, refusal = desk.refuses("redemptions", "preview", "-", "--as", ana.login, stdin=body)
    assert [fault["pointer"] for fault in refusal["errors"]] == pointers
    assert code == (2 if refusal["code"] == "malformed" else 4)


def test_a_body_that_is_no_json_is_usage(world: World, desk: Desk, ana: Ana) -> None:
    for body in ("{", "\ud800".encode(errors="surrogatepass"), b"\xff\xfe"):
        code, refusal = desk.refuses("redemptions", "preview", "-", "--as", ana.login, stdin=body)
        assert (code, refusal["code"], refusal["field"]) == (2, "malformed", "body")
    assert desk.refuses("redemptions", "preview", "/nowhere/x.json", "--as", ana.login)[0] == 2


def test_who_redeems_must_be_named_and_exist(world: World, desk: Desk, ana: Ana) -> None:
    body = opening_body(make_keys(world))
    assert desk("redemptions", "preview", "-", stdin=body).code == 2
    assert desk.refuses("redemptions", "preview", "-", "--as", "ninguem@example.test", stdin=body)[0] == 3


def test_a_customer_of_somebody_else_is_not_found(world: World, desk: Desk) -> None:
    _, outcome = open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="oficinacarla")
    subscription = f"sub_{outcome.effects[0].subscription.hex}"
    body = acting_body("extend", make_keys(world), subscription)
    assert desk.refuses("redemptions", "preview", "-", "--as", login_of(carla), stdin=body)[0] == 3


def test_redemptions_are_listed_and_shown_by_reference_or_id(world: World, desk: Desk, ana: Ana) -> None:
    first = ana(opening_body(make_keys(world)))
    second = ana(opening_body(make_keys(world), "outra"), "second")
    assert [one["id"] for one in desk.does("redemptions", "list")] == [second["id"], first["id"]]
    assert [one["id"] for one in desk.does("redemptions", "list", "--limit", "1")] == [second["id"]]
    told = desk.does("redemptions", "show", first["reference"].lower())
    assert (told["id"], told["customer_name"], told["country"]) == (first["id"], "Padaria Sol, Lda.", "PT")
    assert (len(told["keys"]), told["partner"]["registration_number"]) == (1, "1234567")
    assert desk.does("redemptions", "show", first["id"]) == told
    for nothing in ("R-0000-0000", "red_" + "0" * 32, "red_x"):
        assert desk.refuses("redemptions", "show", nothing)[0] == 3
    assert first["reference"] in desk.plainly("redemptions", "list").out
    assert told["keys"][0]["serial"] in desk.plainly("redemptions", "show", first["reference"]).out


def test_a_redemption_is_taken_back_once_with_a_reason(world: World, desk: Desk, ana: Ana) -> None:
    made = ana(opening_body(make_keys(world)))
    reference = made["reference"]
    rehearsed = desk.does("redemptions", "reverse", reference, "--reason", "Cliente errado", "--dry-run")
    assert (rehearsed["dry_run"], Key.objects.get().state) == (True, "redeemed")
    told = desk.does("redemptions", "reverse", reference, "--reason", "Cliente errado")
    assert (told["customer_closed"], len(told["keys"]), Key.objects.get().state) == (True, 1, "released")
    assert desk.does("redemptions", "show", reference)["reversal_reason"] == "Cliente errado"
    code, refusal = desk.refuses("redemptions", "reverse", reference, "--reason", "Outra vez")
    assert (code, refusal["code"]) == (5, "already_reversed")
    assert desk("redemptions", "reverse", reference).code == 2
    assert desk.refuses("redemptions", "reverse", "R-0000-0000", "--reason", "x")[0] == 3


def test_a_replay_says_that_it_was_reversed_since(world: World, desk: Desk, ana: Ana) -> None:
    body = opening_body(make_keys(world))
    reference = ana(body)["reference"]
    desk.does("redemptions", "reverse", reference, "--reason", "Cliente errado")
    again = ana(body)
    assert (again["reference"], again["reversed_at"] is None) == (reference, False)


def test_a_partner_reverses_within_its_days_and_only_its_own(world: World, desk: Desk, ana: Ana) -> None:
    reference = ana(opening_body(make_keys(world)))["reference"]
    words = ("redemptions", "reverse", reference, "--reason", "Cliente errado", "--as")
    assert desk.refuses(*words, login_of(world.rui))[0] in (3, 6)
    desk.on(date(2026, 11, 26))
    code, refusal = desk.refuses(*words, ana.login)
    assert (code, refusal["code"], refusal["until"]) == (4, "reversal_too_late", "2026-11-25")
    desk.on(date(2026, 11, 25))
    assert desk.does(*words, ana.login)["reference"] == reference


def test_a_signed_receipt_is_checked_offline(world: World, desk: Desk, ana: Ana, tmp_path: Path) -> None:
    made = ana(opening_body(make_keys(world)))
    signed = desk.plainly("redemptions", "receipt", made["reference"]).out.strip()
    assert desk.does("redemptions", "receipt", made["id"]) == {"receipt": signed}
    keys, receipt = tmp_path / "jwks.json", tmp_path / "receipt.jws"
    keys.write_text(desk.plainly("redemptions", "jwks").out)
    receipt.write_text(signed)
    ended = chaveiro("redemptions", "verify", str(receipt), "--keys", str(keys), "--json")
    assert (ended.code, ended.err) == (0, "")
    claims = ended.json()["claims"]
    assert (claims["reference"], claims["customer"]["name"]) == (made["reference"], "Padaria Sol, Lda.")
    protected, payload, signature = signed.split(".")
    flattened = json.dumps({"protected": protected, "payload": payload, "signature": signature})
    assert chaveiro("redemptions", "verify", "-", "--keys", str(keys), stdin=flattened).code == 0


def test_a_receipt_is_written_as_pdf_in_either_language(world: World, desk: Desk, ana: Ana, tmp_path: Path) -> None:
    made = ana(opening_body(make_keys(world)))
    for language, words in (("pt-pt", "1 chave resgatada para Padaria Sol"), ("en", "1 key redeemed for Padaria Sol")):
        file = tmp_path / f"{language}.pdf"
        asked = ("redemptions", "receipt", made["reference"], "--pdf", str(file), "--language", language)
        assert desk.does(*asked) == {"pdf": str(file)}
        document = pypdfium2.PdfDocument(file)
        assert words in document[0].get_textpage().get_text_range()
        document.close()
    nowhere = str(tmp_path / "none" / "receipt.pdf")
    assert desk.refuses("redemptions", "receipt", made["reference"], "--pdf", nowhere)[0] == 2


def test_a_receipt_that_was_changed_or_is_another_s_is_not_valid(
    world: World, desk: Desk, ana: Ana, tmp_path: Path
) -> None:
    made = ana(opening_body(make_keys(world)))
    signed = desk.plainly("redemptions", "receipt", made["reference"]).out.strip()
    keys = tmp_path / "jwks.json"
    keys.write_text(desk.plainly("redemptions", "jwks").out)
    verify = ("redemptions", "verify", "-", "--keys", str(keys))
    for text in (signed[:-4] + "AAAA", signed.replace(".", ".e", 1), "not a receipt", ""):
        code, refusal = desk.refuses(*verify, stdin=text)
        assert (code, refusal["code"]) == (1, "signature_invalid")
    keys.write_text('{"keys": []}')
    assert desk.refuses(*verify, stdin=signed)[1]["code"] == "signature_invalid"
    keys.write_text('{"keys": 1}')
    assert desk.refuses(*verify, stdin=signed)[0] == 2
    keys.write_text("no json")
    assert desk.refuses(*verify, stdin=signed)[0] == 2
    assert desk.refuses("redemptions", "verify", "-", "--keys", str(tmp_path / "none"), stdin=signed)[0] == 2


@pytest.fixture
def installation(server: Server, real_database: str) -> Iterator[dict[str, str]]:
    """The environment of processes on rows that were really committed."""
    data = tempfile.mkdtemp(prefix="chv-")
    yield environment(DATA=data) | server.environment(real_database)
    shutil.rmtree(data)


def test_one_key_presented_by_several_processes_at_once_is_redeemed_once(installation: dict[str, str]) -> None:
    world = build_world()
    (key,) = make_keys(world)
    login = login_of(world.ana)
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "chaveiro.console.main", "redemptions", "redeem", "-"),
                *("--as", login, "--idempotency-key", f"k{number}", "--json"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=installation,
            cwd="/",
        )
        for number in range(3)
    ]
    ended = []
    for number, process in enumerate(started):
        _, err = process.communicate(opening_body([key], f"padaria{number}").encode(), timeout=60)
        ended.append((process.returncode, json.loads(err)["code"] if err else "done"))
    assert sorted(ended) == [(0, "done"), (4, "key_redeemed"), (4, "key_redeemed")]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM redemption_line")
        assert cursor.fetchone() == (1,)
