"""Blocks and policies at the command line, and the letters that a block owes."""

from __future__ import annotations

import pytest
from django.db import connection

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.catalog.models import Policy, PolicyAdoption, PolicyDraft
from chaveiro.apps.subscriptions.models import Block, Subscription
from chaveiro.console.effects import carry_out
from chaveiro.console.letters import Desk as LetterDesk
from chaveiro.rules import identifiers
from tests.cast import World, make_keys, means, open_customer
from tests.console.conftest import login_of
from tests.console.desk import Desk

pytestmark = pytest.mark.django_db
REASON = "Falta pagar a encomenda"


def opened(world: World) -> str:
    _bruno, outcome = open_customer(world, make_keys(world))
    return identifiers.write("subscription", Subscription.objects.get(customer_id=outcome.customer).id)


def post() -> dict[str, str]:
    """Carry out what blocks owe, each twice; the text of each letter by its reader."""
    office = MemoryPostOffice()
    letters = LetterDesk(office, means, "https://chaveiro.example", "Tagus", b"thirty-two bytes, only for tests")
    for kind in ("block", "block_letter"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM notices_owed WHERE kind = %s ORDER BY id", (kind,))
            owed = [number for (number,) in cursor.fetchall()]
        for number in owed * 2:  # a second run changes nothing
            carry_out(letters, number)
    told = {message.to: message.text for message in office.posted}
    assert len(told) == len(office.posted)
    return told


def test_a_block_is_put_seen_and_lifted_and_a_dry_run_leaves_nothing(world: World, desk: Desk) -> None:
    subscription = opened(world)
    words = ("blocks", "put", subscription, "--kind", "abuse", "--reason", REASON)
    rehearsed = desk.does(*words, "--dry-run")
    assert (rehearsed["dry_run"], rehearsed["id"], Block.objects.count()) == (True, None, 0)
    put = desk.does(*words)
    assert (put["holder"], put["lifted_by"], put["stops_use"]) == ("operator", "operator", True)
    [shown] = desk.does("subscriptions", "show", subscription)["blocks"]
    assert (shown["id"], shown["kind"], shown["reason"]) == (put["id"], "abuse", REASON)
    refused = desk(*words)
    assert (refused.code, "block_stands" in refused.err) == (4, True)
    assert desk.does("blocks", "lift", put["id"])["lifted_on"] == "2026-11-22"
    assert desk.does("blocks", "list", subscription) == []
    assert len(desk.does("blocks", "list", subscription, "--lifted")) == 1


def test_a_partner_s_block_is_not_the_machine_s_to_lift(world: World, desk: Desk) -> None:
    subscription = opened(world)
    words = ("blocks", "put", subscription, "--kind", "unpaid", "--reason", REASON, "--as", login_of(world.ana))
    put = desk.does(*words)
    refused = desk("blocks", "lift", put["id"])
    assert (refused.code, "not_your_block" in refused.err) == (4, True)
    assert desk("blocks", "lift", put["id"], "--as", login_of(world.rui)).code == 3
    desk.does("blocks", "lift", put["id"], "--as", login_of(world.ana))


def test_the_customer_s_administrator_and_the_partner_are_told_with_the_reason(world: World, desk: Desk) -> None:
    subscription = opened(world)
    put = desk.does("blocks", "put", subscription, "--kind", "unpaid", "--reason", REASON)
    told = post()
    assert set(told) == {"bruno@padariasol.example", "ana@example.test"}
    for text in told.values():
        flat = " ".join(text.split())
        assert "Office Basic, subscrição de Padaria Sol, Lda., está bloqueada desde 22 de novembro de 2026" in flat
        assert f"Motivo: {REASON}" in flat
        assert "Foi Tagus que o colocou, e só Tagus o pode levantar." in flat
        assert f"/subscriptions/{subscription}" in flat
    desk.does("blocks", "lift", put["id"])
    assert all("foi levantado em" in " ".join(text.split()) for text in post().values())


def test_a_policy_is_drafted_weighed_published_and_followed(world: World, desk: Desk) -> None:
    opened(world)
    rehearsed = desk.does("policies", "draft", "standard", "--set", "retention_days=150", "--dry-run")
    assert (rehearsed["typed"]["retention_days"], PolicyDraft.objects.count()) == ("150", 0)
    desk.does("policies", "draft", "standard", "--set", "retention_days=150", "--set", "notice_days=60,30")
    counted = desk.does("policies", "whatif", "standard")
    assert (counted["subscriptions"], counted["erased"]) == (1, {"earlier": 0, "later": 1})
    [row] = desk.does("policies", "whatif", "standard", "--list")
    assert row["erases_on"] == {"before": "2028-03-21", "after": "2028-04-20"}
    assert desk.does("policies", "publish", "standard", "--dry-run")["version"] == 2
    assert Policy.objects.count() == 1
    assert desk.does("policies", "publish", "standard")["products"] == ["office-basic", "office-one", "office-plus"]
    assert [each["version"] for each in desk.does("policies", "list")] == [2]
    assert desk.does("policies", "adopt", "standard", "--dry-run")["what_if"]["takes_nothing_away"]
    assert not PolicyAdoption.objects.exists()
    proposed = desk.does("policies", "adopt", "standard")["adoption"]
    refused = desk("policies", "approve", proposed["id"])
    assert (refused.code, "second_operator_needed" in refused.err) == (4, True)
    assert desk.does("policies", "approve", proposed["id"], "--as", login_of(world.duarte))["state"] == "approved"
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM notices_owed WHERE kind = 'policy_adoption'")
        [(number,)] = cursor.fetchall()
    letters = LetterDesk(MemoryPostOffice(), means, "https://chaveiro.example", "Tagus", b"only for tests, 32 bytes")
    carry_out(letters, number)
    assert set(Subscription.objects.values_list("policy__version", flat=True)) == {2}
    shown = desk.does("policies", "show", "standard")
    assert ([each["version"] for each in shown["versions"]], shown["draft"]) == ([2, 1], None)
    assert (shown["adoptions"][0]["state"], shown["adoptions"][0]["moved"]) == ("done", 1)
    carry_out(letters, number)


def test_a_draft_that_does_not_fit_is_told_field_by_field_and_can_be_dropped(world: World, desk: Desk) -> None:
    refused = desk("policies", "draft", "standard", "--set", "grace_days=muitos")
    assert (refused.code, "grace_days" in refused.err) == (2, True)
    assert PolicyDraft.objects.get().typed["grace_days"] == "muitos"
    assert desk("policies", "publish", "standard").code == 2
    assert desk("policies", "draft", "standard", "--set", "sabor=doce").code == 2
    desk.does("policies", "drop", "standard", "--dry-run")
    assert PolicyDraft.objects.exists()
    desk.does("policies", "drop", "standard")
    assert desk("policies", "drop", "standard").code == 3
