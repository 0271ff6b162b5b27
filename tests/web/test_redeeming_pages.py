"""The redemption on its pages: every key judged at once, nothing typed lost, redeemed once."""

from __future__ import annotations

import json
import os
import re
from html import unescape
from typing import Any

import psycopg
import pytest
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.keys.models import Hold
from chaveiro.apps.redemption.actions import committing
from chaveiro.apps.redemption.models import Draft, Redemption
from chaveiro.rules.errors import Contention, OutcomeUnknown
from chaveiro.rules.keys import group, mint
from chaveiro.rules.receipts import RECEIPT_KIND
from chaveiro.web.redeem import confirm
from tests.cast import World, make_keys, open_customer
from tests.web.conftest import ENGLISH, PORTUGUESE, signed_in, text_of
from tests.web.walk import typo

pytestmark = [pytest.mark.django_db, pytest.mark.money]

PADARIA = {
    "name": "Padaria Sol, Lda.",
    "country": "PT",
    "language": "pt-pt",
    "given_name": "Bruno",
    "family_name": "Costa",
    "email": "bruno@padariasol.example",
}


def begin(client: Client) -> str:
    """Open a draft; answers its code."""
    assert client.post("/redeem")["Location"] == "/redeem/code"
    return re.search(r'class="reference">([0-9A-Z-]+)<', text_of(client.get("/redeem/code")))[1]  # type: ignore[index]


def send_keys(client: Client, *texts: str, do: str = "next", **fields: Any) -> Any:
    return client.post("/redeem/keys", {"key": list(texts), "do": do, **fields})


def to_confirm(client: Client, *keys: str, **changes: str) -> str:
    """Everything up to the last page; answers its fingerprint."""
    begin(client)
    assert send_keys(client, *keys)["Location"] == "/redeem/organisation"
    answer = client.post("/redeem/organisation", {**PADARIA, **changes})
    assert answer.status_code == 303, problems_of(answer)
    return fingerprint_of(client.get("/redeem/confirm"))


def fingerprint_of(page: Any) -> str:
    return re.search(r'name="fingerprint" value="(\w+)"', text_of(page))[1]  # type: ignore[index]


def confirm_it(client: Client, fingerprint: str, **changes: str) -> Any:
    return client.post("/redeem/confirm", {"attestation": "yes", "fingerprint": fingerprint, **changes})


def problems_of(page: Any) -> list[tuple[str, str]]:
    """The list at the top of a page: where each entry leads, and what it says."""
    listed = re.search(r'<div class="problems".*?</div>', text_of(page), re.DOTALL)
    found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', listed[0] if listed else "")
    return [(href, unescape(words)) for href, words in found]


def heading(page: Any) -> str:
    return unescape(re.sub(r"<[^>]+>", "", re.search(r"<h1>(.*?)</h1>", text_of(page), re.DOTALL)[1])).strip()  # type: ignore[index]


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


def test_all_faults_of_a_basket_are_told_at_once_each_linked_to_its_key(world: World, pt: Client) -> None:
    good, mistyped = make_keys(world, 2)
    unknown = group(mint(1, os.urandom)[0])
    redeemed = make_keys(world)[0]
    open_customer(world, [redeemed])
    begin(pt)
    page = send_keys(pt, good, typo(mistyped), "ABC", "", unknown, redeemed, good)
    assert page.status_code == 422
    assert "<title>Erro: Introduza as chaves de produto" in text_of(page)
    assert problems_of(page) == [
        ("#key-2", "Chave 2: Verifique os carateres nas posições 3 (grupo 1) e 12 (grupo 3) desta chave."),
        ("#key-3", "Chave 3: Esta chave tem 3 carateres; deve ter 25."),
        ("#key-4", "Chave 4: Não encontrámos esta chave."),
        ("#key-5", "Chave 5: Esta chave já foi resgatada."),
        ("#key-6", "Chave 6: Já introduziu esta chave: é a chave 1."),
    ]
    for number in range(1, 7):
        assert f'id="key-{number}"' in text_of(page)
    for _, words in problems_of(page):
        assert text_of(page).count(words.partition(": ")[2]) == 2, "the same words at the top and at the field"


def test_a_mistyped_key_stays_in_its_field_with_its_wrong_symbols_marked_and_a_repair(world: World, pt: Client) -> None:
    mistyped = make_keys(world)[0]
    begin(pt)
    page = text_of(send_keys(pt, typo(mistyped)))
    assert f'value="{typo(mistyped)}"' in page
    assert len(re.findall(r"<b>.</b>", page)) == 2
    assert f'Sim, a chave do cartão é <span class="code" translate="no">{mistyped}</span>' in page
    assert send_keys(pt, typo(mistyped))["Content-Type"].startswith("text/html"), "a repair is never applied in silence"
    assert send_keys(pt, typo(mistyped), repair=["0"])["Location"] == "/redeem/organisation"


