"""Why a subscription stands as it does: the dates, version and rows that it follows from, and who can change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions import queries
from chaveiro.apps.subscriptions.queries import BlockCard, Subscription
from chaveiro.rules.access import Access, Act, decide
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.blocks import NotYourBlock, may_lift
from chaveiro.rules.errors import NotAllowed
from chaveiro.web import own_day
from chaveiro.web.addresses import id_in
from chaveiro.web.guards import signed_in
from chaveiro.web.pages import language, page
from chaveiro.web.who import Doer, Names
from chaveiro.wording import sentence, what_to_do
from chaveiro.wording.access import ACTS, BLOCK_EFFECTS, BLOCK_HOLDERS, BLOCK_KINDS, LIFTERS


@dataclass(frozen=True, slots=True)
class Standing:
    """A block as a page shows it; `mine` where the reader may lift it."""

    card: BlockCard
    kind: object
    effect: object
    holder: object
    lifter: object
    who: str
    mine: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether one act may be done, and if not, everything that stands in the way."""

    act: str
    label: object
    access: Access
    refusals: tuple[tuple[str, str], ...]  # what, what to do


@require_safe
@signed_in
def why(request: Any, subscription: str) -> HttpResponse:
    """The page beside each state, for whoever may see the subscription."""
    wanted, actor, means = id_in("subscription", subscription), request.actor, wiring.means()
    with acting(actor):
        found = queries.subscription(wanted)
        day = found.today(means.day)
        if actor.kind is not Kind.OPERATOR:
            decide(Act.READ, day=day, life=found.life).demand()
        card = delegation.subscription_in_sight(wanted, day=day, organisation=actor.organisation)
        own_day.tell(request, card.clock, card.day)
        last = queries.ledger(wanted, limit=1, after=found.version - 1)
        blocks = queries.blocks_of([found], lifted=True)[wanted]
        shown = standing(actor, blocks, card.customer_name)
    stands = [block.as_rule for block in blocks if block.lifted_on is None]
    context = {
        "card": card,
        "found": found,
        "day": day,
        "on_clock": found.clock_day is not None,
        "last": last[0] if last else None,
        "answers": [_answer(act, found, day, stands) for act in Act],
        "blocks": [one for one in shown if one.card.lifted_on is None],
        "lifted": [one for one in shown if one.card.lifted_on is not None],
        "mine": actor.kind is Kind.CUSTOMER,
    }
    return page(request, "subscriptions/why.html", context)


def standing(actor: Actor, blocks: Sequence[BlockCard], customer: str) -> list[Standing]:
    """Blocks with who put them, as far as the reader may know; call it while acting."""
    names = Names({_doer(block) for block in blocks}, customer) if blocks else None
    return [
        Standing(
            card=block,
            kind=BLOCK_KINDS[block.kind.value],
            effect=BLOCK_EFFECTS[block.kind.value],
            holder=BLOCK_HOLDERS[block.holder.value],
            lifter=LIFTERS[block.as_rule.lifted_by.value],
            who=names.of(_doer(block)) if names else "",
            mine=block.lifted_on is None and block.subscription is not None and _mine(actor, block),
        )
        for block in blocks
    ]


def _doer(block: BlockCard) -> Doer:
    return Doer(block.holder.value, block.put_by, block.holder_id)


def _mine(actor: Actor, block: BlockCard) -> bool:
    try:
        may_lift(actor, block.kind, block.holder, block.holder_id)
    except (NotAllowed, NotYourBlock):
        return False
    return True


def _answer(act: Act, found: Subscription, day: date, blocks: Sequence[Any]) -> Answer:
    access = decide(act, day=day, life=found.life, blocks=blocks, shortfall_until=found.shortfall_until)
    refusals = tuple((sentence(each, language()), what_to_do(each, language())) for each in access.refusals())
    return Answer(act.value, ACTS[act.value], access, refusals)
