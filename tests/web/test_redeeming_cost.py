"""What the pages of a redemption ask of the database: few statements, however many subscriptions there are."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.test import Client

from chaveiro.apps.delegation.actions import confirm_partner_of_record
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.actions import acting
from tests.cast import NOON, World, make_keys, open_customer
from tests.web.conftest import signed_in, text_of
from tests.web.journey import PADARIA, begin, keys_are_right, path, send_keys, send_organisation, to_organisation

pytestmark = [pytest.mark.django_db]
STATEMENTS_AT_MOST = 15


class Statements:
    """Counts what is sent to the database, by whomever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        execute = psycopg.Cursor.execute

        def counted(cursor: Any, query: Any, *arguments: Any, **named: Any) -> Any:
            self.seen.append(str(query)[:90])
            return execute(cursor, query, *arguments, **named)

        monkeypatch.setattr(psycopg.Cursor, "execute", counted)

    def of(self, client: Client, address: str) -> int:
        self.seen.clear()
        assert client.get(address).status_code == 200, address
        # Only tests stand inside a transaction, where each act is a savepoint and its scope ends by a statement.
        return len([query for query in self.seen if "SAVEPOINT" not in query])


def test_no_page_of_the_wizard_asks_much(world: World, pt: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    to_organisation(pt, *make_keys(world, 50))
    pages = ["attest", "keys", "check", "purpose", "organisation", "later"]
    statements = Statements(monkeypatch)
    counts = {page: statements.of(pt, path(pt, page)) for page in pages}
    pt.post(path(pt, "organisation"), PADARIA)
    counts["administrator"] = statements.of(pt, path(pt, "administrator"))
    pt.post(path(pt, "administrator"), PADARIA)
    counts["partner"] = statements.of(pt, path(pt, "partner"))
    send_organisation(pt)
    counts["confirm"] = statements.of(pt, path(pt, "confirm"))
    counts |= {address: statements.of(pt, address) for address in ("/", "/redeem", "/redeem/resume", "/r")}
    assert {page: count for page, count in counts.items() if count > STATEMENTS_AT_MOST} == {}


def test_a_partner_with_many_customers_searches_and_the_page_asks_no_more(
    world: World, pt: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(23):
        bruno, _ = open_customer(world, make_keys(world), prefix=f"cliente{number:02d}")
        with acting(bruno):
            proposal = PartnerOfRecord.objects.get(customer_id=bruno.customer)
        confirm_partner_of_record(actor=bruno, proposal=proposal.id, now=NOON)
    signed_in(pt, world.ana)
    begin(pt)
    send_keys(pt, *make_keys(world))
    keys_are_right(pt)
    count = Statements(monkeypatch).of(pt, path(pt, "purpose"))
    assert count <= STATEMENTS_AT_MOST
    page = text_of(pt.get(path(pt, "purpose")))
    assert page.count('value="extend:') == 20
    assert "São mostradas apenas as primeiras 20 subscrições" in page
    found = text_of(pt.get(path(pt, "purpose?q=padaria")))
    assert 'value="extend:' in found
    none = text_of(pt.get(path(pt, "purpose?q=%25")))
    assert 'value="extend:' not in none, "a percent sign is a percent sign"
