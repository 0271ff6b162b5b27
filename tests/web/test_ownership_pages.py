"""Taking ownership, signing in, signing out: each link works once, and only by the button."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client

from chaveiro.apps.customers.models import Reach
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.actions.accounts import close_account
from chaveiro.apps.identity.models import Account, Link
from chaveiro.apps.journal.models import Entry
from chaveiro.rules.actors import Actor
from chaveiro.rules.tokens import Purpose
from tests.cast import NOON, World, make_keys, open_customer
from tests.web.conftest import PORTUGUESE, link_for, signed_in, text_of, where
from tests.web.journey import heading, problems_of

pytestmark = pytest.mark.django_db

GOOD = {"password": "broa de milho e manteiga", "again": "broa de milho e manteiga", "partner": "confirm"}


@pytest.fixture
def bruno(world: World) -> Actor:
    return open_customer(world, make_keys(world))[0]


def account_of(actor: Actor) -> UUID:
    assert actor.account is not None
    return actor.account


def test_ownership_is_taken_once_with_a_password_and_signs_in(bruno: Actor, pt: Client, en: Client) -> None:
    path = link_for(account_of(bruno), Purpose.OWNERSHIP)
    for _ in range(3):
        page = pt.get(path)
        assert heading(page) == "Assumir a conta de Padaria Sol, Lda."
    assert "bruno.costa@padariasol.example.test" in text_of(page)
    assert "Sol Informática, Lda. (número 1234567) propõe-se" in text_of(page)
    assert where(pt.post(path, GOOD)) == "/home"
    assert "Padaria Sol, Lda." in text_of(pt.get("/home", follow=True))
    row = Account.objects.get(id=bruno.account)
    assert row.owned_at == NOON
    assert GOOD["password"] not in row.password
    assert en.get(path).status_code == 404
    assert en.post(path, GOOD).status_code == 404
    assert Entry.objects.filter(tag="ownership:taken").count() == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (
            {"password": "curta", "again": "curta"},
            "Esta palavra-passe é curta demais. Deve ter pelo menos 15 carateres.",
        ),
        ({"again": "outra coisa qualquer"}, "As duas palavras-passe não são iguais."),
        (
            {"password": "bruno@padariasol.example", "again": "bruno@padariasol.example"},
            "A palavra-passe é demasiado parecida com: nome de utilizador.",
        ),
        ({"partner": ""}, "Indique se este parceiro vai ser o parceiro de registo da organização."),
    ],
)
def test_a_form_that_does_not_do_leaves_the_link_good(
    bruno: Actor, pt: Client, typed: dict[str, str], words: str
) -> None:
    path = link_for(account_of(bruno), Purpose.OWNERSHIP)
    page = pt.post(path, {**GOOD, **typed})
    assert page.status_code == 422
    assert words in [said for _, said in problems_of(page)]
    assert f'value="{(GOOD | typed)["password"]}"' not in text_of(page), "passwords are not sent back"
    assert where(pt.post(path, GOOD)) == "/home"


@pytest.mark.parametrize(("decision", "state"), [("confirm", "confirmed"), ("decline", "declined")])
def test_the_proposed_partner_of_record_is_confirmed_or_declined(
    bruno: Actor, world: World, pt: Client, decision: str, state: str
) -> None:
    pt.post(link_for(account_of(bruno), Purpose.OWNERSHIP), {**GOOD, "partner": decision})
    assert PartnerOfRecord.objects.get().state == state
    reach = Reach.objects.filter(kind="partner_of_record", organisation_id=world.reseller, ended_at=None)
    assert reach.count() == (1 if state == "confirmed" else 0)
    assert Entry.objects.filter(tag=f"partner_of_record:{state}").count() == 1


def test_a_second_partner_of_record_ends_the_first(bruno: Actor, world: World) -> None:
    def propose(organisation: UUID) -> UUID:
        return PartnerOfRecord.objects.create(
            id=UUID(int=organisation.int ^ 1),
            customer_id=bruno.customer,
            organisation_id=organisation,
            state="proposed",
            proposed_at=NOON,
        ).id

    client = signed_in(Client(), bruno)
    PartnerOfRecord.objects.all().delete()
    for organisation in (world.reseller, world.rui.organisation):
        assert organisation is not None
        client.post(f"/partners-of-record/{propose(organisation)}", {"partner": "confirm"})
    states = dict(PartnerOfRecord.objects.values_list("organisation_id", "state"))
    assert states == {world.reseller: "ended", world.rui.organisation: "confirmed"}
    standing = Reach.objects.filter(kind="partner_of_record", ended_at=None).values_list("organisation_id", flat=True)
    assert list(standing) == [world.rui.organisation]


def test_a_sign_in_link_survives_being_looked_at_and_works_once(bruno: Actor, pt: Client, en: Client) -> None:
    path = link_for(account_of(bruno), Purpose.SIGN_IN)
    for _ in range(3):
        assert pt.get(path).status_code == 200
        assert pt.head(path).status_code == 200
    assert pt.get("/home")["Location"] == "/sign-in", "looking signs nobody in"
    assert where(pt.post(path)) == "/home"
    page = en.post(path)
    assert page.status_code == 404
    assert heading(page) == "The link is no longer good"
    assert Link.objects.exclude(used_at=None).count() == 1


def test_a_link_for_one_purpose_does_not_serve_another(bruno: Actor, pt: Client) -> None:
    ownership = link_for(account_of(bruno), Purpose.OWNERSHIP)
    assert pt.post(ownership.replace("/ownership/", "/sign-in/")).status_code == 404
    assert pt.get("/sign-in/" + "a" * 32).status_code == 404


def test_signing_in_again_with_name_and_password(bruno: Actor, pt: Client, en: Client) -> None:
    pt.post(link_for(account_of(bruno), Purpose.OWNERSHIP), GOOD)
    name = "bruno.costa@padariasol.example.test"
    answer = en.post("/sign-in", {"name": f" {name.upper()} ", "password": GOOD["password"]})
    assert where(answer) == "/home"
    assert "Padaria Sol, Lda." in text_of(en.get("/home", follow=True))


def test_a_wrong_password_and_an_unknown_name_are_not_told_apart(bruno: Actor, pt: Client) -> None:
    pt.post(link_for(account_of(bruno), Purpose.OWNERSHIP), GOOD)
    name = "bruno.costa@padariasol.example.test"
    stranger = Client(headers=PORTUGUESE)
    wrong = stranger.post("/sign-in", {"name": name, "password": "x"})
    unknown = stranger.post("/sign-in", {"name": "carla@example.test", "password": "x"})
    assert wrong.status_code == unknown.status_code == 422
    assert (
        problems_of(wrong) == problems_of(unknown) == [("#name", "Nenhuma conta tem este nome e esta palavra-passe.")]
    )
    assert f'value="{name}"' in text_of(wrong)
    assert stranger.get("/home")["Location"] == "/sign-in"


def test_an_account_without_a_password_is_opened_by_none(bruno: Actor, pt: Client) -> None:
    for password in ("", "!"):
        answer = pt.post("/sign-in", {"name": "bruno.costa@padariasol.example.test", "password": password})
        assert answer.status_code == 422


def test_whoever_guesses_waits_and_nobody_else(bruno: Actor, pt: Client, en: Client) -> None:
    for _ in range(20):
        pt.post("/sign-in", {"name": "bruno.costa@padariasol.example.test", "password": "x"})
    page = pt.post("/sign-in", {"name": "bruno.costa@padariasol.example.test", "password": "x"})
    assert page.status_code == 429
    assert int(page["Retry-After"]) >= 1
    elsewhere = en.post("/sign-in", {"name": "carla@example.test", "password": "x"}, REMOTE_ADDR="203.0.113.9")
    assert elsewhere.status_code == 422


def test_signing_in_begins_a_session_of_its_own(bruno: Actor, pt: Client) -> None:
    pt.post("/redeem")
    pt.get("/sign-in")
    before = pt.cookies.get("session")
    signed_in(pt, bruno)
    assert before is None or pt.cookies["session"].value != before.value
    assert pt.cookies["session"]["httponly"]


def test_signing_out_needs_a_post_and_ends_the_session(bruno: Actor, pt: Client) -> None:
    signed_in(pt, bruno)
    assert pt.get("/sign-out").status_code == 405
    assert pt.get("/home").status_code == 200
    assert pt.post("/sign-out")["Location"] == "/"
    assert pt.get("/home")["Location"].startswith("/sign-in?next=")
    assert Entry.objects.filter(tag="session:ended").count() == 1


def test_a_closed_account_is_signed_out_with_the_next_request(bruno: Actor, world: World, pt: Client) -> None:
    signed_in(pt, bruno)
    close_account(actor=world.duarte, account=account_of(bruno), now=NOON)
    assert pt.get("/home")["Location"].startswith("/sign-in?next=")
