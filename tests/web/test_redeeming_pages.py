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
    problems_of,
    send_keys,
    to_confirm,
    typo,
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]


def test_the_whole_journey_in_portuguese_gives_a_receipt_that_stays_the_same(world: World, pt: Client) -> None:
    fingerprint = to_confirm(pt, *make_keys(world, 3))
    page = pt.get("/redeem/confirm")
    assert "Resgatar 3 chaves para Padaria Sol, Lda." in text_of(page)
    assert "válida até 21 de novembro de 2027 (inclusive)" in text_of(page)
    assert "5\u00a0475 dias de licença divididos por 15 licenças dão 365 dias a cada uma" in text_of(page)
    assert "Confirmo que estou autorizado a resgatar estas chaves em nome da organização" in text_of(page)
    assert confirm_it(pt, fingerprint)["Location"] == "/redeem/receipt"
    page = pt.get("/redeem/receipt")
    assert heading(page) == "3 chaves resgatadas para Padaria Sol, Lda."
    assert Redemption.objects.get().reference in text_of(page)
    for again in ("/redeem/receipt", "/redeem/keys", "/redeem/confirm", "/redeem/organisation"):
        assert text_of(pt.get(again, follow=True)).count(Redemption.objects.get().reference) > 0
    assert confirm_it(pt, fingerprint)["Location"] == "/redeem/receipt"
    assert Redemption.objects.count() == 1


def test_the_journey_in_english_says_the_same(world: World, en: Client) -> None:
    fingerprint = to_confirm(en, make_keys(world)[0])
    page = text_of(en.get("/redeem/confirm"))
    assert "Redeem 1 key for Padaria Sol, Lda." in page
    assert "valid until 21 November 2027 (inclusive)" in page
    confirm_it(en, fingerprint)
    assert heading(en.get("/redeem/receipt")) == "1 key redeemed for Padaria Sol, Lda."
    assert Redemption.objects.get().attestation["language"] == "en"


def test_the_attestation_is_kept_with_wording_language_address_and_agent(world: World, pt: Client) -> None:
    fingerprint = to_confirm(pt, make_keys(world)[0])
    confirm_it(Client(headers={**PORTUGUESE, "User-Agent": "x"}), fingerprint)
    pt.post("/redeem/confirm", {"attestation": "yes", "fingerprint": fingerprint}, headers={"User-Agent": "Netscape 4"})
    kept = Redemption.objects.get().attestation
    assert kept["wording"] == "2026-11"
    assert (kept["language"], kept["address"], kept["agent"]) == ("pt-pt", "127.0.0.1", "Netscape 4")


def test_nobody_redeems_without_attesting(world: World, pt: Client) -> None:
    fingerprint = to_confirm(pt, make_keys(world)[0])
    page = pt.post("/redeem/confirm", {"fingerprint": fingerprint})
    assert page.status_code == 422
    assert problems_of(page) == [
        ("#attestation", "Confirme que está autorizado a resgatar estas chaves em nome da organização.")
    ]
    assert Redemption.objects.count() == 0


def test_nothing_is_lost_on_another_device(world: World, pt: Client, en: Client) -> None:
    good, mistyped = make_keys(world, 2)
    code = begin(pt)
    send_keys(pt, good, typo(mistyped))
    assert en.post("/redeem/resume", {"code": f" {code.lower()} "})["Location"] == "/redeem/keys"
    page = text_of(en.get("/redeem/keys"))
    assert good[-5:] in page
    assert typo(mistyped) in page
    send_keys(en, typo(mistyped), repair=["0"])
    en.post("/redeem/organisation", {**PADARIA, "email": "not an address"})
    page = text_of(pt.get("/redeem/organisation"))
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
    assert pt.cookies["draft"]["httponly"]
    assert pt.cookies["draft"]["samesite"] == "Lax"
    assert code.replace("-", "") not in repr(list(Draft.objects.values()))
    forged = Client(headers=PORTUGUESE)
    forged.cookies["draft"] = code.replace("-", "")
    assert forged.get("/redeem/keys")["Location"] == "/redeem", "a code is believed only when it was typed or signed"


