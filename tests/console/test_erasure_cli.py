"""Erasures, evidence and exports at the command line."""

from __future__ import annotations

import json
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest

from chaveiro.apps.clocks.models import Platform
from chaveiro.apps.closing.actions.erasing import erase_due
from chaveiro.apps.closing.models import Erasure, Evidence
from chaveiro.apps.journal.models import Entry
from chaveiro.rules import identifiers
from tests.apps.erasing_scene import DUE, ended, swept
from tests.cast import World, means
from tests.console.conftest import login_of
from tests.console.desk import Desk

pytestmark = pytest.mark.django_db


def test_what_is_due_is_listed_and_what_was_erased_has_a_certificate(world: World, desk: Desk, tmp_path: Path) -> None:
    scene = ended(world)
    swept(DUE - timedelta(days=1))
    [due] = desk.does("erasures", "due", "--ahead", "500")
    assert (due["due_on"], due["proof"]) == ("2028-03-21", None)
    erase_due(day=DUE, clock=None, means=means(DUE))
    [told] = desk.does("erasures", "list")
    assert told["subscription"] == identifiers.write("subscription", scene.subscription)
    signed = desk.does("erasures", "certificate", told["id"])["certificate"]
    assert signed.count(".") == 2
    pdf = tmp_path / "certificate.pdf"
    desk.does("erasures", "certificate", told["id"], "--pdf", str(pdf))
    assert pdf.read_bytes()[:5] == b"%PDF-"
    assert Platform.objects.get().day == DUE - timedelta(days=1)


def test_evidence_is_recorded_rehearsed_and_withdrawn(world: World, desk: Desk) -> None:
    scene = ended(world, told=False)
    subscription = identifiers.write("subscription", scene.subscription)
    words = ("subscriptions", "evidence", subscription, "--text", "Letter RR123", "--told-on", "2026-11-01")
    duarte = ("--as", login_of(world.duarte))
    assert desk.does(*words, *duarte, "--dry-run") == {"id": None, "dry_run": True}
    assert Evidence.objects.count() == 0
    made = desk.does(*words, *duarte)
    own = desk("subscriptions", "approve-evidence", made["id"], *duarte)
    assert (own.code, "evidence_unfit" in own.err) == (4, True)
    assert desk.does("subscriptions", "withdraw-evidence", made["id"], *duarte)["withdrawn_at"] is not None
    missing = desk("erasures", "allow", "--day", date(2026, 11, 22).isoformat(), *duarte)
    assert (missing.code, "nothing_to_allow" in missing.err) == (4, True)


def test_a_customer_s_data_go_into_one_file(world: World, desk: Desk, tmp_path: Path) -> None:
    scene = ended(world)
    customer, out = identifiers.write("customer", scene.customer), tmp_path / "all.zip"
    assert desk.does("org", "export", customer, "--out", str(out), "--dry-run")["rows"]["customers_customer"] == 1
    assert not out.exists()
    assert Entry.objects.filter(tag="customer:exported").count() == 0
    desk.does("org", "export", customer, "--out", str(out))
    assert out.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(out) as archive:
        assert json.loads(archive.read("customers_customer.json"))[0]["name"] == "Padaria Sol, Lda."
    again = desk("org", "export", customer, "--out", str(out))
    assert again.code == 2, "a file is never overwritten"
    assert desk("org", "export", "cus_" + "0" * 32, "--out", str(tmp_path / "x")).code == 3
    assert not (tmp_path / "x").exists()
    assert Erasure.objects.count() == 0
