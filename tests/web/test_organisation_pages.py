"""An organisation's home, its partner of record, and its history: what is to be done now, who decided what."""

from __future__ import annotations

import csv
import re
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from chaveiro.apps.customers.models import Role
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.models import Entry, Seal
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.rules.journal import TAGS
from chaveiro.wording.chronicle import DEEDS, SUBJECTS, deed, tags_about
from tests.cast import World, make_keys, means, open_customer
from tests.web.conftest import signed_in, text_of, where

pytestmark = pytest.mark.django_db


def tasks_on(page: str) -> list[str]:
    tasks = page.partition('id="todo"')[2].partition("</section>")[0]
    return re.findall(r'<li><div><a href="[^"]*">([^<]*)</a>', tasks)


def seal() -> None:
    """Number what was journalled. The sealer itself waits for the end of the transaction that a test rolls back."""
    last = Seal.objects.count()
    waiting = Entry.objects.filter(seal__isnull=True).order_by("id")
    Seal.objects.bulk_create(
        Seal(number=last + place, entry=entry, leaf=b"0" * 32) for place, entry in enumerate(waiting, 1)
    )


def only_billing(actor: Actor) -> None:
    Role.objects.filter(customer_id=actor.customer).update(name="billing")


def test_the_home_shows_its_four_numbers_and_what_is_to_be_done_now(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world, 2, months=1), day=date(2026, 11, 16))
    page = text_of(signed_in(pt, bruno).get("/home"))
    numbers = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page)
    assert numbers[:4] == [
        ("Licenças atribuídas", "1 de 10"),
        ("Dias até ao fim", "24"),
        ("Pessoas", "1"),
        ("Parceiros", "0"),
    ]
    assert tasks_on(page)[:2] == ["Prolongar a subscrição", "Decidir quem é o parceiro de registo"]
    assert "termina em breve" in page
    later = page.partition('id="later"')[2].partition("</section>")[0]
    assert "Usar um domínio próprio" in later
    assert "<a " not in later  # nothing leads where there is nothing yet


