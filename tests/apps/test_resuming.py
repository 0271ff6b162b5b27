"""The ways back into a draft, and what its keys could be for: each holder's own, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys.models import Hold
from chaveiro.apps.notices.models import Owed
from chaveiro.apps.redemption.actions import choosing, drafting, resuming
from chaveiro.apps.redemption.actions.drafting import Kept
from chaveiro.apps.redemption.models import Draft, DraftLink
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.limits import TooMany
from chaveiro.rules.tokens import LinkSpent
from tests.cast import NOON, World, build_world, items, make_keys, means, open_customer

pytestmark = [pytest.mark.django_db, pytest.mark.money]
SEALER = wiring.sealer()
SECRET = b"a secret of the installation"
BRUNO = resuming.Recipient("bruno@padariasol.example", "pt-pt")


@pytest.fixture
def world() -> World:
    return build_world()


def code(number: int) -> ResumeCode:
    return ResumeCode.made(bytes([number] * 13))


def with_keys(texts: list[str], number: int, actor: Actor = ANONYMOUS) -> tuple[Actor, Kept]:
    """A draft with these keys; its holder, and what it has."""
    holder = drafting.begin(actor=actor, means=means(), code=code(number))
    drafting.keep_keys(actor=holder, code=code(number), texts=texts, sealer=SEALER, means=means())
    return holder, drafting.look(actor=holder, code=code(number), sealer=SEALER)


def owe(holder: Actor, kept: Kept, number: int = 1) -> str:
    """The secret of a link to a draft."""
    before = set(DraftLink.objects.values_list("id", flat=True))
    resuming.owe_letter(
        actor=holder, kept=kept, code=code(number), to=BRUNO, secret=SECRET, sealer=SEALER, means=means()
    )
    link = DraftLink.objects.exclude(id__in=before).get()
    return resuming.secret_of(link.id, SECRET)


def test_a_link_is_looked_at_often_and_used_once(world: World) -> None:
    holder, kept = with_keys(make_keys(world), 1)
    secret = owe(holder, kept)
    for _ in range(3):
        found, opened = resuming.look(actor=ANONYMOUS, secret=secret, sealer=SEALER, now=NOON)
        assert (found.draft, opened) == (kept.id, code(1))
    resuming.use(actor=ANONYMOUS, secret=secret, now=NOON)
    with pytest.raises(LinkSpent):
        resuming.use(actor=ANONYMOUS, secret=secret, now=NOON)
    with pytest.raises(LinkSpent):
        resuming.look(actor=ANONYMOUS, secret=secret, sealer=SEALER, now=NOON)


def test_a_link_ends_with_its_draft_and_another_secret_opens_nothing(world: World) -> None:
    holder, kept = with_keys(make_keys(world), 1)
    secret = owe(holder, kept)
    link = DraftLink.objects.get()
    for wrong, moment in ((secret, kept.ends_at), (resuming.secret_of(link.id, b"another secret"), NOON)):
        with pytest.raises(LinkSpent):
            resuming.look(actor=ANONYMOUS, secret=wrong, sealer=SEALER, now=moment)
    assert resuming.letter_of(link=link.id, secret=SECRET, now=kept.ends_at) is None
    letter = resuming.letter_of(link=link.id, secret=SECRET, now=NOON)
    assert letter is not None
    assert letter.path == f"/redeem/resume/{secret}"
    assert (letter.email, letter.keys) == (BRUNO.email, 1)


def test_a_draft_is_mailed_three_times_at_most(world: World) -> None:
    holder, kept = with_keys(make_keys(world), 1)
    for _ in range(3):
        owe(holder, kept)
    with pytest.raises(TooMany):
        owe(holder, kept)
    assert Owed.objects.filter(kind="draft.resume").count() == 3


def test_the_link_of_a_draft_is_in_nobody_elses_sight(world: World) -> None:
    holder, kept = with_keys(make_keys(world), 1)
    owe(holder, kept)
    other, _ = with_keys(make_keys(world), 2)
    for actor, seen in ((holder, 1), (other, 0), (ANONYMOUS, 0), (world.ana, 0), (world.duarte, 0)):
        with acting(actor):
            rows = connection.connection.execute("SELECT count(*) FROM redemption_draftlink").fetchone()
        assert rows[0] == seen


def test_drafts_are_told_of_by_their_codes_the_one_used_last_first(world: World) -> None:
    first, _ = with_keys(make_keys(world, 2), 1)
    with_keys(make_keys(world), 2)
    drafting.keep_form(actor=first, form={"name": "Padaria Sol, Lda."}, means=means())
    Draft.objects.filter(id=first.draft).update(used_at=NOON + timedelta(hours=1))
    found = resuming.remembered(actor=ANONYMOUS, codes=[code(2), code(1), code(3)])
    assert [(draft.code, draft.for_whom, draft.keys) for draft in found] == [
        (code(1), "Padaria Sol, Lda.", 2),
        (code(2), "", 1),
    ]
    assert resuming.remembered(actor=ANONYMOUS, codes=[]) == []


def test_whoever_has_all_keys_takes_a_draft_over_and_whoever_has_some_does_not(world: World) -> None:
    keys = make_keys(world, 2)
    first, _ = with_keys(keys, 1)
    drafting.keep_form(actor=first, form={"name": "Padaria Sol, Lda.", "attested_at": "then"}, means=means())
    some, kept = with_keys(keys[:1], 2)
    assert not drafting.may_continue(actor=some, kept=kept, means=means())
    assert not drafting.take_over(actor=some, kept=kept, means=means())
    whole, kept = with_keys(keys, 3)
    drafting.keep_form(actor=whole, form={"country": "PT"}, means=means())
    assert drafting.may_continue(actor=whole, kept=kept, means=means())
    assert drafting.take_over(actor=whole, kept=kept, means=means())
    assert Draft.objects.get(id=whole.draft).form == {"name": "Padaria Sol, Lda.", "country": "PT"}
    assert Draft.objects.get(id=first.draft).state == "abandoned"
    assert not Hold.objects.filter(draft_id=first.draft).exists()


def test_a_draft_of_an_account_is_taken_over_by_the_same_account_alone(world: World) -> None:
    keys = make_keys(world)
    first, _ = with_keys(keys, 1, world.ana)
    drafting.keep_form(actor=first, form={"name": "Padaria Sol, Lda."}, means=means())
    for number, actor in enumerate((ANONYMOUS, world.rui), 2):
        holder, kept = with_keys(keys, number, actor)
        assert not drafting.may_continue(actor=holder, kept=kept, means=means())
        assert not drafting.take_over(actor=holder, kept=kept, means=means())
        assert Draft.objects.get(id=holder.draft).form == {}
    holder, kept = with_keys(keys, 4, world.ana)
    assert drafting.take_over(actor=holder, kept=kept, means=means())


def test_choices_are_a_customers_own_subscriptions_with_what_the_keys_would_do(world: World) -> None:
    bruno, outcome = open_customer(world, make_keys(world))
    carla, _ = open_customer(world, make_keys(world), prefix="carla")
    own = outcome.effects[0].subscription
    holder, kept = with_keys(make_keys(world), 1, bruno)
    asked = {"draft": kept.id, "items": items(make_keys(world)), "means": means()}
    found = choosing.choices(actor=holder, **asked).found
    assert [(choice.act, choice.candidate.target.id) for choice in found] == [("extend", own), ("add", own)]
    assert found[0].effect is not None
    assert found[1].effect is not None
    assert (found[0].effect.sum.seats, found[1].effect.sum.seats) == (5, 10)
    chosen = choosing.choices(actor=holder, **asked, seats_after=4).found
    assert [choice.effect.sum.seats for choice in chosen if choice.effect] == [4, 10]
    assert choosing.choices(actor=carla, **asked, only=own).found == ()
    for actor in (ANONYMOUS, world.ana, world.dalila, world.duarte):
        assert choosing.choices(actor=actor, **asked).found == ()
