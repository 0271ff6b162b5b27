"""Corrections at the command line, and the letters that a correction owes."""

from __future__ import annotations

import pytest
from django.db import connection

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.closing.models import Correction
from chaveiro.apps.redemption.models import Redemption
from chaveiro.console.effects import carry_out
from chaveiro.console.letters import Desk as LetterDesk
from chaveiro.rules import identifiers
from tests.cast import World, make_keys, means, open_customer
from tests.console.conftest import login_of
from tests.console.desk import Desk

pytestmark = pytest.mark.django_db


def test_a_redemption_is_moved_by_two_people_and_everybody_is_told(world: World, desk: Desk) -> None:
    _, wrong = open_customer(world, make_keys(world))
    _, right = open_customer(world, make_keys(world), "talholua")
    customer = identifiers.write("customer", right.customer)
    words = ("redemptions", "correct", wrong.reference, "--to", customer, "--reason", "Engano meu")
    rehearsed = desk.does(*words, "--dry-run")
    assert (rehearsed["dry_run"], rehearsed["moves"][0]["moved"]) == (True, 1825)
    assert not Correction.objects.exists()
    proposed = desk.does(*words, "--as", login_of(world.ana))
    [listed] = desk.does("redemptions", "corrections", "--waiting")
    assert listed["id"] == proposed["id"]
    refused = desk("redemptions", "approve-correction", proposed["id"])
    assert (refused.code, "second_operator_needed" in refused.err) == (4, True)
    done = desk.does("redemptions", "approve-correction", proposed["id"], "--as", login_of(world.duarte))
    assert Redemption.objects.get(reference=done["reference"]).corrects == wrong.id
    assert desk.does("redemptions", "show", wrong.reference)["corrected_to"] == done["reference"]
    _told_to_each()


def _told_to_each() -> None:
    office = MemoryPostOffice()
    letters = LetterDesk(office, means, "https://chaveiro.example", "Tagus", b"thirty-two bytes, only for tests")
    for kind in ("correction", "correction_letter"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM notices_owed WHERE kind = %s ORDER BY id", (kind,))
            owed = [number for (number,) in cursor.fetchall()]
        for number in owed * 2:  # a second run changes nothing
            carry_out(letters, number)
    # The wrong customer's administrator, the right one's, and Ana who redeemed.
    assert len(office.posted) == 3
    assert all("Engano meu" in message.text for message in office.posted)


def test_a_proposal_is_declined_with_a_reason(world: World, desk: Desk) -> None:
    _, wrong = open_customer(world, make_keys(world))
    _, right = open_customer(world, make_keys(world), "talholua")
    target = identifiers.write("subscription", right.effects[0].subscription)
    proposed = desk.does("redemptions", "correct", wrong.reference, "--to", target, "--reason", "Engano")
    assert Correction.objects.get().purpose == "extend"
    desk.does("redemptions", "decline-correction", proposed["id"], "--reason", "Não")
    assert Correction.objects.get().state == "declined"