def test_what_is_done_or_far_away_is_no_task(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    proposal = PartnerOfRecord.objects.get(customer_id=bruno.customer)
    client.post(f"/partners-of-record/{proposal.id}", {"partner": "confirm"})
    Account.objects.filter(id=bruno.account).update(alternate_email="bruno@elsewhere.example")
    assert tasks_on(text_of(client.get("/home"))) == ["Rever o início de sessão"]


def test_whoever_may_not_redeem_or_decide_is_told_what_it_takes(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    Role.objects.filter(customer_id=bruno.customer).delete()
    client = signed_in(pt, bruno)
    page = text_of(client.get("/home"))
    assert "é necessária a função de administrador ou de faturação" in page
    assert 'href="/redeem"' not in page
    assert 'name="partner"' not in page
    assert 'name="registration_number"' not in text_of(client.get("/partner"))


def test_a_partner_is_chosen_by_number_and_its_name_is_seen_before(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    page = text_of(client.post("/partner", {"do": "find", "registration_number": " 765 4321 ", "for": ""}))
    assert "É este o parceiro que pretende?" in page
    assert "<strong>Mar Sistemas, Lda.</strong>" in page
    assert not PartnerOfRecord.objects.filter(state="confirmed").exists()
    assert "Escolher Mar Sistemas, Lda." in page
    answer = client.post("/partner", {"do": "choose", "registration_number": "7654321", "for": ""})
    assert where(answer) == "/partner"
    page = text_of(client.get("/partner"))
    assert "Mar Sistemas, Lda. (7654321)" in page
    assert "Terminar com Mar Sistemas, Lda." in page
    client.post("/partner", {"do": "remove"})
    assert not PartnerOfRecord.objects.filter(state="confirmed").exists()


def test_one_subscription_can_have_a_partner_of_its_own(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    subscription = identifiers.write("subscription", outcome.effects[0].subscription)  # type: ignore[arg-type]
    client = signed_in(pt, bruno)
    asked = {"registration_number": "7654321", "for": subscription}
    page = text_of(client.post("/partner", {"do": "find", **asked}))
    assert "Passa a ser o parceiro de registo apenas de Office Basic" in page
    client.post("/partner", {"do": "choose", **asked})
    assert "Terminar com Mar Sistemas, Lda. para Office Basic" in text_of(client.get("/partner"))
    assert "Mar Sistemas, Lda. (7654321)" in text_of(client.get(f"/subscriptions/{subscription}"))
    client.post("/partner", {"do": "remove", "for": subscription})
    assert "nobody" not in text_of(client.get("/partner"))
    assert not PartnerOfRecord.objects.filter(state="confirmed").exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("12345", "Um número de parceiro de registo tem sete algarismos."),
        ("", "Um número de parceiro de registo tem sete algarismos."),
        ("9999999", "Nenhum parceiro tem este número de registo."),
    ],
)
def test_a_wrong_number_is_told_at_the_field_and_at_the_top_in_the_same_words(
    world: World, pt: Client, number: str, words: str
) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    answer = signed_in(pt, bruno).post("/partner", {"do": "find", "registration_number": number, "for": ""})
    page = text_of(answer)
    assert answer.status_code == 422
    assert page.count(words) == 2
    assert "<title>Erro:" in page
    assert f'value="{number}"' in page


def test_nobody_chooses_for_a_subscription_of_another(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    _carla, foreign = open_customer(world, make_keys(world), prefix="carla")
    theirs = identifiers.write("subscription", foreign.effects[0].subscription)  # type: ignore[arg-type]
    client = signed_in(pt, bruno)
    for subscription in (theirs, identifiers.write("subscription", means().new_id()), "sub_1"):
        asked = {"do": "choose", "registration_number": "7654321", "for": subscription}
        assert client.post("/partner", asked).status_code in (404, 422)
    assert not PartnerOfRecord.objects.filter(state="confirmed").exists()


def test_billing_sees_who_it_is_and_cannot_change_it(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    only_billing(bruno)
    client = signed_in(pt, bruno)
    assert client.post("/partner", {"do": "choose", "registration_number": "7654321", "for": ""}).status_code == 403
    assert client.post("/partner", {"do": "remove"}).status_code == 403


def history_of(page: str) -> list[tuple[str, str]]:
    """What and who, row by row."""
    rows = re.findall(r"<tr><td>.*?</td><td>(.*?)</td><td>(.*?)</td>", page.partition("<tbody>")[2], re.S)
    return [(re.split("<br>", what)[0], re.split("<br>", who)[0]) for what, who in rows]


def test_the_history_tells_in_sentences_what_was_done_and_who_did_it(world: World, pt: Client) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    client.post("/partner", {"do": "choose", "registration_number": "7654321", "for": ""})
    seal()
    page = text_of(client.get("/history"))
    told = history_of(page)
    assert ("O parceiro de registo foi alterado.", "Bruno Costa") in told
    assert ("Foram resgatadas chaves de produto.", "Sol Informática, Lda.") in told
    assert told.index(("O parceiro de registo foi alterado.", "Bruno Costa")) < told.index(
        ("Foram resgatadas chaves de produto.", "Sol Informática, Lda.")
    )
    assert f'/receipts/{outcome.reference}">{outcome.reference}</a>' in page
    assert "Ana" not in page  # a partner's people are the partner's to know


def test_the_history_is_filtered_by_what_by_whom_and_by_day(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    client.post("/partner", {"do": "choose", "registration_number": "7654321", "for": ""})
    seal()
    whose = {what for what, _ in history_of(text_of(client.get("/history?about=partner")))}
    assert whose == {"O parceiro de registo foi alterado.", "Um parceiro propôs-se como parceiro de registo."}
    assert {who for _, who in history_of(text_of(client.get("/history?by=partners")))} == {"Sol Informática, Lda."}
    assert history_of(text_of(client.get("/history?until=2026-11-21"))) == []
    assert history_of(text_of(client.get("/history?since=2026-11-22&until=2026-11-22"))) != []
    assert history_of(text_of(client.get("/history?since=nonsense&about=nonsense"))) != []


def test_nobody_reads_another_organisations_history(world: World, pt: Client) -> None:
    open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    seal()
    client = signed_in(pt, carla)
    seal()
    numbers = set(re.findall(r'class="figure">(\d+)<', text_of(client.get("/history"))))
    mine = {str(entry.seal.number) for entry in Entry.objects.filter(customer_id=carla.customer, seal__isnull=False)}
    assert numbers
    assert numbers <= mine


def test_the_history_as_a_table_has_a_row_for_each_entry(world: World, pt: Client) -> None:
    bruno, _ = open_customer(world, make_keys(world))
    client = signed_in(pt, bruno)
    seal()
    rows = list(csv.DictReader(StringIO(text_of(client.get("/history.csv")).removeprefix("\ufeff")), delimiter=";"))
    assert "redemption:committed" in {row["Tipo"] for row in rows}
    assert len(rows) == Entry.objects.filter(customer_id=bruno.customer, seal__isnull=False).count()


def test_every_tag_of_the_journal_has_its_sentence_and_its_place_in_the_filter() -> None:
    assert set(DEEDS) == set(TAGS)
    for tag in TAGS:
        for language in ("pt-pt", "en"):
            assert deed(tag, language).endswith(".")
    shown = {tag for group in SUBJECTS for tag in tags_about(group)}
    house = {"checkpoint", "installation", "pepper", "policy", "product", "signing_key"}
    assert {tag for tag in TAGS if tag.partition(":")[0] not in house} == shown


@pytest.mark.parametrize("path", ["/home", "/partner", "/receipts", "/history"])
def test_an_organisations_pages_take_few_statements(
    world: World, pt: Client, path: str, django_assert_max_num_queries: Any
) -> None:
    bruno, _ = open_customer(world, make_keys(world, 3))
    client = signed_in(pt, bruno)
    seal()
    with django_assert_max_num_queries(15):
        assert client.get(path).status_code == 200
