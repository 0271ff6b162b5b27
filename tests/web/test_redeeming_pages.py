"""The redemption on its pages: every key judged at once, nothing typed lost, redeemed once."""

from __future__ import annotations

import json
import re
from typing import Any

import psycopg
import pytest
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.keys.models import Hold
from chaveiro.apps.redemption.actions import committing
from chaveiro.apps.redemption.models import Draft, Redemption
from chaveiro.rules.errors import Contention, OutcomeUnknown
from chaveiro.rules.receipts import RECEIPT_KIND
from chaveiro.web.redeem import confirm
from tests.cast import World, make_keys, open_customer
from tests.web.conftest import ENGLISH, PORTUGUESE, signed_in, text_of
from tests.web.journey import (
    PADARIA,
    begin,
    confirm_it,
    fingerprint_of,
    heading,
    keys_are_right,
    leads_to,
    path,
    problems_of,
    send_keys,
    send_organisation,
    to_confirm,
    to_organisation,
    typo,
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]


def test_the_whole_journey_in_portuguese_gives_a_receipt_that_stays_the_same(world: World, pt: Client) -> None:
    fingerprint = to_confirm(pt, *make_keys(world, 3))
    page = pt.get(path(pt, "confirm"))
    assert "Resgatar 3 chaves para Padaria Sol, Lda." in text_of(page)
    assert "válida até 21 de novembro de 2027 (inclusive)" in text_of(page)
    assert "5\u00a0475 dias de licença divididos por 15 licenças dão 365 dias a cada uma" in text_of(page)
    assert "«Confirmo que estou autorizado a resgatar estas chaves em nome da organização»" in text_of(page)
    assert leads_to(confirm_it(pt, fingerprint)) == "receipt"
    page = pt.get(path(pt, "receipt"))
    assert heading(page) == "3 chaves resgatadas para Padaria Sol, Lda."
    assert Redemption.objects.get().reference in text_of(page)
    for again in ("receipt", "keys", "confirm", "organisation", "later"):
        assert text_of(pt.get(path(pt, again), follow=True)).count(Redemption.objects.get().reference) > 0
    assert Redemption.objects.get().reference in text_of(pt.get("/redeem/receipt", follow=True))
    assert leads_to(confirm_it(pt, fingerprint)) == "receipt"
    assert Redemption.objects.count() == 1


def test_the_journey_in_english_says_the_same(world: World, en: Client) -> None:
    fingerprint = to_confirm(en, make_keys(world)[0])
    page = text_of(en.get(path(en, "confirm")))
    assert "Redeem 1 key for Padaria Sol, Lda." in page
    assert "valid until 21 November 2027 (inclusive)" in page
    confirm_it(en, fingerprint)
    assert heading(en.get(path(en, "receipt"))) == "1 key redeemed for Padaria Sol, Lda."
    assert Redemption.objects.get().attestation["language"] == "en"


def test_the_declaration_is_kept_with_wording_language_instant_address_and_agent(world: World) -> None:
    browser = Client(headers={**PORTUGUESE, "User-Agent": "Netscape 4"})
    fingerprint = to_confirm(browser, make_keys(world)[0])
    confirm_it(browser, fingerprint)
    kept = Redemption.objects.get().attestation
    assert kept["wording"] == "2026-11"
    assert (kept["language"], kept["address"], kept["agent"]) == ("pt-pt", "127.0.0.1", "Netscape 4")
    assert (kept["acting_for"], kept["attested_at"]) == ("own", "2026-11-22T12:00:00+00:00")
    assert (kept["confirmed_language"], kept["confirmed_agent"]) == ("pt-pt", "Netscape 4")


def test_nobody_goes_on_without_saying_for_whom_and_that_they_may(world: World, pt: Client) -> None:
    draft = pt.post("/redeem")["Location"].removesuffix("/attest")
    page = pt.post(f"{draft}/attest", {})
    assert page.status_code == 422
    assert problems_of(page) == [
        ("#acting_for", "Selecione em nome de quem atua."),
        ("#attestation", "Confirme que está autorizado a resgatar estas chaves em nome da organização."),
    ]
    for name in ("keys", "check", "purpose", "organisation", "confirm"):
        assert pt.get(f"{draft}/{name}")["Location"] == f"{draft}/attest"
        assert pt.post(f"{draft}/{name}", {"key": make_keys(world), "do": "next"})["Location"] == f"{draft}/attest"
    assert Hold.objects.count() == 0


