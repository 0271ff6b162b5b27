"""Publishing products and policies, and the organisations of the channel."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.catalog.actions import publish_policy, publish_product
from chaveiro.apps.catalog.models import ProductVersion
from chaveiro.apps.channel import queries as channel
from chaveiro.apps.channel.actions import add_member, add_organisation
from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.keys import queries as keys
from chaveiro.rules import identifiers
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor, Kind
from chaveiro.rules.errors import Contention, Malformed, NotAllowed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.organisations import (
    MemberElsewhere,
    NameAmbiguous,
    OrganisationKind,
    Registration,
    VendorExists,
)
from chaveiro.rules.policies import Policy, RightSize
from chaveiro.rules.products import Description, ErasesEarlier
from chaveiro.rules.verdicts import Refusals
from tests import cast
from tests.apps import stock

pytestmark = pytest.mark.django_db


def description(**changes: Any) -> Description:
    facts = {
        "code": "office-mail",
        "names": {"pt": "Correio", "en": "Mail"},
        "maximum_seats": 300,
        "markets": ("PT", "ES"),
        "services": ("mailbox",),
    }
    return Description(**{**facts, **changes})


def published(actor: Actor = SYSTEM, **changes: Any) -> catalog.Product:
    return publish_product(actor=actor, description=description(**changes), means=cast.means())


# ── products ──


def test_a_product_is_published_under_the_standard_policy_which_comes_with_the_first() -> None:
    product = published()
    assert (product.code, product.number, product.policy) == ("office-mail", 1, Policy())
    assert stock.tags() == ["policy:published", "product:published"]


def test_a_change_is_a_new_version_and_the_old_one_stays_what_it_was() -> None:
    first = published()
    second = published(maximum_seats=50, markets=("PT", "BR"))
    assert (second.number, second.maximum_seats) == (2, 50)
    with acting(SYSTEM):
        assert catalog.version(first.version) == first
        assert catalog.product("office-mail") == second
        assert catalog.products() == [second]
        assert catalog.markets() == ["BR", "PT"]


def test_the_same_description_again_changes_nothing() -> None:
    assert published() == published()
    assert ProductVersion.objects.count() == 1


def test_a_published_version_cannot_be_changed_by_anybody() -> None:
    product = published()
    with pytest.raises(DatabaseError, match="never change"), transaction.atomic():
        ProductVersion.objects.filter(pk=product.version).update(maximum_seats=1)


def test_everything_wrong_with_a_description_is_told_at_once() -> None:
    with pytest.raises(Refusals) as refused:
        published(
            code="não",
            names={"pt": "Correio"},
            texts={"fr": "x"},
            maximum_seats=0,
            markets=("PT", "pt"),
            services=("a b",),
            price_class="",
        )
    pointers = {fault.pointer for fault in refused.value.faults}
    assert pointers == {"/code", "/price_class", "/names/en", "/texts", "/maximum_seats", "/markets", "/services"}


def test_only_the_vendor_publishes_and_no_token_does() -> None:
    world = cast.build_world()
    assert published(world.duarte).number == 1
    narrow = Actor(Kind.OPERATOR, world.duarte.account, world.vendor, scopes=frozenset({"batches:write"}))
    for actor in (world.ana, ANONYMOUS, narrow):
        with pytest.raises(NotAllowed):
            published(actor, maximum_seats=1)


def test_everybody_may_look_at_what_is_sold() -> None:
    published()
    with acting(ANONYMOUS):
        assert [product.code for product in catalog.products()] == ["office-mail"]
        with pytest.raises(NotFound):
            catalog.product("office-none")


def test_a_later_policy_may_only_erase_later() -> None:
    means = cast.means()
    first = publish_policy(actor=SYSTEM, name="school", policy=Policy(retention_days=200), means=means)
    assert publish_policy(actor=SYSTEM, name="school", policy=Policy(retention_days=200), means=means) == first
    with pytest.raises(ErasesEarlier):
        publish_policy(actor=SYSTEM, name="school", policy=Policy(retention_days=199), means=means)
    later = Policy(retention_days=201, right_size=RightSize.FREE)
    assert publish_policy(actor=SYSTEM, name="school", policy=later, means=means) != first
    with acting(SYSTEM):
        assert catalog.policy("school")[1:] == (2, later)
    product = publish_product(actor=SYSTEM, description=description(), policy="school", means=means)
    assert product.policy == later
    with pytest.raises(NotFound):
        publish_product(actor=SYSTEM, description=description(), policy="nobody", means=means)


def test_a_batch_keeps_the_version_that_it_was_ordered_for() -> None:
    add_organisation(actor=SYSTEM, registration=VENDOR, means=cast.means())
    first = published()
    batch = stock.planned(product="office-mail")
    published(maximum_seats=4)
    with acting(SYSTEM):
        assert keys.batch(batch.id).product_version == first.version


# ── the channel ──

VENDOR = Registration(kind=OrganisationKind.VENDOR, name="Tagus Software, S.A.", country="PT")
RESELLER = Registration(kind=OrganisationKind.RESELLER, name="Sol Informática, Lda.", country="PT")


def test_every_partner_has_a_number_of_its_own() -> None:
    made = [add_organisation(actor=SYSTEM, registration=RESELLER, means=cast.means()) for _ in range(20)]
    numbers = set(Organisation.objects.values_list("registration_number", flat=True))
    assert len(numbers) == len(made)
    assert all(len(number) == 7 and number.isdecimal() and number[0] != "0" for number in numbers)
    assert stock.tags().count("organisation:added") == 20


def test_a_number_that_is_taken_is_drawn_again_and_not_for_ever() -> None:
    noon = cast.means()
    stuck = Means(noon.now, noon.day, noon.new_id, lambda count: bytes(count), noon.digesters)
    add_organisation(actor=SYSTEM, registration=RESELLER, means=stuck)
    with pytest.raises(Contention):
        add_organisation(actor=SYSTEM, registration=RESELLER, means=stuck)
    draws = iter([bytes(8), bytes(7) + b"\x01"])
    lucky = Means(noon.now, noon.day, noon.new_id, lambda _: next(draws), noon.digesters)
    add_organisation(actor=SYSTEM, registration=RESELLER, means=lucky)
    assert Organisation.objects.count() == 2


def test_there_is_one_vendor_and_it_has_no_number() -> None:
    vendor = add_organisation(actor=SYSTEM, registration=VENDOR, means=cast.means())
    with acting(SYSTEM):
        assert channel.vendor() == vendor
        assert channel.card(organisation=vendor).registration_number is None
    with pytest.raises(VendorExists):
        add_organisation(actor=SYSTEM, registration=VENDOR, means=cast.means())


def test_an_organisation_is_meant_by_number_id_or_name() -> None:
    world = cast.build_world()
    with acting(world.duarte):
        for text in ("1234567", identifiers.write("partner", world.reseller), " sol informática, lda. "):
            assert channel.organisation_named(text) == world.reseller
        for text in ("9999999", "ptr_nobody", "Nobody"):
            with pytest.raises(NotFound):
                channel.organisation_named(text)
    add_organisation(actor=SYSTEM, registration=RESELLER, means=cast.means())
    with acting(world.duarte), pytest.raises(NameAmbiguous) as refused:
        channel.organisation_named("Sol Informática, Lda.")
    assert "1234567" in refused.value.facts["registration_numbers"]


def test_a_partner_is_known_to_everybody_by_its_card_and_by_nothing_else() -> None:
    world = cast.build_world()
    with acting(world.ana):
        assert channel.card(registration_number="7654321").name == "Mar Sistemas, Lda."
        with pytest.raises(NotFound):
            channel.organisation_named("Mar Sistemas, Lda.")
        with pytest.raises(NotFound):
            channel.vendor()


def test_what_is_no_organisation_is_refused_with_every_reason() -> None:
    wrong = Registration(kind=OrganisationKind.RESELLER, name="\u202eevil", country="pt", language="fr")
    with pytest.raises(Refusals) as refused:
        add_organisation(actor=SYSTEM, registration=wrong, means=cast.means())
    assert len(refused.value.faults) == 3


def _account(kind: str, organisation: Any = None) -> Account:
    return Account.objects.create(
        id=cast.new_id(),
        login_name=f"{cast.new_id()}@example.test",
        kind=kind,
        organisation_id=organisation,
        email="filipa@example.test",
        given_name="Filipa",
        family_name="Reis",
        created_at=cast.NOON,
    )


def test_a_person_gets_a_role_at_home_once() -> None:
    world = cast.build_world()
    filipa = _account("channel", world.reseller)
    add = {"actor": world.duarte, "account": filipa.id, "means": cast.means()}
    with pytest.raises(MemberElsewhere):
        add_member(organisation=world.distributor, role="sales", **add)
    with pytest.raises(Malformed):
        add_member(organisation=world.reseller, role="operator", **add)
    with pytest.raises(NotFound):
        add_member(organisation=cast.new_id(), role="sales", **add)
    add_member(organisation=world.reseller, role="sales", **add)
    with pytest.raises(MemberElsewhere):
        add_member(organisation=world.reseller, role="owner", **add)
    with acting(SYSTEM):
        standing = channel.standing(filipa.id)
        assert standing is not None
        assert (standing.organisation, standing.role) == (world.reseller, "sales")
        assert channel.standing(cast.new_id()) is None
    assert stock.tags() == ["role:granted"]


def test_only_the_vendors_own_people_become_operators() -> None:
    world = cast.build_world()
    with pytest.raises(MemberElsewhere):
        add_member(
            actor=world.duarte,
            account=_account("channel", world.vendor).id,
            organisation=world.vendor,
            role="operator",
            means=cast.means(),
        )
    add_member(
        actor=world.duarte,
        account=_account("operator").id,
        organisation=world.vendor,
        role="operator",
        means=cast.means(),
    )
    assert stock.tags() == ["operator:added"]
    with pytest.raises(NotAllowed):
        add_member(
            actor=world.dalila,
            account=_account("channel", world.distributor).id,
            organisation=world.distributor,
            role="sales",
            means=cast.means(),
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM channel_member WHERE role = 'operator'")
        assert cursor.fetchone() == (2,)