@pytest.mark.parametrize("path", ["/redeem/keys", "/redeem/organisation", "/redeem/confirm", "/redeem/receipt"])
def test_without_a_draft_every_step_leads_to_the_start(world: World, pt: Client, path: str) -> None:
    assert pt.get(path, follow=True).redirect_chain[-1] == ("/redeem", 303)


def test_the_language_can_be_switched_in_the_middle_and_what_was_typed_stays(world: World, pt: Client) -> None:
    good, mistyped = make_keys(world, 2)
    begin(pt)
    assert send_keys(pt, good, typo(mistyped), switch_to="en").status_code == 303
    page = pt.get("/redeem/keys")
    assert '<html lang="en">' in text_of(page)
    assert typo(mistyped) in text_of(page)
    assert good[-5:] in text_of(page)
    send_keys(pt, typo(mistyped), repair=["0"])
    pt.post("/redeem/organisation", {"name": "Padaria Sol", "switch_to": "pt-pt"})
    page = text_of(pt.get("/redeem/organisation"))
    assert '<html lang="pt-PT">' in page
    assert 'value="Padaria Sol"' in page
    assert problems_of(pt.get("/redeem/organisation")) == []


def test_every_fault_of_the_organisation_is_told_at_once(world: World, pt: Client) -> None:
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    page = pt.post(
        "/redeem/organisation",
        {"domain_prefix": "Pão!", "email": "bruno", "alternate_email": "x", "partner_of_record": "7777777"},
    )
    assert page.status_code == 422
    assert [href for href, _ in problems_of(page)] == [
        "#name",
        "#country",
        "#language",
        "#domain_prefix",
        "#given_name",
        "#family_name",
        "#email",
        "#alternate_email",
        "#partner_of_record",
    ]
    assert 'value="pão!"' in text_of(page)


def test_a_domain_prefix_is_proposed_from_the_name_and_a_taken_one_refused(world: World, pt: Client) -> None:
    open_customer(world, make_keys(world))
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    page = pt.post("/redeem/organisation", PADARIA)
    assert [href for href, _ in problems_of(page)] == ["#domain_prefix"]
    assert 'value="padariasol"' in text_of(page)
    assert pt.post("/redeem/organisation", {**PADARIA, "domain_prefix": "padarialua"})["Location"] == "/redeem/confirm"
    assert "padarialua.example.test" in text_of(pt.get("/redeem/confirm"))


def test_a_country_where_it_is_not_sold_gets_a_page_that_explains(world: World, pt: Client) -> None:
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    page = pt.post("/redeem/organisation", {**PADARIA, "country": "DE"})
    assert heading(page) == "Não disponível neste país ou região"
    assert "Escolheu este país ou região: Alemanha." in text_of(page)
    assert "Angola, Brasil, Espanha, França e Portugal" in text_of(page)
    assert 'value="DE" selected' in text_of(pt.get("/redeem/organisation"))
    assert "não está disponível" in problems_of(pt.get("/redeem/confirm"))[0][1]
    assert "Resgatar 1 chave" not in text_of(pt.get("/redeem/confirm"))


def test_a_key_of_another_country_is_told_on_the_last_page_with_the_way_back(world: World, pt: Client) -> None:
    begin(pt)
    send_keys(pt, make_keys(world, countries=["BR"])[0])
    pt.post("/redeem/organisation", PADARIA)
    href, words = problems_of(pt.get("/redeem/confirm"))[0]
    assert href == "/redeem/keys#key-1"
    assert words.startswith("Chave 1: Esta chave destina-se a estes países ou regiões: Brasil.")