def test_nothing_is_lost_on_another_device(world: World, pt: Client, en: Client) -> None:
    good, mistyped = make_keys(world, 2)
    code = begin(pt)
    send_keys(pt, good, typo(mistyped))
    answer = en.post("/redeem/resume", {"code": f" {code.lower()} "})
    assert answer["Location"] == path(pt, "keys")
    en.draft = pt.draft  # type: ignore[attr-defined]
    page = text_of(en.get(path(en, "keys")))
    assert good[-5:] in page
    assert typo(mistyped) in page
    send_keys(en, typo(mistyped), repair=["0"])
    keys_are_right(en)
    en.post(path(en, "purpose"), {"target": "open"})
    assert problems_of(send_organisation(en, email="not an address"))[0][0] == "#email"
    page = text_of(pt.get(path(pt, "administrator")))
    assert "not an address" in page
    assert "Padaria Sol, Lda." in page


def test_a_wrong_resume_code_says_so_and_stays_in_its_field(world: World, pt: Client) -> None:
    page = pt.post("/redeem/resume", {"code": "1234-5678"})
    assert problems_of(page) == [("#code", "Um código para retomar tem 20 carateres em cinco grupos de quatro.")]
    assert 'value="1234-5678"' in text_of(page)
    page = pt.post("/redeem/resume", {"code": "0000-0000-0000-0000-0000"})
    assert problems_of(page) == [("#code", "Não encontrámos nenhum resgate por concluir com este código.")]


def test_the_resume_code_stands_in_no_address_and_not_in_the_database(world: World, pt: Client) -> None:
    code = begin(pt)
    name = f"draft-{path(pt, '').split('/')[2]}"
    assert pt.cookies[name]["httponly"]
    assert pt.cookies[name]["samesite"] == "Lax"
    assert code.replace("-", "") not in repr(list(Draft.objects.values()))
    forged = Client(headers=PORTUGUESE)
    draft = Draft.objects.get().id
    forged.cookies[name] = f"{draft.hex}.{code.replace('-', '')}.1"
    assert forged.get(path(pt, "keys"))["Location"] == "/redeem", "a code is believed only when it was typed or signed"


@pytest.mark.parametrize("page", ["", "/attest", "/keys", "/check", "/purpose", "/confirm", "/receipt", "/later"])
def test_without_a_draft_every_step_leads_to_the_start(world: World, pt: Client, page: str) -> None:
    assert pt.get(f"/redeem/0123456789ab{page}", follow=True).redirect_chain[-1] == ("/redeem", 303)


@pytest.mark.parametrize("page", ["code", "keys", "purpose", "organisation", "confirm", "receipt", "leave"])
def test_addresses_as_they_once_were_lead_on_to_the_latest_draft(world: World, pt: Client, page: str) -> None:
    assert pt.get(f"/redeem/{page}")["Location"] == "/redeem"
    begin(pt)
    assert pt.get(f"/redeem/{page}")["Location"] == path(pt, "keys")


def test_the_language_can_be_switched_in_the_middle_and_what_was_typed_stays(world: World, pt: Client) -> None:
    good, mistyped = make_keys(world, 2)
    begin(pt)
    assert send_keys(pt, good, typo(mistyped), switch_to="en").status_code == 303
    page = pt.get(path(pt, "keys"))
    assert '<html lang="en">' in text_of(page)
    assert typo(mistyped) in text_of(page)
    assert good[-5:] in text_of(page)
    send_keys(pt, typo(mistyped), repair=["0"])
    keys_are_right(pt)
    assert leads_to(pt.post(path(pt, "purpose"), {"target": "open", "switch_to": "en"})) == "purpose"
    assert 'value="open" checked' in text_of(pt.get(path(pt, "purpose")))
    pt.post(path(pt, "purpose"), {"target": "open"})
    typed = {"organisation": "name", "administrator": "given_name", "partner": "partner_of_record"}
    for page, name in typed.items():
        pt.post(path(pt, page), {name: "1234567", "switch_to": "pt-pt"})
        page = pt.get(path(pt, page))
        assert '<html lang="pt-PT">' in text_of(page)
        assert f'name="{name}" value="1234567"' in text_of(page)
        assert problems_of(page) == []
        send_organisation(pt)


