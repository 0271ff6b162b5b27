"""Drafts survive a closed browser: keys held, what was typed kept, nothing doubled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from chaveiro import wiring
from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.redemption.actions import drafting, redeem
from chaveiro.apps.redemption.models import Draft, DraftKey, Redemption
from chaveiro.rules.actors import ANONYMOUS, Actor
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.errors import NotFound
from chaveiro.rules.verdicts import KeyHeld, Refusals
from tests.cast import World, build_world, make_keys, means, opening

pytestmark = [pytest.mark.django_db, pytest.mark.money]
CODE = ResumeCode.made(bytes(range(13)))
OTHER = ResumeCode.made(bytes(range(1, 14)))
SEALER = wiring.sealer()


@pytest.fixture
def world() -> World:
    return build_world()


def keep(actor: Actor, texts: list[str], code: ResumeCode = CODE, **changes: object) -> list[str]:
    verdicts = drafting.keep_keys(
        actor=actor, code=code, texts=texts, sealer=SEALER, means=changes.pop("means", means()), **changes
    )
    return [verdict.code for verdict in verdicts]


def test_a_draft_is_taken_up_again_by_its_code_with_everything_in_it(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(), code=CODE)
    key, typo = make_keys(world, 2)
    wrong = typo[:3] + ("2" if typo[3] != "2" else "3") + typo[4:]
    assert keep(holder, [key, wrong, ""]) == ["ok", "key_checksum"]
    drafting.keep_form(actor=holder, form={"name": "Padaria Sol, Lda."}, means=means())
    again = drafting.resume(actor=ANONYMOUS, code=ResumeCode.read(CODE.grouped().lower()))
    kept = drafting.look(actor=again, code=CODE, sealer=SEALER)
    assert kept.form == {"name": "Padaria Sol, Lda."}
    assert kept.typed == {1: wrong}
    assert kept.items[1].repair == typo.replace("-", "")
    assert kept.items[0].last_five == key[-5:]
    assert [v.code for v in drafting.verdicts_of(actor=again, kept=kept, means=means())] == ["ok", "key_checksum"]


def test_neither_a_key_nor_a_mistyped_one_stands_in_the_database(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(), code=CODE)
    key, typo = make_keys(world, 2)
    keep(holder, [key, typo[:-1] + "*"])
    rows = repr(list(DraftKey.objects.values())) + repr(list(Draft.objects.values()))
    assert key[:11] not in rows
    assert typo[:11] not in rows
    assert CODE.symbols not in rows


def test_held_keys_are_held_for_three_days_longer_when_used_and_fourteen_in_all(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(date(2026, 11, 1)), code=CODE)
    texts = make_keys(world)
    ends = []
    for day in (1, 2, 4, 6, 9, 12, 14):
        keep(holder, texts, means=means(date(2026, 11, day)))
        ends.append(Hold.objects.get().until.day)
    assert ends == [4, 5, 7, 9, 12, 15, 15]


def test_who_has_some_of_anothers_keys_waits_and_who_has_all_takes_up(world: World) -> None:
    first = drafting.begin(actor=ANONYMOUS, means=means(), code=CODE)
    one, two = make_keys(world, 2)
    keep(first, [one, two])
    second = drafting.begin(actor=ANONYMOUS, means=means(), code=OTHER)
    assert keep(second, [one], OTHER) == ["key_held"]
    assert keep(second, [one], OTHER, take_up=True) == ["key_held"]
    assert keep(second, [one, two], OTHER) == ["key_held", "key_held"]
    with pytest.raises(Refusals) as refused:
        redeem(actor=world.ana, order=opening([two, one]), means=means())
    assert [f.refusal.facts["whole"] for f in refused.value.faults if isinstance(f.refusal, KeyHeld)] == [True, True]
    assert keep(second, [one, two], OTHER, take_up=True) == ["ok", "ok"]
    assert Draft.objects.get(id=first.draft).state == "abandoned"


def test_a_direct_redemption_with_all_keys_of_a_draft_may_start_over(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(), code=CODE)
    texts = make_keys(world, 2)
    keep(holder, texts)
    redeem(actor=world.ana, order=opening(texts, start_over=True), means=means())
    assert Key.objects.filter(state="redeemed").count() == 2


def test_committing_a_draft_twice_gives_the_same_receipt(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(), code=CODE)
    texts = make_keys(world)
    keep(holder, texts)
    kept = drafting.look(actor=holder, code=CODE, sealer=SEALER)
    order = replace(opening(texts), items=kept.items, draft=kept.id)
    done = redeem(actor=holder, order=order, means=means())
    again = redeem(actor=holder, order=order, means=means())
    assert (again.id, again.reference, again.replayed) == (done.id, done.reference, True)
    assert Redemption.objects.count() == 1
    after = drafting.look(actor=holder, code=CODE, sealer=SEALER)
    assert (after.state, after.items, after.form, after.redemption) == ("committed", (), {}, done.id)
    assert not Hold.objects.exists()


def test_a_stranger_without_the_code_finds_nothing(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(), code=CODE)
    with pytest.raises(NotFound):
        drafting.resume(actor=ANONYMOUS, code=OTHER)
    with pytest.raises(NotFound):
        drafting.look(actor=world.ana.holding(world.vendor), code=CODE, sealer=SEALER)
    assert holder.draft


def test_an_abandoned_draft_frees_its_keys_at_once(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(), code=CODE)
    texts = make_keys(world)
    keep(holder, texts)
    drafting.abandon(actor=holder)
    redeem(actor=world.ana, order=opening(texts), means=means())
    with pytest.raises(NotFound):
        keep(holder, texts)


def test_the_sweep_lets_go_what_is_over_and_nothing_else(world: World) -> None:
    holder = drafting.begin(actor=ANONYMOUS, means=means(date(2026, 11, 1)), code=CODE)
    texts = make_keys(world)
    keep(holder, [*texts, texts[0][:-2]], means=means(date(2026, 11, 1)))
    at = lambda day: datetime(2026, 11, day, 12, tzinfo=UTC)  # noqa: E731
    assert drafting.sweep(now=at(3)) == 0
    assert (Hold.objects.count(), DraftKey.objects.count()) == (1, 2)
    assert drafting.sweep(now=at(4)) == 0
    assert (Hold.objects.count(), DraftKey.objects.count()) == (0, 1)
    assert drafting.sweep(now=at(15)) == 1
    assert DraftKey.objects.count() == 0
    assert drafting.sweep(now=at(15)) == 0
