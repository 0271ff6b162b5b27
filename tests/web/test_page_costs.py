"""What the main pages ask of the database: few statements, and no more of them when there is more to show."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from chaveiro.apps.identity.models import OneTimeCodes
from chaveiro.apps.keys.models import Batch
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers
from tests.cast import NOON, World, make_keys, open_customer
from tests.web.conftest import PORTUGUESE, signed_in
from tests.web.desk import at_desk
from tests.web.test_redeeming_cost import STATEMENTS_AT_MOST, Statements

pytestmark = [pytest.mark.django_db]

AT_THE_DESK = (
    "/home",
    "/desk/batches",
    "/desk/corrections",
    "/desk/customers",
    "/desk/journal",
    "/desk/operators",
    "/desk/partners",
    "/desk/policies",
    "/desk/products",
    "/desk/redemptions",
    "/desk/renewals",
    "/desk/redemptions.csv",
    "/desk/search?q=cliente",
    "/desk/state",
    "/settings/security",
)
OF_A_PARTNER = (
    "/home",
    "/customers",
    "/customers.csv",
    "/receipts",
    "/receipts.csv",
    "/renewals",
    "/history",
    "/history.csv",
    "/stock",
)
OF_A_CUSTOMER = ("/home", "/receipts", "/receipts.csv", "/history", "/history.csv", "/partner")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    return Statements(monkeypatch)


def open_some(world: World, first: int, count: int) -> None:
    """So many customers, each with a batch, a redemption and a subscription of its own."""
    for number in range(first, first + count):
        open_customer(world, make_keys(world, 2)[:1], f"cliente{number}")


def operator(world: World, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An operator with a second factor, as they are: each page asks whether they have one."""
    browser = at_desk(world.duarte)
    OneTimeCodes.objects.create(account_id=world.duarte.account, sealed=b"-", created_at=NOON, confirmed_at=NOON)
    monkeypatch.setattr(settings, "SECOND_FACTOR_AFTER_LINKS", True)
    return browser


def places_of_one() -> tuple[str, ...]:
    """The pages of one customer, redemption, subscription and batch."""
    redemption, subscription = Redemption.objects.latest("at"), Subscription.objects.latest("opened_at")
    customer = identifiers.write("customer", subscription.customer_id)
    return (
        f"/desk/customers/{customer}",
        f"/desk/redemptions/{redemption.reference}",
        f"/desk/redemptions/{redemption.reference}/correct",
        f"/desk/batches/{Batch.objects.latest('number').number}",
        f"/desk/batches/{Batch.objects.latest('number').number}/recall",
        f"/subscriptions/{identifiers.write('subscription', subscription.id)}",
        f"/subscriptions/{identifiers.write('subscription', subscription.id)}/renew",
        f"/receipts/{redemption.reference}",
    )


def asked(statements: Statements, browser: Client, addresses: Any) -> dict[str, int]:
    return {address: statements.of(browser, address) - outside(statements) for address in addresses}


def outside(statements: Statements) -> int:
    """Of the statements that were sent those by which only tests end a scope: one for each that began it."""
    return sum("set_config('role'" in query for query in statements.seen) // 2


def over(counts: dict[str, int]) -> dict[str, int]:
    return {address: count for address, count in counts.items() if count > STATEMENTS_AT_MOST}


def test_no_page_of_the_desk_asks_much_or_more_when_there_is_more(
    world: World, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_some(world, 1, 2)
    browser = operator(world, monkeypatch)
    few = asked(statements, browser, (*AT_THE_DESK, *places_of_one()))
    assert over(few) == {}
    lists = {address: few[address] for address in AT_THE_DESK}
    open_some(world, 3, 5)
    assert asked(statements, browser, AT_THE_DESK) == lists


def test_no_page_of_a_partner_asks_much_or_more_when_there_is_more(world: World, statements: Statements) -> None:
    open_some(world, 1, 2)
    browser = signed_in(Client(headers=PORTUGUESE), world.ana)
    few = asked(statements, browser, OF_A_PARTNER)
    assert over(few) == {}
    open_some(world, 3, 5)
    assert asked(statements, browser, OF_A_PARTNER) == few


def test_no_page_of_a_customer_asks_much(world: World, statements: Statements) -> None:
    bruno, _outcome = open_customer(world, make_keys(world, 2))
    browser = signed_in(Client(headers=PORTUGUESE), bruno)
    assert over(asked(statements, browser, OF_A_CUSTOMER)) == {}