def test_a_repair_is_of_what_stands_in_the_field_now(world: World, pt: Client) -> None:
    mistyped, other = make_keys(world, 2)
    begin(pt)
    send_keys(pt, typo(mistyped))
    send_keys(pt, typo(other), repair=["0"], do="check")
    assert Hold.objects.get().key.last_five == other[-5:]


def test_many_keys_are_found_in_a_pasted_mail(world: World, pt: Client) -> None:
    keys = make_keys(world, 12)
    begin(pt)
    mail = "Bom dia,\n\n" + "".join(f"{number}; {key.lower()}\r\n" for number, key in enumerate(keys)) + "\nAna"
    assert pt.post("/redeem/keys", {"key": [""], "many": mail, "do": "next"})["Location"] == "/redeem/organisation"
    assert Hold.objects.count() == 12


def test_several_keys_in_one_field_become_several(world: World, pt: Client) -> None:
    keys = make_keys(world, 3)
    begin(pt)
    send_keys(pt, " ".join(keys))
    assert Hold.objects.count() == 3


def test_a_paste_without_a_key_is_told_and_stays(world: World, pt: Client) -> None:
    begin(pt)
    page = pt.post("/redeem/keys", {"key": [""], "many": "nada\nde nada", "do": "next"})
    assert problems_of(page) == [("#many", "Não encontrámos nenhuma chave de produto no texto que colou.")]
    assert "nada\nde nada" in text_of(page)


def test_no_key_at_all_is_told(world: World, pt: Client) -> None:
    begin(pt)
    assert problems_of(send_keys(pt, "", "")) == [("#key-1", "Chave 1: Introduza uma chave de produto.")]


def test_more_than_a_basket_takes_is_refused_with_the_limit(world: World, pt: Client) -> None:
    begin(pt)
    page = send_keys(pt, *["ABC"] * 201)
    assert page.status_code == 422
    assert problems_of(page)[0][1].endswith("Estão aqui 201 chaves; podem ser resgatadas no máximo 200 de cada vez.")


def test_a_good_key_is_never_shown_whole_again(world: World, pt: Client) -> None:
    keys = make_keys(world, 2)
    fingerprint = to_confirm(pt, *keys)
    confirm_it(pt, fingerprint)
    begin(other := Client(headers=PORTUGUESE))
    more = make_keys(world, 2)
    pages = [send_keys(other, *more, do="check"), other.get("/redeem/keys"), send_keys(other, "", do="add")]
    pages += [other.get(path) for path in ("/redeem/keys", "/redeem/organisation", "/redeem/confirm")]
    pages += [pt.get("/redeem/receipt"), pt.get("/redeem/receipt.json")]
    for page in pages:
        for key in (*keys, *more):
            assert key not in text_of(page)
            assert key.replace("-", "") not in text_of(page)
            assert key not in page.get("Location", "")
        assert page["Cache-Control"] == "no-store"


def test_another_key_can_be_added_without_script_and_one_removed(world: World, pt: Client) -> None:
    first, second = make_keys(world, 2)
    begin(pt)
    send_keys(pt, first, "", "", do="add")
    page = text_of(pt.get("/redeem/keys"))
    assert page.count('name="key"') == 3, "four fields, one of which became a received key"
    send_keys(pt, second, do="check")
    assert Hold.objects.count() == 2
    send_keys(pt, do="remove:0")
    assert Hold.objects.get().key.last_five == second[-5:]


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


def test_ones_own_forgotten_draft_can_be_started_over(world: World, pt: Client, en: Client) -> None:
    keys = make_keys(world, 2)
    begin(en)
    send_keys(en, *keys)
    begin(pt)
    page = send_keys(pt, *keys)
    assert "introduziu aqui todas as chaves desse resgate" in problems_of(page)[0][1]
    assert "Começar de novo com estas chaves" in text_of(page)
    send_keys(pt, "", do="start-over")
    assert problems_of(pt.get("/redeem/keys")) == []
    assert send_keys(pt, "")["Location"] == "/redeem/organisation"
    assert en.get("/redeem/keys")["Location"] == "/redeem"


def test_somebody_elses_hold_is_told_without_an_offer(world: World, pt: Client, en: Client) -> None:
    keys = make_keys(world, 2)
    begin(en)
    send_keys(en, *keys)
    begin(pt)
    page = send_keys(pt, keys[0])
    assert "até 25 de novembro de 2026, 12:00 UTC." in problems_of(page)[0][1]
    assert "Começar de novo" not in text_of(page)


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


def test_too_many_keys_in_a_short_time_wait_and_stay_in_their_fields(world: World, pt: Client) -> None:
    begin(pt)
    for _ in range(2):
        send_keys(pt, *["ABC"] * 200)
    page = send_keys(pt, "ABC")
    assert page.status_code == 429
    assert int(page["Retry-After"]) >= 1
    assert 'value="ABC"' in text_of(page)
    assert "Chegaram daí demasiados pedidos" in problems_of(page)[0][1]


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