def test_every_fault_of_a_page_is_told_at_once(world: World, pt: Client) -> None:
    to_organisation(pt, make_keys(world)[0])
    page = pt.post(path(pt, "organisation"), {"domain_prefix": "Pão!", "tax_number": "§"})
    assert page.status_code == 422
    assert [href for href, _ in problems_of(page)] == [
        "#name",
        "#country",
        "#language",
        "#domain_prefix",
        "#tax_number",
    ]
    assert 'value="pão!"' in text_of(page)
    send_organisation(pt)
    page = pt.post(path(pt, "administrator"), {"email": "bruno", "alternate_email": "x"})
    assert [href for href, _ in problems_of(page)] == ["#given_name", "#family_name", "#email", "#alternate_email"]
    assert leads_to(pt.post(path(pt, "partner"), {})) == "administrator"
    send_organisation(pt)
    page = pt.post(path(pt, "partner"), {"partner_of_record": "7777777"})
    assert problems_of(page) == [
        ("#partner_of_record", "Não há nenhum parceiro com este número de parceiro de registo.")
    ]
    assert 'value="7777777"' in text_of(page)
    assert 'value="7777777"' in text_of(pt.get(path(pt, "partner"))), "an unknown number is kept"


def test_a_domain_prefix_is_proposed_from_the_name_and_a_taken_one_refused(world: World, pt: Client) -> None:
    open_customer(world, make_keys(world))
    to_organisation(pt, make_keys(world)[0])
    page = send_organisation(pt)
    assert [href for href, _ in problems_of(page)] == ["#domain_prefix"]
    assert 'value="padariasol"' in text_of(page)
    assert leads_to(send_organisation(pt, domain_prefix="padarialua")) == "confirm"
    assert "padarialua.example.test" in text_of(pt.get(path(pt, "confirm")))


def test_whether_a_prefix_is_free_is_told_before_the_rest_is_filled_in(world: World, pt: Client) -> None:
    open_customer(world, make_keys(world))
    to_organisation(pt, make_keys(world)[0])
    asked = {"name": "Padaria Sol, Lda.", "country": "PT", "do": "prefix"}
    page = pt.post(path(pt, "organisation"), asked)
    assert [href for href, _ in problems_of(page)] == ["#domain_prefix"]
    assert "Outro que talvez esteja livre: padariasolpt" in text_of(page)
    page = pt.post(path(pt, "organisation"), {**asked, "domain_prefix": "padariasolpt"})
    assert page.status_code == 200
    assert "padariasolpt.example.test está livre" in text_of(page)


def test_a_country_where_it_is_not_sold_gets_a_page_that_explains_and_keeps_everything(
    world: World, pt: Client
) -> None:
    to_organisation(pt, make_keys(world)[0])
    page = send_organisation(pt, country="DE")
    assert heading(page) == "Não disponível neste país ou região"
    assert "Escolheu este país ou região: Alemanha." in text_of(page)
    assert "Angola, Brasil, Espanha, França e Portugal" in text_of(page)
    again = text_of(pt.get(path(pt, "organisation")))
    assert re.search(r'value="DE"[^>]* selected', again)
    assert 'value="Padaria Sol, Lda."' in again
    assert leads_to(pt.get(path(pt, "confirm"))) == "organisation"
    assert Hold.objects.count() == 1


def test_a_key_of_another_country_is_told_on_the_last_page_with_the_way_back(world: World, pt: Client) -> None:
    to_organisation(pt, make_keys(world, countries=["BR"])[0])
    send_organisation(pt)
    href, words = problems_of(pt.get(path(pt, "confirm")))[0]
    assert href == path(pt, "check#key-1")
    assert words.startswith("Chave 1: Esta chave destina-se a estes países ou regiões: Brasil.")
    assert "Resgatar 1 chave" not in text_of(pt.get(path(pt, "confirm")))


