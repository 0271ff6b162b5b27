"""What may be done on a day: the table of the rules' section 4, blocks, licences, and who can lift what."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules.access import (
    Access,
    Act,
    Block,
    Blocked,
    BlockKind,
    Holder,
    Life,
    Lifter,
    NoLicence,
    Reason,
    ShortfallOpen,
    StageForbids,
    SubscriptionClosed,
    decide,
)
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.blocks import NotYourBlock, check_kind, check_reason, may_lift, may_put
from chaveiro.rules.errors import Malformed, NotAllowed, SubscriptionDeleted
from chaveiro.rules.lifecycle import Stage, erasure_due_on
from chaveiro.rules.policies import DEFAULT_POLICY
from tests.cast import new_id

ENDS_ON = date(2027, 3, 1)
BEFORE, IN_GRACE, RETAINED = date(2027, 2, 1), date(2027, 3, 10), date(2027, 4, 15)
ERASED_ON = date(2027, 6, 29)
LIFE = Life(ENDS_ON, DEFAULT_POLICY)
ERASED = Life(ENDS_ON, DEFAULT_POLICY, erased_on=ERASED_ON)
ABUSE = Block(BlockKind.ABUSE, Holder.OPERATOR, date(2027, 1, 20), "Envio de publicidade")
UNPAID = Block(BlockKind.UNPAID, Holder.CHANNEL, date(2027, 1, 25))
HOLD = Block(BlockKind.LEGAL_HOLD, Holder.OPERATOR, date(2027, 1, 1))
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "life.json").read_text(encoding="utf-8"))

ANA = Actor(Kind.CHANNEL, new_id(), new_id(), roles=frozenset({"sales"}))
DUARTE = Actor(Kind.OPERATOR, new_id(), new_id(), roles=frozenset({"operator"}))
BRUNO = Actor(Kind.CUSTOMER, new_id(), customer=new_id(), roles=frozenset({"administrator"}))

# The table of section 4, written down once more by hand: who may, stage by stage.
TABLE = {
    "active": {"use", "read", "export", "renew", "assign"},
    "grace": {"use", "read", "export", "renew", "assign"},
    "retained": {"read", "export", "renew"},
    "deleted": set(),
}


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("case", VECTORS, ids=lambda case: f"{case['days']} days")
def test_every_act_is_allowed_as_the_table_says_on_every_worked_day(act: Act, case: dict[str, str]) -> None:
    ends_on, day = date.fromisoformat(case["ends_on"]), date.fromisoformat(case["day"])
    life = Life(ends_on, DEFAULT_POLICY, erasure_due_on(ends_on, DEFAULT_POLICY))
    answer = decide(act, day=day, life=life)
    assert answer.allowed is (act.value in TABLE[case["stage"]])


def test_in_use_says_until_when_and_what_comes_next() -> None:
    answer = decide(Act.USE, day=BEFORE, life=LIFE)
    assert (answer.allowed, answer.until, answer.refusal()) == (True, date(2027, 3, 31), None)
    assert answer.next_change is not None
    assert (answer.next_change.stage, answer.next_change.day) == (Stage.GRACE, ENDS_ON)
    answer.demand()


def test_a_retained_subscription_says_since_when_and_that_a_renewal_lifts_it() -> None:
    answer = decide(Act.USE, day=RETAINED, life=LIFE)
    with pytest.raises(StageForbids) as refused:
        answer.demand()
    assert refused.value.facts == {
        "act": "use",
        "stage": "retained",
        "since": date(2027, 3, 31),
        "lifted_by": ("administrator", "partner"),
    }
    assert answer.lifted_by == (Lifter.ADMINISTRATOR, Lifter.PARTNER)
    assert answer.until is None


def test_nobody_lifts_an_erasure() -> None:
    for act in Act:
        answer = decide(act, day=ERASED_ON, life=ERASED)
        assert isinstance(answer.refusal(), SubscriptionDeleted)
        assert (answer.reason, answer.lifted_by) == (Reason.DELETED, ())


def test_a_closed_subscription_gives_nothing_but_its_record() -> None:
    closed = Life(ENDS_ON, DEFAULT_POLICY, closed_on=BEFORE)
    allowed = {act for act in Act if decide(act, day=BEFORE, life=closed).allowed}
    assert allowed == {Act.READ, Act.EXPORT}
    assert isinstance(decide(Act.USE, day=BEFORE, life=closed).refusal(), SubscriptionClosed)


def test_a_block_stops_use_and_nothing_else() -> None:
    allowed = {act for act in Act if decide(act, day=BEFORE, life=LIFE, blocks=[ABUSE]).allowed}
    assert allowed == set(Act) - {Act.USE}
    refusal = decide(Act.USE, day=BEFORE, life=LIFE, blocks=[ABUSE]).refusal()
    assert isinstance(refusal, Blocked)
    assert refusal.facts == {
        "act": "use",
        "kind": "abuse",
        "holder": "operator",
        "since": date(2027, 1, 20),
        "lifted_by": ("operator",),
    }


def test_a_partner_s_block_is_lifted_by_the_partner_alone() -> None:
    answer = decide(Act.USE, day=BEFORE, life=LIFE, blocks=[UNPAID])
    assert answer.lifted_by == (Lifter.PARTNER,)


def test_a_legal_hold_stops_no_use() -> None:
    assert decide(Act.USE, day=BEFORE, life=LIFE, blocks=[HOLD]).allowed


def test_everything_in_the_way_is_told_at_once_the_stage_first() -> None:
    answer = decide(Act.USE, day=RETAINED, life=LIFE, blocks=[UNPAID, ABUSE], licensed=False)
    assert [one.reason for one in answer.hindrances] == [Reason.STAGE, Reason.BLOCK, Reason.BLOCK, Reason.LICENCE]
    assert [one.block for one in answer.hindrances[1:3]] == [ABUSE, UNPAID]


def test_who_has_no_licence_asks_an_administrator() -> None:
    refusal = decide(Act.USE, day=IN_GRACE, life=LIFE, licensed=False).refusal()
    assert isinstance(refusal, NoLicence)
    assert refusal.facts["lifted_by"] == ("administrator",)


def test_while_a_shortfall_runs_nothing_is_assigned() -> None:
    until = date(2027, 2, 20)
    refusal = decide(Act.ASSIGN, day=BEFORE, life=LIFE, shortfall_until=until).refusal()
    assert isinstance(refusal, ShortfallOpen)
    assert refusal.facts["until"] == until
    assert decide(Act.USE, day=BEFORE, life=LIFE, shortfall_until=until).allowed


@given(st.integers(-400, 400), st.sampled_from(Act), st.booleans(), st.sets(st.sampled_from(BlockKind)))
def test_use_is_stage_and_no_block_and_a_licence(days: int, act: Act, licensed: bool, kinds: set[BlockKind]) -> None:
    day = ENDS_ON + timedelta(days=days)
    blocks = [Block(kind, Holder.OPERATOR, day) for kind in kinds]
    answer: Access = decide(act, day=day, life=LIFE, blocks=blocks, licensed=licensed)
    by_table = act.value in TABLE[answer.stage.value]
    stopped = act is Act.USE and (bool(kinds - {BlockKind.LEGAL_HOLD}) or not licensed)
    assert answer.allowed is (by_table and not stopped)
    assert (answer.refusal() is None) is answer.allowed
    if answer.until is not None:
        eve = answer.until - timedelta(days=1)
        assert decide(act, day=eve, life=LIFE, blocks=blocks, licensed=licensed).allowed
        assert not decide(act, day=answer.until, life=LIFE, blocks=blocks, licensed=licensed).allowed


# ── who puts, who lifts ──


def test_the_operator_puts_every_kind_and_a_partner_only_what_it_is_owed() -> None:
    assert {may_put(DUARTE, kind) for kind in BlockKind} == {Holder.OPERATOR}
    assert may_put(SYSTEM, BlockKind.LEGAL_HOLD) is Holder.OPERATOR
    assert may_put(ANA, BlockKind.UNPAID) is Holder.CHANNEL
    for kind in set(BlockKind) - {BlockKind.UNPAID}:
        with pytest.raises(NotAllowed):
            may_put(ANA, kind)


@pytest.mark.parametrize("actor", [BRUNO, Actor(Kind.ANONYMOUS), Actor(Kind.CHANNEL, roles=frozenset({"technician"}))])
def test_a_customer_a_stranger_and_a_technician_put_none(actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        may_put(actor, BlockKind.UNPAID)


def test_each_side_lifts_only_its_own() -> None:
    may_lift(DUARTE, BlockKind.ABUSE, Holder.OPERATOR, None)
    may_lift(ANA, BlockKind.UNPAID, Holder.CHANNEL, ANA.organisation)
    for actor, holder, organisation in (
        (DUARTE, Holder.CHANNEL, ANA.organisation),
        (DUARTE, Holder.SYSTEM, None),
        (ANA, Holder.OPERATOR, None),
        (ANA, Holder.CHANNEL, new_id()),
    ):
        with pytest.raises(NotYourBlock):
            may_lift(actor, BlockKind.UNPAID, holder, organisation)


def test_a_token_needs_its_scope_to_put_and_to_lift() -> None:
    narrow = Actor(Kind.OPERATOR, new_id(), roles=frozenset({"operator"}), scopes=frozenset({"subscriptions:read"}))
    with pytest.raises(NotAllowed):
        may_put(narrow, BlockKind.ABUSE)
    with pytest.raises(NotAllowed):
        may_lift(narrow, BlockKind.ABUSE, Holder.OPERATOR, None)


def test_a_reason_is_needed_and_a_kind_is_one_of_the_list() -> None:
    assert check_reason("  Fatura por pagar ") == "Fatura por pagar"
    for text in ("", "   ", "x" * 501):
        with pytest.raises(Malformed):
            check_reason(text)
    assert check_kind("abuse") is BlockKind.ABUSE
    with pytest.raises(Malformed):
        check_kind("bad_mood")