def test_a_sum_that_changed_is_shown_anew_and_nothing_is_spent(world: World, pt: Client) -> None:
    to_confirm(pt, make_keys(world)[0])
    page = confirm_it(pt, "0" * 20)
    assert page.status_code == 409
    assert problems_of(page) == [
        ("#sum", "O que aconteceria já não é o que foi mostrado, por isso nada foi resgatado.")
    ]
    assert Redemption.objects.count() == 0
    assert confirm_it(pt, fingerprint_of(page))["Location"] == "/redeem/receipt"


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
    assert 'name="attestation" value="yes"' in text_of(page)
    monkeypatch.undo()
    assert confirm_it(pt, fingerprint)["Location"] == "/redeem/receipt"
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
    pt.post("/redeem/leave", {"do": "leave"})
    assert Hold.objects.count() == 2
    begin(pt)
    send_keys(pt, *make_keys(world, 2))
    pt.post("/redeem/leave", {"do": "abandon"})
    assert Hold.objects.count() == 2
    assert pt.get("/redeem/keys")["Location"] == "/redeem"


def test_the_signed_receipt_is_read_with_the_published_keys(world: World, pt: Client) -> None:
    confirm_it(pt, to_confirm(pt, make_keys(world)[0]))
    compact = text_of(pt.get("/redeem/receipt.jws"))
    claims = wiring.keyring().read(compact, RECEIPT_KIND)
    assert claims["reference"] == Redemption.objects.get().reference
    flattened = json.loads(text_of(pt.get("/redeem/receipt.json")))
    assert ".".join(flattened[part] for part in ("protected", "payload", "signature")) == compact


def test_a_partner_proposes_itself_and_may_propose_nobody(world: World, pt: Client) -> None:
    signed_in(pt, world.ana)
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    assert 'value="1234567"' in text_of(pt.get("/redeem/organisation"))
    pt.post("/redeem/organisation", {**PADARIA, "partner_of_record": ""})
    assert 'value="1234567"' not in text_of(pt.get("/redeem/organisation"))
    assert "Nenhum" in text_of(pt.get("/redeem/confirm"))


def test_a_customers_administrator_extends_adds_or_opens_for_their_own_organisation(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world, 2))
    signed_in(pt, bruno)
    begin(pt)
    assert send_keys(pt, make_keys(world, seats=10)[0])["Location"] == "/redeem/purpose"
    page = text_of(pt.get("/redeem/purpose"))
    target = re.search(r'value="(extend:[^"]+)"', page)[1]  # type: ignore[index]
    assert f'value="add:{target.partition(":")[2]}"' in page
    refused = pt.post("/redeem/purpose", {"target": "extend:1", "seats_after": "12"})
    assert problems_of(refused)[0][0] == "#target-0"
    refused = pt.post("/redeem/purpose", {"target": target, "seats_after": "muitas"})
    assert problems_of(refused) == [("#seats_after", "O número de licenças tem de ser um número inteiro.")]
    assert pt.post("/redeem/purpose", {"target": target, "seats_after": "8"})["Location"] == "/redeem/confirm"
    page = text_of(pt.get("/redeem/confirm"))
    assert "8 (agora 10)" in page
    assert "agora: até 21 de novembro de 2027" in page
    assert "Resgatar 1 chave para Padaria Sol, Lda." in page
    assert confirm_it(pt, fingerprint_of(pt.get("/redeem/confirm")))["Location"] == "/redeem/receipt"
    assert sorted(Redemption.objects.values_list("purpose", flat=True)) == ["extend", "open"]


def test_the_vendors_own_people_are_told_that_they_do_not_redeem(world: World, pt: Client) -> None:
    page = signed_in(pt, world.duarte).get("/redeem")
    assert page.status_code == 403
    assert heading(page) == "Não tem permissão"


def test_a_browser_without_a_language_of_ours_reads_portuguese(world: World) -> None:
    assert '<html lang="pt-PT">' in text_of(Client(headers={"Accept-Language": "fi"}).get("/"))
    assert '<html lang="pt-PT">' in text_of(Client(headers={"Accept-Language": "pt-BR"}).get("/"))
    assert '<html lang="en">' in text_of(Client(headers=ENGLISH).get("/"))