def test_change_on_the_last_page_comes_straight_back(world: World, pt: Client) -> None:
    to_confirm(pt, make_keys(world)[0])
    page = text_of(pt.get(path(pt, "confirm")))
    for name in ("organisation#name", "organisation#country", "administrator", "partner", "check", "attest"):
        assert f'href="{path(pt, name)}"' in page
    changed = {**PADARIA, "name": "Padaria Lua, Lda.", "domain_prefix": "padarialua"}
    assert leads_to(pt.post(path(pt, "organisation"), changed)) == "confirm"
    assert leads_to(pt.post(path(pt, "administrator"), {**PADARIA, "given_name": "Rui"})) == "confirm"
    assert leads_to(keys_are_right(pt)) == "confirm"
    page = text_of(pt.get(path(pt, "confirm")))
    assert "Resgatar 1 chave para Padaria Lua, Lda." in page
    assert "Rui Costa" in page
    assert pt.post(path(pt, "organisation"), {**changed, "country": "KP"}).status_code == 422
    assert leads_to(pt.get(path(pt, "confirm"))) == "organisation", "a page with a fault is due again"


def test_a_sum_that_changed_is_shown_anew_and_nothing_is_spent(world: World, pt: Client) -> None:
    to_confirm(pt, make_keys(world)[0])
    page = confirm_it(pt, "0" * 20)
    assert page.status_code == 409
    assert problems_of(page) == [
        ("#sum", "O que aconteceria já não é o que foi mostrado, por isso nada foi resgatado.")
    ]
    assert Redemption.objects.count() == 0
    assert leads_to(confirm_it(pt, fingerprint_of(page))) == "receipt"


