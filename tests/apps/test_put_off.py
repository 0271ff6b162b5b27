"""An erasure that was put off: whoever asks, at whatever door, is told of the new day."""

from __future__ import annotations

from datetime import date

import pytest

from chaveiro.apps.closing.queries.entitlements import entitled
from chaveiro.apps.customers.models import Person
from chaveiro.apps.delegation.queries import subscription_in_sight
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.entitlements import told
from chaveiro.rules.lifecycle import Change, Stage
from tests.cast import build_world, make_keys, open_customer

pytestmark = pytest.mark.django_db

RETAINED = date(2028, 2, 1)  # ten weeks after the end of 22 November 2027
PUT_OFF = date(2028, 5, 2)  # the policy's own day is 21 March


def test_the_list_the_subscription_and_the_service_tell_the_day_to_which_an_erasure_was_put_off() -> None:
    world = build_world()
    bruno, outcome = open_customer(world, make_keys(world))
    one = Subscription.objects.get()
    Subscription.objects.update(erase_on=PUT_OFF)
    with acting(bruno):
        card = subscription_in_sight(one.id, day=RETAINED)
        found = queries.subscription(one.id)
        person = Person.objects.get(customer_id=outcome.customer).id
        [given] = entitled(person=person, day=RETAINED).entitlements
    expected = Change(Stage.DELETED, PUT_OFF)
    assert (card.next_change, card.erasure_on) == (expected, PUT_OFF)
    assert found.next_change(RETAINED) == expected
    assert told(given)["erasure_on"] == PUT_OFF.isoformat()
    assert told(given)["next_change"] == {"stage": "deleted", "day": PUT_OFF.isoformat()}
