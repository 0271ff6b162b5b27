"""Drafts in their addresses: two never mix, none is lost, and everybody finds the way back to their own."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.keys.models import Hold
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption.actions import drafting, resuming
from chaveiro.apps.redemption.models import Draft, DraftLink
from chaveiro.rules import identifiers
from chaveiro.rules.drafts import ResumeCode
from chaveiro.web.redeem.draft import DRAFTS_AT_MOST
from tests.cast import NOON, World, make_keys, means, open_customer
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
)

pytestmark = [pytest.mark.django_db, pytest.mark.money]
EMAIL = {"email": "bruno@padariasol.example"}


def draft_cookies(client: Client) -> list[str]:
    return [name for name, morsel in client.cookies.items() if name.startswith("draft-") and morsel.value]


# --- two tabs, two accounts ---


def test_two_tabs_with_two_drafts_never_mix(world: World, pt: Client) -> None:
    mine, other = make_keys(world, 2)
    begin(pt)
    first = pt.draft  # type: ignore[attr-defined]
    send_keys(pt, mine, do="check")
    begin(pt)
    assert pt.draft != first  # type: ignore[attr-defined]
    send_keys(pt, other, do="check")
    for draft, here, there in ((first, mine, other), (pt.draft, other, mine)):  # type: ignore[attr-defined]
        page = text_of(pt.get(f"{draft}/keys"))
        assert here[-5:] in page
        assert there[-5:] not in page


def test_what_was_begun_as_nobody_is_gone_on_with_as_an_account_only_when_one_says_so(world: World, pt: Client) -> None:
    begin(pt)
    key = make_keys(world)[0]
    send_keys(pt, key)
    signed_in(pt, world.ana)
    page = pt.get(path(pt, "keys"))
    assert heading(page) == "Continuar com a sua conta"
    assert key[-5:] not in text_of(page)
    assert "Continuar com a sua conta" in text_of(pt.post(path(pt, "keys"), {"key": [""], "do": "next"}))
    answer = pt.post(path(pt, "take-over"))
    assert leads_to(answer) == "attest", "as an account one says anew whom one acts for"
    pt.post(path(pt, "attest"), {"attestation": "yes"})
    assert key[-5:] in text_of(pt.get(path(pt, "keys")))
    assert draft_cookies(pt) == [f"draft-{pt.at.removeprefix('/a/')}-{pt.draft.split('/')[2]}"]  # type: ignore[attr-defined]


def test_the_draft_of_one_account_is_not_another_accounts_at_the_same_browser(world: World, pt: Client) -> None:
    signed_in(pt, world.ana)
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    signed_in(pt, world.rui)
    assert pt.get(path(pt, "keys"))["Location"].endswith("/redeem")
    assert pt.post(path(pt, "take-over"))["Location"].endswith("/redeem")
    assert "por concluir" not in text_of(pt.get("/redeem"))


def test_a_browser_remembers_ten_drafts_and_forgets_the_oldest_first(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ""
    for number in range(DRAFTS_AT_MOST + 2):
        moment = NOON + timedelta(seconds=number)
        monkeypatch.setattr(wiring, "now", lambda moment=moment: moment)
        begin(pt)
        first = first or pt.draft  # type: ignore[attr-defined]
    assert len(draft_cookies(pt)) == DRAFTS_AT_MOST
    assert pt.get(f"{first}/keys")["Location"] == "/redeem"
    assert pt.get(path(pt, "keys")).status_code == 200
    assert Draft.objects.count() == DRAFTS_AT_MOST + 2


# --- one's own hold ---


def test_who_presents_all_keys_again_goes_on_with_what_was_typed_there(world: World, pt: Client, en: Client) -> None:
    keys = make_keys(world, 2)
    to_organisation(en, *keys)
    send_organisation(en, email="not yet")
    begin(pt, "customer")
    page = send_keys(pt, *keys)
    assert "Continuar esse resgate" in text_of(page)
    assert "Começar de novo com estas chaves" in text_of(page)
    assert leads_to(send_keys(pt, "", do="continue")) == "administrator"
    page = text_of(pt.get(path(pt, "administrator")))
    assert "Padaria Sol, Lda." in page
    assert 'value="not yet"' in page
    assert Hold.objects.count() == 2
    assert en.get(path(en, "keys"))["Location"] == "/redeem"
    form = Draft.objects.get(state="open").form
    assert (form["acting_for"], form["attested_for"]) == ("customer", "customer"), "each attests for themselves"


def test_what_an_account_typed_is_not_shown_to_whoever_only_has_the_keys(world: World, pt: Client, en: Client) -> None:
    keys = make_keys(world)
    signed_in(en, world.ana)
    to_organisation(en, *keys)
    send_organisation(en)
    begin(pt)
    page = text_of(send_keys(pt, *keys))
    assert "Continuar esse resgate" not in page
    assert "Começar de novo com estas chaves" in page
    send_keys(pt, "", do="continue")
    assert "Padaria Sol" not in text_of(pt.get(path(pt, "keys")))
    assert Draft.objects.filter(state="open").count() == 2


def test_the_own_hold_of_a_draft_lasts_while_it_is_used(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    before = Hold.objects.get().until
    moment = NOON + timedelta(hours=5)
    monkeypatch.setattr(wiring, "now", lambda: moment)
    pt.get(path(pt, "later"))
    until = Hold.objects.get().until
    assert until - before == timedelta(hours=5)
    page = text_of(pt.get(path(pt, "check")))
    assert f'data-until="{int(until.timestamp())}"' in page
    assert "As chaves estão reservadas para si até 25 de novembro de 2026, 17:00 UTC" in page


def test_a_hold_that_ended_is_not_revived_by_a_look(world: World, pt: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(pt)
    send_keys(pt, make_keys(world)[0])
    Hold.objects.update(until=NOON - timedelta(minutes=1))
    pt.get(path(pt, "later"))
    assert Hold.objects.get().until == NOON - timedelta(minutes=1)


# --- removing, with a way back ---


def test_a_removed_key_is_put_back_and_held_again(world: World, pt: Client) -> None:
    keys = make_keys(world, 3)
    begin(pt)
    send_keys(pt, *keys)
    page = text_of(pt.get(path(pt, "check")))
    assert "Introduziu 3 chaves. No conjunto, dão 15 licenças." in page
    pt.post(path(pt, "check"), {"do": "remove:1"})
    assert Hold.objects.count() == 2
    page = text_of(pt.get(path(pt, "check")))
    assert "1 chave removida." in page
    assert "Introduziu 2 chaves." in page
    pt.post(path(pt, "check"), {"do": "undo"})
    assert Hold.objects.count() == 3
    assert "Introduziu 3 chaves." in text_of(pt.get(path(pt, "check")))
    assert "removida" not in text_of(pt.get(path(pt, "check")))


def test_all_keys_of_a_product_are_removed_and_put_back_together(world: World, pt: Client) -> None:
    keys = [*make_keys(world, 2), *make_keys(world, 2, "office-plus")]
    begin(pt)
    send_keys(pt, *keys)
    page = text_of(pt.get(path(pt, "check")))
    assert page.count('class="card"') == 2, "keys of different products are cards, not a refusal"
    assert 'value="remove:2,3"' in page
    pt.post(path(pt, "check"), {"do": "remove:2,3"})
    assert Hold.objects.count() == 2
    assert "2 chaves removidas." in text_of(pt.get(path(pt, "check")))
    pt.post(path(pt, "check"), {"do": "undo"})
    assert Hold.objects.count() == 4


def test_a_key_that_went_bad_meanwhile_is_told_where_the_keys_are_checked(world: World, pt: Client) -> None:
    keys = make_keys(world, 2)
    begin(pt)
    send_keys(pt, *keys)
    Hold.objects.all().delete()
    open_customer(world, [keys[0]])
    page = pt.get(path(pt, "check"))
    assert "Esta chave já foi resgatada." in text_of(page)
    assert problems_of(pt.post(path(pt, "check"), {"do": "next"})) == [
        ("#key-1", "Chave 1: Esta chave já foi resgatada.")
    ]
    pt.post(path(pt, "check"), {"do": "remove:0"})
    assert leads_to(keys_are_right(pt)) == "purpose"


# --- the link in a letter ---


def mailed_link(client: Client) -> str:
    """The path of the link that a letter would carry."""
    page = client.post(path(client, "later"), EMAIL)
    assert "É enviada uma mensagem com uma ligação para bruno@padariasol.example." in text_of(page)
    owed = Owed.objects.get(kind="draft.resume")
    link = DraftLink.objects.get()
    assert owed.facts == {"draft": str(link.draft_id), "link": str(link.id)}
    letter = resuming.letter_of(link=link.id, secret=wiring.draft_links_secret(), now=NOON)
    assert letter is not None
    assert (letter.email, letter.language, letter.keys) == ("bruno@padariasol.example", "pt-pt", 2)
    again = resuming.letter_of(link=link.id, secret=wiring.draft_links_secret(), now=NOON)
    assert letter == again, "posted again it says the same"
    return letter.path


def test_a_mailed_link_opens_the_draft_elsewhere_once_with_everything_in_it(world: World, pt: Client) -> None:
    good, mistyped = make_keys(world, 2)
    code = begin(pt)
    send_keys(pt, good, mistyped[:-1] + "*")
    link = mailed_link(pt)
    rows = repr(list(DraftLink.objects.values()))
    assert link.rpartition("/")[2] not in rows
    assert code.replace("-", "") not in rows
    other = Client(headers=PORTUGUESE)
    page = other.get(link)
    assert heading(page) == "Continuar o resgate"
    assert code not in text_of(page)
    assert other.get(path(pt, "keys"))["Location"] == "/redeem", "looking opens nothing"
    answer = other.post(link)
    assert answer["Location"] == path(pt, "keys")
    page = text_of(other.get(path(pt, "keys")))
    assert good[-5:] in page
    assert mistyped[:-1] + "*" in page, "what was mistyped comes along: the link brings the code"
    assert code in page
    assert other.get(link).status_code == 404
    assert Client().post(link).status_code == 404


def test_a_link_of_a_draft_that_is_over_is_not_mailed_and_leads_nowhere_new(world: World, pt: Client) -> None:
    begin(pt)
    send_keys(pt, *make_keys(world, 2))
    link = mailed_link(pt)
    pt.post(path(pt, "leave"), {"do": "abandon"})
    row = DraftLink.objects.get()
    assert resuming.letter_of(link=row.id, secret=wiring.draft_links_secret(), now=NOON) is None
    assert Client().post(link)["Location"] == "/redeem"
    drafting.sweep(now=NOON + timedelta(days=15))
    assert not DraftLink.objects.exists(), "the address goes with the draft"


@pytest.mark.parametrize("secret", ["nonsense", "a" * 32, "x" * 500])
def test_a_link_of_nothing_answers_like_one_that_was_used(world: World, pt: Client, secret: str) -> None:
    assert pt.get(f"/redeem/resume/{secret}").status_code == 404


def test_nobodys_mailbox_is_filled_from_here(world: World, pt: Client) -> None:
    begin(pt)
    for _ in range(3):
        assert pt.post(path(pt, "later"), EMAIL).status_code == 200
    page = pt.post(path(pt, "later"), EMAIL)
    assert page.status_code == 429
    assert problems_of(page)[0][0] == "#email"
    assert DraftLink.objects.count() == 3


def test_an_address_that_is_none_is_told_and_stays_whatever_the_language(world: World, pt: Client) -> None:
    begin(pt)
    page = pt.post(path(pt, "later"), {"email": "bruno"})
    assert problems_of(page)[0][0] == "#email"
    assert 'value="bruno"' in text_of(page)
    page = pt.post(path(pt, "later"), {"email": "bruno", "switch_to": "en"})
    assert 'value="bruno"' in text_of(page)
    assert heading(page) == "Go on later"


# --- where a redemption begins ---


def test_the_start_tells_of_what_is_unfinished_at_this_browser_only(world: World, pt: Client, en: Client) -> None:
    to_organisation(pt, *make_keys(world, 2))
    pt.post(path(pt, "organisation"), PADARIA)
    for page in ("/", "/redeem", "/redeem/resume"):
        told = text_of(pt.get(page))
        assert "Neste browser há um resgate por concluir." in told
        assert "Continuar: Padaria Sol, Lda." in told
        assert "2 chaves, guardadas até 6 de dezembro de 2026" in told
        assert "not finished" not in text_of(en.get(page))
    assert leads_to(pt.get(f"/redeem/{pt.draft.split('/')[2]}")) == "administrator"  # type: ignore[attr-defined]


def test_a_subscriptions_page_leads_in_with_the_subscription_chosen(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    signed_in(pt, bruno)
    subscription = identifiers.write("subscription", outcome.effects[0].subscription)  # type: ignore[arg-type]
    page = text_of(pt.get(f"/redeem?for={subscription}&purpose=add"))
    assert "Com chaves de produto, adiciona licenças à subscrição Office Basic de Padaria Sol, Lda." in page
    answer = pt.post("/redeem", {"for": subscription, "purpose": "add"})
    pt.draft = re.sub(r"^/a/\w+", "", answer["Location"]).removesuffix("/attest")  # type: ignore[attr-defined]
    pt.post(path(pt, "attest"), {"attestation": "yes"})
    send_keys(pt, make_keys(world)[0])
    assert leads_to(keys_are_right(pt)) == "confirm", "what it is for is known"
    page = pt.get(path(pt, "confirm"))
    assert "10 (agora 5)" in text_of(page)
    assert leads_to(confirm_it(pt, fingerprint_of(page))) == "receipt"


def test_a_foreign_subscription_is_as_absent_as_one_that_never_was(world: World, pt: Client) -> None:
    _, outcome = open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    foreign = identifiers.write("subscription", outcome.effects[0].subscription)  # type: ignore[arg-type]
    signed_in(pt, carla)
    answers = [pt.get(f"/redeem?for={name}") for name in (foreign, "sub_" + "0" * 32, "nonsense")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert Client().get(f"/redeem?for={foreign}").status_code == 404


def test_a_subscription_that_left_the_holders_reach_is_asked_about_again(world: World, pt: Client, en: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    signed_in(pt, bruno)
    subscription = identifiers.write("subscription", outcome.effects[0].subscription)  # type: ignore[arg-type]
    answer = pt.post("/redeem", {"for": subscription})
    pt.draft = re.sub(r"^/a/\w+", "", answer["Location"]).removesuffix("/attest")  # type: ignore[attr-defined]
    code = re.search(r'<strong class="code">([0-9A-Z-]+)<', text_of(pt.get(path(pt, "attest"))))[1]  # type: ignore[index]
    pt.post(path(pt, "attest"), {"attestation": "yes"})
    send_keys(pt, make_keys(world)[0])
    keys_are_right(pt)
    assert leads_to(en.post("/redeem/resume", {"code": code})) == "purpose"
    en.draft = pt.draft  # type: ignore[attr-defined]
    page = text_of(en.get(path(en, "purpose")))
    assert 'value="open"' in page
    assert 'value="extend' not in page
    assert leads_to(en.get(path(en, "confirm"))) == "purpose"


def test_with_accounts_at_the_browser_one_chooses_as_whom_to_redeem(world: World, pt: Client) -> None:
    signed_in(pt, world.ana)
    page = text_of(Client.get(pt, f"{pt.at}/redeem"))  # type: ignore[attr-defined]
    assert "Sem conta" not in page
    page = text_of(super(type(pt), pt).generic("GET", "/redeem"))
    assert f'formaction="{pt.at}/redeem"' in page  # type: ignore[attr-defined]
    assert "Ana Silva" in page
    assert "Sem conta" in page


# --- a card's QR code ---


def test_a_card_is_scanned_into_a_new_redemption_or_into_the_one_that_is_open(world: World, pt: Client) -> None:
    first, second, third = make_keys(world, 3)
    page = text_of(pt.get("/r"))
    assert "Onde fica a chave?" not in page
    answer = pt.post("/r", {"key": first})
    assert leads_to(answer) == "attest"
    pt.draft = answer["Location"].removesuffix("/attest")  # type: ignore[attr-defined]
    pt.post(path(pt, "attest"), {"acting_for": "own", "attestation": "yes"})
    page = text_of(pt.get("/r"))
    assert "Tem 1 chave até agora." in page
    tag = pt.draft.split("/")[2]  # type: ignore[attr-defined]
    assert leads_to(pt.post("/r", {"key": second, "into": tag})) == "keys"
    assert Draft.objects.count() == 1
    assert leads_to(pt.post("/r", {"key": third, "into": "new"})) == "attest"
    assert Draft.objects.count() == 2
    assert Hold.objects.count() == 3


def test_a_mistyped_key_beside_the_scanned_one_stays(world: World, pt: Client) -> None:
    good, mistyped = make_keys(world, 2)
    begin(pt)
    send_keys(pt, mistyped[:-1] + "*")
    pt.post("/r", {"key": good, "into": pt.draft.split("/")[2]})  # type: ignore[attr-defined]
    page = text_of(pt.get(path(pt, "keys")))
    assert mistyped[:-1] + "*" in page
    assert good[-5:] in page


def test_an_empty_scan_is_told(world: World, pt: Client) -> None:
    assert problems_of(pt.post("/r", {"key": " "})) == [("#key", "Introduza uma chave de produto.")]
    assert not Draft.objects.exists()


# --- once, whatever happens ---


def test_pressed_twice_and_back_again_it_is_redeemed_once(world: World, pt: Client) -> None:
    fingerprint = to_confirm(pt, make_keys(world)[0])
    for _ in range(3):
        assert leads_to(confirm_it(pt, fingerprint)) == "receipt"
    for page in ("attest", "keys", "check", "purpose", "organisation", "administrator", "partner", "confirm", "later"):
        assert leads_to(pt.get(path(pt, page))) == "receipt"
        assert leads_to(pt.post(path(pt, page), {"key": make_keys(world), "do": "next"})) == "receipt"
    reference = re.search(r"R-\w{4}-\w{4}", text_of(pt.get(path(pt, "receipt"))))[0]  # type: ignore[index]
    assert reference in text_of(pt.get(path(pt, "receipt")))


def test_a_draft_of_another_browser_is_found_by_its_code_alone(world: World, pt: Client) -> None:
    code = begin(pt)
    stranger = Client(headers=ENGLISH)
    assert stranger.get(path(pt, "keys"))["Location"] == "/redeem"
    assert stranger.get(path(pt, "receipt.json")).status_code == 404
    wrong = ResumeCode.made(bytes(13)).grouped()
    assert stranger.post("/redeem/resume", {"code": wrong}).status_code == 422
    assert leads_to(stranger.post("/redeem/resume", {"code": code})) == "keys"
    assert means().now == datetime(2026, 11, 22, 12, tzinfo=UTC)
