"""Services, their secrets, what people give them by signing in; and a licence taken away."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from chaveiro.apps.identity.actions import challenges, grants, services
from chaveiro.apps.identity.actions.challenges import Browser
from chaveiro.apps.identity.actions.sessions import Arrival, start
from chaveiro.apps.identity.models import Grant, ServiceSecret
from chaveiro.apps.journal.models import Entry
from chaveiro.apps.licences.actions import end_licence
from chaveiro.apps.licences.models import Licence
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.factors import ChallengeSpent
from chaveiro.rules.services import Errand
from chaveiro.rules.sessions import How
from chaveiro.rules.tokens import new_token
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

pytestmark = pytest.mark.django_db

BACK = "https://office.example/callback"
BROWSER = Browser("b" * 32)


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.fixture
def made(world: World) -> services.MadeService:
    return services.add_service(actor=SYSTEM, name="Escritório", returns=[BACK], means=means())


def errand(service: UUID) -> Errand:
    return Errand(service, BACK, "openid", "state", "nonce", "challenge", NOON)


def code_for(actor: Actor, service: UUID) -> str:
    session = start(actor=actor, arrival=Arrival(b"browser", None, How.LINK), means=means())
    return grants.give(actor=actor, session=session, errand=errand(service), means=means())


def test_whoever_has_a_service_s_name_knows_what_is_public_of_it(made: services.MadeService) -> None:
    found = grants.service_named(made.service.id)
    assert found == made.service
    services.remove_service(actor=SYSTEM, service=made.service.id, now=NOON)
    services.remove_service(actor=SYSTEM, service=made.service.id, now=NOON)
    assert grants.service_named(made.service.id) is None
    assert Entry.objects.filter(tag="service:removed").count() == 1
    with pytest.raises(NotFound):
        services.rotate_service(actor=SYSTEM, service=made.service.id, overlap_hours=0, means=means())


def test_a_secret_is_its_own_service_s_and_ends_with_the_overlap(made: services.MadeService) -> None:
    other = services.add_service(actor=SYSTEM, name="Outro", returns=[BACK], means=means())
    assert grants.is_secret_of(made.service.id, made.client_secret, NOON)
    assert not grants.is_secret_of(other.service.id, made.client_secret, NOON)
    assert not grants.is_secret_of(made.service.id, made.token.removeprefix("chv_"), NOON)
    new = services.rotate_service(actor=SYSTEM, service=made.service.id, overlap_hours=1, means=means())
    assert grants.is_secret_of(made.service.id, made.client_secret, NOON)
    later = NOON + timedelta(hours=1)
    assert not grants.is_secret_of(made.service.id, made.client_secret, later)
    assert grants.is_secret_of(made.service.id, new.client_secret, later)
    again = services.rotate_service(actor=SYSTEM, service=made.service.id, overlap_hours=0, means=means())
    assert not grants.is_secret_of(made.service.id, new.client_secret, NOON)
    assert grants.is_secret_of(made.service.id, again.client_secret, NOON)


def test_no_secret_is_kept_as_it_is(made: services.MadeService) -> None:
    kept = [bytes(row.digest) for row in ServiceSecret.objects.all()]
    assert len(kept) == 2
    assert not {made.client_secret.encode(), made.token.encode()} & set(kept)
    assert made.token not in repr(made)


@pytest.mark.parametrize("hours", [-1, 721])
def test_an_overlap_has_its_limits(made: services.MadeService, hours: int) -> None:
    with pytest.raises(Malformed):
        services.rotate_service(actor=SYSTEM, service=made.service.id, overlap_hours=hours, means=means())


def test_a_request_waits_at_its_own_browser(made: services.MadeService) -> None:
    handle = grants.wait(errand=errand(made.service.id), browser=BROWSER, means=means())
    assert grants.errand_of(handle=handle, browser=BROWSER, means=means()) == errand(made.service.id)
    with pytest.raises(ChallengeSpent):
        grants.errand_of(handle=handle, browser=Browser("c" * 32), means=means())
    late = means().at(NOON + challenges.LIVES[challenges.About.SERVICE], means().day)
    with pytest.raises(ChallengeSpent):
        grants.errand_of(handle=handle, browser=BROWSER, means=late)
    assert grants.errand_of(handle=handle, browser=BROWSER, means=means(), settle=True)
    with pytest.raises(ChallengeSpent):
        grants.errand_of(handle=handle, browser=BROWSER, means=means())


def test_a_code_is_taken_once_and_what_it_bought_can_be_withdrawn(world: World, made: services.MadeService) -> None:
    code, access = code_for(world.ana, made.service.id), new_token(means().random_bytes)
    taken = grants.take(service=made.service.id, code=code, access=access, now=NOON)
    assert taken is not None
    grant, who = taken
    assert (grant.account, who.actor.organisation, grant.back) == (world.ana.account, world.reseller, BACK)
    assert grants.by_access(access=access, now=NOON) is not None
    assert grants.by_access(access=access, now=NOON + timedelta(minutes=10)) is None
    grants.withdraw(access=access, now=NOON)
    assert grants.by_access(access=access, now=NOON) is None
    assert grants.take(service=made.service.id, code=code, access=access, now=NOON) is None
    assert Entry.objects.filter(tag="service:signed_in").count() == 1


def test_old_grants_go_before_the_sessions_that_gave_them(world: World, made: services.MadeService) -> None:
    code_for(world.ana, made.service.id)
    assert grants.sweep(now=NOON + timedelta(days=2)) == 1
    assert not Grant.objects.exists()


def test_a_licence_ends_and_its_seat_is_free(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    licence = Licence.objects.get()
    subscription = outcome.effects[0].subscription
    with pytest.raises(NotAllowed):
        end_licence(actor=bruno, person=licence.person_id, subscription=subscription, means=means())
    ended = end_licence(actor=SYSTEM, person=licence.person_id, subscription=subscription, means=means())
    assert ended == licence.id
    assert Licence.objects.get().ended_at == NOON
    assert Subscription.objects.get().assigned == 0
    assert Entry.objects.filter(tag="licence:unassigned").count() == 1
    with pytest.raises(NotFound):
        end_licence(actor=SYSTEM, person=licence.person_id, subscription=subscription, means=means())
