"""Notices that are owed: Padaria Sol with Bruno and Beatriz as administrators, Ana's house as its partner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.customers.models import Person, Role
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.models import Account
from chaveiro.apps.notices.models import Notice
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.console.letters import Desk
from chaveiro.console.notice_letters import post_owed
from chaveiro.rules.actors import Actor
from chaveiro.rules.outbox import PostOffice
from tests.cast import DAY, NOON, World, build_world, make_keys, means, new_id, open_customer

ENDS = date(2027, 11, 22)
ACCESS_STOPS, ERASES = ENDS + timedelta(days=30), ENDS + timedelta(days=120)
SECRET = b"thirty-two bytes, only for tests"
RETURN = "bounces@vendor.example"


@dataclass
class Scene:
    """Padaria Sol, its subscription for a year, and a desk that posts for it."""

    world: World
    bruno: Actor
    subscription: Subscription
    desk: Desk

    @property
    def office(self) -> MemoryPostOffice:
        assert isinstance(self.desk.office, MemoryPostOffice)
        return self.desk.office

    def owe(
        self, kind: str = "ends-30", recipient: str | None = None, day: date | None = None, **changes: Any
    ) -> Notice:
        """A notice as the sweep writes it."""
        on = day or ENDS - timedelta(days=30)
        to = recipient or f"account:{self.bruno.account}"
        parts = to.split(":")
        facts = {
            "ends_on": ENDS.isoformat(),
            "access_stops_on": ACCESS_STOPS.isoformat(),
            "erase_on": ERASES.isoformat(),
            "seats": 5,
        }
        fields: dict[str, Any] = {
            "subscription_id": self.subscription.id,
            "customer_id": self.subscription.customer_id,
            "term": self.subscription.term,
            "kind": kind,
            "recipient": to,
            "account_id": UUID(parts[parts.index("account") + 1]) if "account" in parts else None,
            "organisation_id": UUID(parts[1]) if parts[0] == "partner" else None,
            "due_on": on,
            "written_on": on,
            "facts": facts,
            "try_at": NOON,
        }
        return Notice.objects.create(**{**fields, **changes})

    def post(self, day: date | None = None, **changes: Any) -> int:
        """Post what is owed at noon of a day."""
        on = day or ENDS - timedelta(days=30)
        desk = replace(self.desk, means=lambda: means(on))
        return post_owed(desk, day=on, **changes)

    def with_office(self, office: PostOffice) -> None:
        self.desk = replace(self.desk, office=office)

    def admit(self, name: str, role: str = "administrator", **changes: Any) -> Account:
        """One more person of Padaria Sol with a role."""
        account = Account.objects.create(
            id=new_id(),
            login_name=f"{name.lower()}@padariasol.example.test",
            kind="customer",
            customer_id=self.subscription.customer_id,
            email=f"{name.lower()}@padariasol.example",
            given_name=name,
            family_name="Nunes",
            owned_at=NOON,
            created_at=NOON,
            **changes,
        )
        person = Person.objects.create(
            id=new_id(),
            customer_id=self.subscription.customer_id,
            account=account,
            user_name=name.lower(),
            country_of_use="PT",
            created_at=NOON,
        )
        since = NOON + timedelta(days=1)
        Role.objects.create(person=person, customer_id=self.subscription.customer_id, name=role, since=since)
        return account

    def partner_address(self, address: str = "avisos@sol.example") -> str:
        """Sol Informática, confirmed as partner of record, has an address for notices; answers it as a recipient."""
        PartnerOfRecord.objects.update(state="confirmed", settled_at=NOON)
        Organisation.objects.filter(id=self.world.reseller).update(notice_email=address)
        return f"partner:{self.world.reseller}"


def build_scene() -> Scene:
    world = build_world()
    bruno, outcome = open_customer(world, make_keys(world), day=DAY)
    subscription = Subscription.objects.get(customer_id=outcome.customer)
    assert subscription.ends_on == ENDS
    desk = Desk(
        office=MemoryPostOffice(),
        means=means,
        base_url="https://chaveiro.example",
        vendor="Tagus Software",
        secret=SECRET,
        return_address=RETURN,
        initial_domain="example.test",
    )
    return Scene(world, bruno, subscription, desk)
