"""The vendor's desk: one box finds all; everything about a redemption, a customer, a partner; for operators alone."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.customers.models import Customer
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.actions import checkpoint, seal
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.keys.models import Key
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption.models import Redemption
from chaveiro.rules import identifiers, serials
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.journal import CHECKPOINT_KIND, Checkpoint
from chaveiro.rules.keys import read
from chaveiro.web import health
from tests.cast import World, build_world, make_keys, means, open_customer
from tests.web.conftest import signed_in, text_of, where
from tests.web.desk import at_desk, dora

# The day's redemption, at noon; pages are asked for at the same noon.
PAGES = (
    "/home",
    "/desk/search",
    "/desk/redemptions",
    "/desk/corrections",
    "/desk/corrections?state=all",
    "/desk/customers",
    "/desk/partners",
    "/desk/partners/add",
    "/desk/operators",
    "/desk/operators/add",
    "/desk/journal",
    "/desk/journal/checkpoint",
    "/desk/state",
)


def ids(world: World) -> tuple[dict[str, str], list[str]]:
    """A redemption of Ana's, and the addresses of everything that it touches; its key texts."""
    texts = make_keys(world, 2)
    _, outcome = open_customer(world, texts)
    number = Key.objects.order_by("number").first().number
    return {
        "key": f"/desk/keys/{serials.write(number)}",
        "revoke": f"/desk/keys/{serials.write(number)}/revoke",
        "redemption": f"/desk/redemptions/{outcome.reference}",
        "reverse": f"/desk/redemptions/{outcome.reference}/reverse",
        "correct": f"/desk/redemptions/{outcome.reference}/correct",
        "customer": f"/desk/customers/{identifiers.write('customer', outcome.customer)}",
        "partner": f"/desk/partners/{identifiers.write('partner', world.reseller)}",
        "person": f"/desk/partners/{identifiers.write('partner', world.reseller)}/people/add",
        "reference": outcome.reference,
    }, texts


def found(browser: Client, text: str) -> Any:
    """What the box leads to: the search by POST, then by its address."""
    answer = browser.post("/desk/search", {"q": text})
    if answer.status_code == 303 and where(answer).startswith("/desk/search"):
        return browser.get(where(answer))
    return answer


@pytest.mark.parametrize("language", ["pt", "en"])
def test_every_page_of_the_desk_is_made_in_both_languages(world: World, language: str) -> None:
    places, _texts = ids(world)
    browser = at_desk(world.duarte)
    if language == "en":
        browser.post("/language", {"switch_to": "en", "next": "/"})
    for path in (*PAGES, *(place for name, place in places.items() if name not in ("reference", "revoke"))):
        answer = browser.get(path)
        assert answer.status_code == 200, (path, text_of(answer)[:3000])
        assert text_of(answer).count("<h1") == 1, path


def test_nobody_but_an_operator_learns_that_there_is_a_desk(world: World, pt: Client) -> None:
    places, _texts = ids(world)
    signed_in(pt, world.ana)
    for path in (*PAGES[1:], *(place for name, place in places.items() if name != "reference")):
        assert pt.get(path).status_code == 404, path


def test_a_stranger_is_led_to_sign_in(world: World, pt: Client) -> None:
    assert where(pt.get("/desk/customers")).startswith("/sign-in")


@pytest.mark.parametrize(
    ("asked", "leads"),
    [
        ("padaria", "customer"),
        ("PADARIA sol", "customer"),
        ("padariasol", "customer"),
        ("bruno@padariasol.example", "customer"),
        ("reference", "redemption"),
        ("serial", "key"),
        ("1234567", "partner"),
        ("Sol Inf", "partner"),
    ],
)
def test_what_is_found_alone_is_led_to(world: World, asked: str, leads: str) -> None:
    places, _texts = ids(world)
    asked = {"reference": places["reference"].lower(), "serial": places["key"].rpartition("/")[2]}.get(asked, asked)
    answer = found(at_desk(world.duarte), asked)
    assert answer.status_code == 303, text_of(answer)
    assert where(answer).partition("?")[0] == places[leads]


def test_ids_tax_numbers_and_last_five_lead_there_too(world: World) -> None:
    places, texts = ids(world)
    Customer.objects.update(tax_number="501 234 567")
    browser = at_desk(world.duarte)
    assert where(found(browser, "501234567")).startswith("/desk/customers/")
    assert where(found(browser, "PT501.234.567")).startswith("/desk/customers/")
    redemption = identifiers.write("redemption", Redemption.objects.get().id)
    assert where(found(browser, redemption)).startswith(places["redemption"])
    assert where(found(browser, texts[0].replace("-", "")[-5:].lower())).startswith("/desk/keys/")


