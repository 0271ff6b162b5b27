"""Everything that is kept, in a file of theirs: without secrets, sealed, gone after a day; one person gone."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chaveiro import wiring
from chaveiro.apps.closing.actions import destroying, exporting
from chaveiro.apps.closing.actions.erasing import erase_due
from chaveiro.apps.closing.actions.letting_go import let_go
from chaveiro.apps.closing.models import DataExport, Erasure
from chaveiro.apps.customers.models import Customer, Person, Role
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import LedgerRow, Subscription
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.datakeys import Whose
from chaveiro.rules.erasure import LastAdministrator
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.inventory import CUSTOMERS
from chaveiro.rules.vault import SealBroken
from tests.apps.erasing_scene import DUE, Ended, ended, swept, tell
from tests.cast import NOON, World, build_world, make_keys, means, new_id, open_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture
def padaria(world: World) -> Ended:
    return ended(world)


def written(operation: UUID, **changes: Any) -> bool:
    return exporting.run_export(
        operation=operation, keys=wiring.data_keys(), seal=wiring.seal_data, means=changes.get("at", means())
    )


def fetched(actor: Actor, operation: UUID, at: Any = None) -> zipfile.ZipFile:
    into = io.BytesIO()
    exporting.fetch_export(
        actor=actor,
        operation=operation,
        keys=wiring.data_keys(),
        unseal=wiring.unseal_data,
        into=into,
        means=at or means(),
    )
    return zipfile.ZipFile(into)


def another(padaria: Ended, name: str = "Rita") -> Actor:
    """A second person of Padaria Sol, with a licence taken from nobody."""
    account = Account.objects.create(
        id=new_id(),
        login_name=f"{name.lower()}@padariasol.example.test",
        kind="customer",
        customer_id=padaria.customer,
        email=f"{name.lower()}@padariasol.example",
        given_name=name,
        family_name="Costa",
        created_at=NOON,
    )
    person = Person.objects.create(
        id=new_id(),
        customer_id=padaria.customer,
        account=account,
        user_name=name.lower(),
        country_of_use="PT",
        created_at=NOON,
    )
    row = Subscription.objects.get(id=padaria.subscription)
    Licence.objects.create(
        id=new_id(),
        customer_id=padaria.customer,
        person=person,
        product_id=row.product_id,
        subscription=row,
        since=NOON,
    )
    Subscription.objects.filter(id=row.id).update(assigned=2)
    return Actor(Kind.CUSTOMER, account.id, customer=padaria.customer)


def person_of(actor: Actor) -> UUID:
    return Person.objects.get(account_id=actor.account).id


# ── the file ──


def test_it_holds_every_table_and_every_row_of_the_customer_and_nobody_else_s(world: World, padaria: Ended) -> None:
    open_customer(world, make_keys(world, 1), "outra")
    operation = exporting.begin_export(actor=padaria.bruno, means=means())
    assert written(operation)
    archive = fetched(padaria.bruno, operation)
    names = set(archive.namelist())
    assert {f"{table.name}.json" for table in CUSTOMERS} | {f"{table.name}.csv" for table in CUSTOMERS} < names
    (organisation,) = json.loads(archive.read("customers_customer.json"))
    assert organisation["name"] == "Padaria Sol, Lda."
    (row,) = json.loads(archive.read("subscriptions_ledgerrow.json"))
    assert (row["kind"], row["granted"]) == ("open", 5 * 365)
    cells = list(csv.DictReader(io.StringIO(archive.read("identity_account.csv").decode())))
    assert [one["email"] for one in cells] == ["bruno@padariasol.example"]
    about = json.loads(archive.read("about.json"))
    assert about["rows"]["customers_customer"] == 1
    assert json.loads(archive.read("redemption_redemption.json"))[0]["attestation"]["address"] == "192.0.2.1"
    assert "outra" not in "".join(archive.read(name).decode() for name in names)


def test_no_secret_is_in_it(padaria: Ended) -> None:
    Account.objects.filter(id=padaria.bruno.account).update(password="scrypt$secret")
    operation = exporting.begin_export(actor=padaria.bruno, means=means())
    assert written(operation)
    archive = fetched(padaria.bruno, operation)
    assert "scrypt$secret" not in "".join(archive.read(name).decode() for name in archive.namelist())
    for table in CUSTOMERS:
        header = archive.read(f"{table.name}.csv").decode().splitlines()[0].split(",")
        assert table.hidden.isdisjoint(header)


def test_a_cell_is_never_a_formula(padaria: Ended) -> None:
    Customer.objects.filter(id=padaria.customer).update(name="=1+1")
    operation = exporting.begin_export(actor=padaria.bruno, means=means())
    assert written(operation)
    archive = fetched(padaria.bruno, operation)
    assert "'=1+1" in archive.read("customers_customer.csv").decode()
    assert json.loads(archive.read("customers_customer.json"))[0]["name"] == "=1+1"


def test_what_is_kept_of_it_is_sealed_with_the_customer_s_key_and_dies_with_it(padaria: Ended) -> None:
    operation = exporting.begin_export(actor=padaria.bruno, means=means())
    assert written(operation)
    sealed = bytes(DataExport.objects.get().sealed)
    assert b"PK" not in sealed[:40]
    with pytest.raises(SealBroken):
        wiring.unseal_data(bytes(32), sealed, exporting._sealed(padaria.customer, operation, 1))
    key = wiring.data_keys().read(Whose.CUSTOMER, padaria.customer)
    assert key is not None
    with pytest.raises(SealBroken):
        wiring.unseal_data(key, sealed, exporting._sealed(padaria.customer, operation, 2))
    assert wiring.unseal_data(key, sealed, exporting._sealed(padaria.customer, operation, 1))[:2] == b"PK"


def test_it_is_there_for_a_day_for_who_asked(world: World, padaria: Ended) -> None:
    rita = another(padaria)
    operation = exporting.begin_export(actor=padaria.bruno, means=means())
    assert exporting.begin_export(actor=padaria.bruno, means=means()) == operation, "one at a time"
    assert written(operation)
    assert not written(operation), "it ended"
    late = means().at(NOON + timedelta(hours=24), means().day)
    for actor, at in ((rita, means()), (padaria.bruno, late)):
        with pytest.raises(NotFound):
            fetched(actor, operation, at)
    assert exporting.drop_old_exports(means=means()) == 0
    assert exporting.drop_old_exports(means=means().at(NOON + timedelta(hours=25), means().day)) == 1


def test_only_an_administrator_exports_everything(world: World, padaria: Ended) -> None:
    rita = another(padaria)
    for actor in (rita, world.ana, world.duarte):
        with pytest.raises(NotAllowed):
            exporting.begin_export(actor=actor, means=means())
    with pytest.raises(NotAllowed):
        exporting.begin_export(actor=rita, person=person_of(padaria.bruno), means=means())


def test_a_person_has_what_is_kept_of_them(padaria: Ended) -> None:
    rita = another(padaria)
    operation = exporting.begin_export(actor=rita, person=person_of(rita), means=means())
    assert written(operation)
    archive = fetched(rita, operation)
    assert [row["given_name"] for row in json.loads(archive.read("identity_account.json"))] == ["Rita"]
    assert "bruno" not in "".join(archive.read(name).decode() for name in archive.namelist())


def test_an_export_that_cannot_be_sealed_fails_with_its_reason(padaria: Ended) -> None:
    operation = exporting.begin_export(actor=padaria.bruno, means=means())
    wiring.data_keys().destroy(Whose.CUSTOMER, padaria.customer)
    assert not written(operation)
    with acting(padaria.bruno):
        assert operations.progress(operation).fault == "data_key_destroyed"


def test_exports_go_with_the_customer(padaria: Ended) -> None:
    assert written(exporting.begin_export(actor=padaria.bruno, means=means()))
    swept(DUE - timedelta(days=1))
    erase_due(day=DUE, clock=None, means=means(DUE))
    tell(padaria.subscription, kind="erased")
    swept(DUE)
    erase_due(day=DUE + timedelta(days=1), clock=None, means=means(DUE + timedelta(days=1)))
    assert DataExport.objects.count() == 0


# ── one person ──


def test_a_person_is_let_go_at_once_and_blank_a_moment_later(padaria: Ended) -> None:
    rita = another(padaria)
    ledger = list(LedgerRow.objects.values())
    entries = Entry.objects.count()
    let_go(actor=padaria.bruno, person=person_of(rita), means=means())
    assert Account.objects.get(id=rita.account).closed_at == NOON
    assert Licence.objects.filter(person_id=person_of(rita), ended_at=None).count() == 0
    assert Subscription.objects.get(id=padaria.subscription).assigned == 1
    record = Erasure.objects.get(kind="person")
    assert Owed.objects.filter(kind="erase_person", facts__erasure=str(record.id)).count() == 1
    assert destroying.erase_person(erasure=record.id, means=means())
    assert not destroying.erase_person(erasure=record.id, means=means())
    account = Account.objects.get(id=rita.account)
    assert (account.given_name, account.family_name, account.email) == ("", "", "")
    assert Account.objects.get(id=padaria.bruno.account).given_name == "Bruno"
    assert list(LedgerRow.objects.values()) == ledger
    assert Entry.objects.count() == entries + 2
    assert list(Entry.objects.order_by("-id").values_list("tag", flat=True)[:2]) == ["person:erased", "person:deleted"]


def test_done_again_it_changes_nothing(padaria: Ended) -> None:
    rita = another(padaria)
    for _ in range(2):
        let_go(actor=padaria.bruno, person=person_of(rita), means=means())
    assert Erasure.objects.filter(kind="person").count() == 1
    assert Subscription.objects.get(id=padaria.subscription).assigned == 1


def test_anybody_may_let_themselves_go(padaria: Ended) -> None:
    rita = another(padaria)
    let_go(actor=rita, person=person_of(rita), means=means())
    assert Account.objects.get(id=rita.account).closed_at is not None


def test_nobody_lets_others_go_without_the_role_and_strangers_find_nobody(world: World, padaria: Ended) -> None:
    rita = another(padaria)
    carla, _ = open_customer(world, make_keys(world, 1), "outra")
    with pytest.raises(NotAllowed):
        let_go(actor=rita, person=person_of(padaria.bruno), means=means())
    with pytest.raises(NotFound):
        let_go(actor=carla, person=person_of(rita), means=means())
    for actor in (world.ana, world.duarte):
        with pytest.raises(NotAllowed):
            let_go(actor=actor, person=person_of(rita), means=means())
    assert Erasure.objects.count() == 0


def test_the_last_administrator_stays(padaria: Ended) -> None:
    rita = another(padaria)
    with pytest.raises(LastAdministrator):
        let_go(actor=padaria.bruno, person=person_of(padaria.bruno), means=means())
    Role.objects.create(person_id=person_of(rita), customer_id=padaria.customer, name="administrator", since=NOON)
    let_go(actor=padaria.bruno, person=person_of(padaria.bruno), means=means())
    assert Redemption.objects.get().customer_id == padaria.customer