@pytest.mark.parametrize("fault", [OutcomeUnknown(), psycopg.OperationalError("gone")])
def test_an_outcome_that_is_unknown_is_checked_and_asked_again_safely(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    fingerprint = to_confirm(pt, make_keys(world)[0])

    def done_but_unheard(**asked: Any) -> None:
        committing.redeem(**asked)
        raise fault

    monkeypatch.setattr(confirm, "redeem", done_but_unheard)
    page = confirm_it(pt, fingerprint)
    assert page.status_code == 503
    assert heading(page) == "O resultado está a ser verificado"
    monkeypatch.undo()
    assert leads_to(confirm_it(pt, fingerprint)) == "receipt"
    assert Redemption.objects.count() == 1


def test_whoever_was_slower_keeps_everything_and_is_told(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = to_confirm(pt, make_keys(world)[0])

    def contended(**_asked: Any) -> None:
        raise Contention(what="keys")

    monkeypatch.setattr(confirm, "redeem", contended)
    page = confirm_it(pt, fingerprint)
    assert page.status_code == 409
    assert problems_of(page) == [("#sum", "Alguém alterou o mesmo neste momento.")]
    assert "Padaria Sol, Lda." in text_of(page)


def test_a_draft_can_be_given_up_and_its_keys_are_free(world: World, pt: Client) -> None:
    begin(pt)
    send_keys(pt, *make_keys(world, 2))
    assert pt.post(path(pt, "leave"), {"do": "leave"})["Location"] == "/redeem"
    assert Hold.objects.count() == 2
    assert "Neste browser há um resgate por concluir." in text_of(pt.get("/redeem"))
    begin(pt)
    send_keys(pt, *make_keys(world, 2))
    assert pt.post(path(pt, "leave"), {"do": "abandon"})["Location"] == "/redeem?given-up=1"
    assert Hold.objects.count() == 2
    assert pt.get(path(pt, "keys"))["Location"] == "/redeem"


def test_the_signed_receipt_is_read_with_the_published_keys(world: World, pt: Client) -> None:
    confirm_it(pt, to_confirm(pt, make_keys(world)[0]))
    compact = text_of(pt.get(path(pt, "receipt.jws")))
    claims = wiring.keyring().read(compact, RECEIPT_KIND)
    assert claims["reference"] == Redemption.objects.get().reference
    flattened = json.loads(text_of(pt.get(path(pt, "receipt.json"))))
    assert ".".join(flattened[part] for part in ("protected", "payload", "signature")) == compact


def test_the_receipt_says_what_follows_and_links_only_what_there_is(world: World, pt: Client) -> None:
    confirm_it(pt, to_confirm(pt, make_keys(world)[0]))
    page = text_of(pt.get(path(pt, "receipt")))
    for task in ("Assumir a conta", "Confirmar o parceiro de registo", "Rever a subscrição", "Configurar o domínio"):
        assert task in page
    tasks = page.partition('<ul class="tasks">')[2].partition("</ul>")[0]
    assert "<a " not in tasks


def test_a_partner_proposes_itself_and_may_propose_nobody(world: World, pt: Client) -> None:
    signed_in(pt, world.ana)
    to_organisation(pt, make_keys(world)[0])
    send_organisation(pt, partner_of_record="-")
    page = text_of(pt.get(path(pt, "partner")))
    assert 'value="-"' in page
    assert leads_to(send_organisation(pt, partner_of_record="")) == "confirm"
    assert 'value="1234567"' not in text_of(pt.get(path(pt, "partner")))
    assert "Nenhum" in text_of(pt.get(path(pt, "confirm")))


def test_the_partner_page_is_filled_in_with_the_partners_own_number_or_that_of_the_seller(
    world: World, pt: Client, en: Client
) -> None:
    signed_in(pt, world.ana)
    to_organisation(pt, make_keys(world)[0])
    pt.post(path(pt, "organisation"), PADARIA)
    pt.post(path(pt, "administrator"), PADARIA)
    page = text_of(pt.get(path(pt, "partner")))
    assert 'value="1234567"' in page
    assert "Este é o seu." in page
    to_organisation(en, make_keys(world, holder=world.reseller)[0])
    en.post(path(en, "organisation"), {**PADARIA, "domain_prefix": "padarialua"})
    en.post(path(en, "administrator"), PADARIA)
    page = text_of(en.get(path(en, "partner")))
    assert 'value="1234567"' in page
    assert "This is the partner who sold the keys" in page
    assert "Sol Informática, Lda." in page


def test_a_customers_administrator_extends_adds_or_opens_for_their_own_organisation(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world, 2))
    signed_in(pt, bruno)
    begin(pt)
    send_keys(pt, make_keys(world, seats=10)[0])
    assert "Padaria Sol, Lda." in text_of(pt.get(path(pt, "check"))), "the target's name stands on every page"
    assert leads_to(keys_are_right(pt)) == "purpose"
    page = text_of(pt.get(path(pt, "purpose")))
    target = re.search(r'value="(extend:[^"]+)"', page)[1]  # type: ignore[index]
    assert f'value="add:{target.partition(":")[2]}"' in page
    assert "Agora: 10 licenças, válida até 21 de novembro de 2027 (inclusive)." in page
    assert "Depois: Office Basic com 20 licenças" in page
    refused = pt.post(path(pt, "purpose"), {"target": "extend:1", "seats_after": "12"})
    assert problems_of(refused) == [("#target", "Selecione para que são as chaves.")]
    refused = pt.post(path(pt, "purpose"), {"target": target, "seats_after": "muitas"})
    assert problems_of(refused) == [("#seats_after", "O número de licenças tem de ser um número inteiro.")]
    counted = pt.post(path(pt, "purpose"), {"target": target, "seats_after": "8", "do": "calculate"})
    assert "Depois: Office Basic com 8 licenças" in text_of(counted)
    assert leads_to(pt.post(path(pt, "purpose"), {"target": target, "seats_after": "8"})) == "confirm"
    page = text_of(pt.get(path(pt, "confirm")))
    assert "8 (agora 10)" in page
    assert "agora: até 21 de novembro de 2027" in page
    assert "Resgatar 1 chave para Padaria Sol, Lda." in page
    assert leads_to(confirm_it(pt, fingerprint_of(pt.get(path(pt, "confirm"))))) == "receipt"
    assert sorted(Redemption.objects.values_list("purpose", flat=True)) == ["extend", "open"]


def test_an_act_that_cannot_be_is_no_choice_but_stands_with_its_reason(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world, 1, "office-plus"))
    signed_in(pt, bruno)
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    keys_are_right(pt)
    page = text_of(pt.get(path(pt, "purpose")))
    assert 'value="extend:' not in page
    assert "Não é possível com estas chaves" in page
    assert "Esta chave é de outro produto" in page


def test_the_vendors_own_people_are_told_that_they_do_not_redeem(world: World, pt: Client) -> None:
    page = signed_in(pt, world.duarte).get("/redeem")
    assert page.status_code == 403
    assert heading(page) == "Não tem permissão"


def test_a_browser_without_a_language_of_ours_reads_portuguese(world: World) -> None:
    assert '<html lang="pt-PT">' in text_of(Client(headers={"Accept-Language": "fi"}).get("/"))
    assert '<html lang="pt-PT">' in text_of(Client(headers={"Accept-Language": "pt-BR"}).get("/"))
    assert '<html lang="en">' in text_of(Client(headers=ENGLISH).get("/"))