def test_a_whole_key_leads_to_its_serial_and_stands_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    _places, texts = ids(world)
    browser = at_desk(world.duarte)
    answer = browser.post("/desk/search", {"q": f"  {texts[1].lower()} "})
    assert answer.status_code == 303
    plain = read(texts[1]).canonical
    assert plain is not None
    shown = browser.get(where(answer))
    for said in (answer["Location"], text_of(shown), caplog.text):
        assert plain not in said.replace("-", "").upper()
    assert texts[1][-5:] in text_of(shown)
    mistyped = texts[1][:-1] + ("0" if texts[1][-1] != "0" else "1")
    unknown = browser.post("/desk/search", {"q": mistyped})
    assert unknown.status_code == 200
    assert mistyped.replace("-", "") not in text_of(unknown).replace("-", "")
    by_address = browser.get("/desk/search", {"q": texts[1]})
    assert by_address.status_code == 303
    assert plain not in by_address["Location"].replace("-", "")


def test_a_key_that_is_for_sale_is_revoked_with_a_reason(world: World) -> None:
    make_keys(world)
    number = Key.objects.get().number
    browser, address = at_desk(world.duarte), f"/desk/keys/{serials.write(number)}"
    assert browser.post(f"{address}/revoke", {"reason": ""}).status_code == 422
    assert Key.objects.get().state == "released"
    assert browser.post(f"{address}/revoke", {"reason": "lost"}).status_code == 303
    assert Key.objects.get().state == "revoked"
    assert Entry.objects.get(tag="key:revoked").facts["why"] == "lost"
    assert browser.get(f"{address}/revoke").status_code == 303  # nothing is left to be done


def test_a_redemption_is_reversed_with_a_reason_after_its_effects_were_shown(world: World) -> None:
    places, _texts = ids(world)
    browser = at_desk(world.duarte)
    shown = text_of(browser.get(places["reverse"]))
    assert "Padaria Sol, Lda." in shown
    assert browser.post(places["reverse"], {"reason": " "}).status_code == 422
    assert Redemption.objects.get().reversed_at is None
    assert browser.post(places["reverse"], {"reason": "Cliente errado"}).status_code == 303
    assert Redemption.objects.get().reversed_at is not None
    assert "Cliente errado" in text_of(browser.get(places["redemption"]))
    assert 'name="reason"' not in text_of(browser.get(places["reverse"]))


def test_a_correction_is_proposed_at_the_desk_and_approved_by_somebody_else(world: World) -> None:
    places, _texts = ids(world)
    _, right = open_customer(world, make_keys(world), "talholua")
    customer = identifiers.write("customer", right.customer)
    browser = at_desk(world.duarte)
    chosen = text_of(browser.get(f"{places['correct']}?words=talholua"))
    assert customer in chosen
    shown = text_of(browser.get(f"{places['correct']}?customer={customer}&purpose=open"))
    assert "3.650" in shown.replace("\xa0", ".") or "3650" in shown
    sent = browser.post(places["correct"], {"customer": customer, "purpose": "open", "reason": "Cliente errado"})
    assert sent.status_code == 303, text_of(sent)
    address = where(sent)
    own = text_of(browser.get(address))
    assert 'value="approve"' not in own  # whoever proposed does not approve
    assert browser.post(f"{address}/settle", {"do": "approve"}).status_code == 422
    second = at_desk(dora(world))
    page = text_of(second.get(address))
    assert 'value="approve"' in page
    assert second.post(f"{address}/settle", {"do": "approve"}).status_code == 303
    assert Redemption.objects.filter(customer_id=right.customer, corrects__isnull=False).exists()
    assert text_of(second.get(address)).count("R-") > 1
    assert second.get(f"/desk/redemptions/{places['reference']}").status_code == 200


def test_a_partner_proposes_and_an_operator_declines(world: World, pt: Client) -> None:
    places, _texts = ids(world)
    _, right = open_customer(world, make_keys(world), "talholua")
    customer = identifiers.write("customer", right.customer)
    ana = signed_in(pt, world.ana)
    address = f"/receipts/{places['reference']}/correct"
    assert customer in text_of(ana.get(address))
    sent = ana.post(address, {"customer": customer, "purpose": "open", "reason": "Engano meu"})
    assert sent.status_code == 303, text_of(sent)
    assert "A correção foi proposta." in text_of(ana.get(where(sent)))
    desk = at_desk(world.duarte)
    waiting = text_of(desk.get("/desk/corrections"))
    assert places["reference"] in waiting
    correction = waiting.partition("/desk/corrections/cor_")[2].partition('"')[0]
    settle = f"/desk/corrections/cor_{correction}/settle"
    assert desk.post(settle, {"do": "decline", "reason": ""}).status_code == 422
    assert desk.post(settle, {"do": "decline", "reason": "O cliente é o certo"}).status_code == 303
    assert Redemption.objects.filter(corrects__isnull=False).count() == 0


def test_a_partner_is_registered_and_its_first_person_invited(world: World) -> None:
    browser = at_desk(world.duarte)
    empty = browser.post("/desk/partners/add", {"kind": "reseller", "name": "", "country": "", "language": "pt-pt"})
    assert empty.status_code == 422
    named = {"kind": "reseller", "name": "Rio Digital, Lda.", "country": "PT", "language": "pt-pt"}
    added = browser.post("/desk/partners/add", named)
    assert added.status_code == 303, text_of(added)
    made = Organisation.objects.get(name="Rio Digital, Lda.")
    assert made.registration_number in text_of(browser.get(where(added)))
    person = {"given_name": "Eva", "family_name": "Melo", "email": "eva@rio.example", "role": "owner"}
    assert browser.post(f"{where(added)}/people/add", person | {"email": "eva"}).status_code == 422
    invited = browser.post(f"{where(added)}/people/add", person)
    assert invited.status_code == 303, text_of(invited)
    account = Account.objects.get(email="eva@rio.example")
    assert (account.kind, account.organisation_id) == ("channel", made.id)
    assert Owed.objects.filter(kind="ownership", facts__account=str(account.id)).count() == 1
    again = browser.post(f"{where(added)}/people/{account.id.hex}/send")
    assert again.status_code == 303
    assert Owed.objects.filter(kind="ownership", facts__account=str(account.id)).count() == 2


def test_an_operator_is_added_and_closed_by_another_and_never_by_themselves(world: World) -> None:
    browser = at_desk(world.duarte)
    person = {"given_name": "Eva", "family_name": "Melo", "email": "eva@example.test"}
    assert browser.post("/desk/operators/add", person).status_code == 303
    eva = Account.objects.get(email="eva@example.test")
    assert eva.kind == "operator"
    assert "Eva Melo" in text_of(browser.get("/desk/operators"))
    assert browser.post(f"/desk/operators/{eva.id.hex}/close").status_code == 303
    assert Account.objects.get(id=eva.id).closed_at is not None
    assert isinstance(world.duarte.account, UUID)
    assert browser.post(f"/desk/operators/{world.duarte.account.hex}/close").status_code == 404


def test_the_ownership_letter_is_sent_again_to_who_has_not_taken_it(world: World) -> None:
    places, _texts = ids(world)
    browser = at_desk(world.duarte)
    page = text_of(browser.get(places["customer"]))
    send = page.partition('action="')[2] and next(
        part.partition('"')[0] for part in page.split('action="')[1:] if "/send" in part.partition('"')[0]
    )
    before = Owed.objects.filter(kind="ownership").count()
    assert browser.post(send).status_code == 303
    assert Owed.objects.filter(kind="ownership").count() == before + 1
    assert Entry.objects.filter(tag="ownership:sent").count() == 1
    Account.objects.filter(email="bruno@padariasol.example").update(owned_at=means().now)
    assert browser.post(send).status_code == 422
    assert "/send" not in text_of(browser.get(places["customer"]))


def test_an_entry_is_shown_with_its_proof_and_the_journal_is_taken_along(real_database: str, noon: None) -> None:
    world = build_world()
    _, outcome = open_customer(world, make_keys(world))
    browser = at_desk(world.duarte)
    with acting(SYSTEM):
        seal()
        signed = checkpoint(now=means().now, signer=wiring.keyring(), origin="https://example.test")
    assert signed is not None
    page = text_of(browser.get("/desk/journal?about=redemption"))
    assert outcome.reference in page
    assert browser.get("/desk/journal/1").status_code == 200
    proof = browser.get("/desk/journal/1.json").json()
    assert (proof["number"], proof["size"], proof["root"]) == (1, signed.size, signed.root.hex())
    lines = b"".join(browser.get("/desk/journal.jsonl").streaming_content).decode().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(1, signed.size + 1))
    table = b"".join(browser.get("/desk/journal.csv").streaming_content).decode()
    assert table.count("\r\n") == signed.size + 1
    assert browser.get(f"/desk/journal/{signed.size + 1}").status_code == 404
    holds = browser.post("/desk/journal/checkpoint", {"checkpoint": signed.signature})
    assert "outcome" in text_of(holds)
    assert browser.post("/desk/journal/checkpoint", {"checkpoint": signed.signature[:-3]}).status_code == 422
    with acting(SYSTEM):
        longer = Checkpoint("https://example.test", signed.size + 9, signed.root, means().now)
    ahead = wiring.keyring().sign(longer.claims(), CHECKPOINT_KIND)
    assert "outcome" not in text_of(browser.post("/desk/journal/checkpoint", {"checkpoint": ahead}))


def test_the_state_names_what_is_wrong_and_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = at_desk(world.duarte)
    monkeypatch.setattr(health, "reasons_against", lambda: iter(["walls_open"]))
    page = text_of(browser.get("/desk/state"))
    assert "walls_open" in page
    assert "chaveiro doctor" in page
    for secret in (wiring.settings.KEY_PEPPERS.partition(":")[2], wiring.settings.SECRET_KEY):
        assert secret not in page
