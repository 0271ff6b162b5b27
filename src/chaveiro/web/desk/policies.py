"""Policies: the numbers that subscriptions live by, in words; their versions, and what existing ones follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.catalog import queries
from chaveiro.apps.catalog.queries import AdoptionCard
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.queries import policies as whatif
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import names_of
from chaveiro.rules.actors import Actor
from chaveiro.rules.correction import SecondOperatorNeeded
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.rules.policies import DelegationRight, Policy, RightSize
from chaveiro.rules.policy_changes import AdoptionState, check_name, may_agree
from chaveiro.web.addresses import id_in
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, language, page, problem
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording import figures

Row = tuple[str, str, str, str]


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """Every policy in its newest version, which products stand under it, and what is being worked on."""
    with acting(request.actor):
        found = queries.policies()
        products = queries.products()
        drafts = {card.name: card for card in queries.policy_drafts()}
        waiting = [card for card in queries.adoptions() if card.state is AdoptionState.PROPOSED]
    cards = [
        {
            "policy": each,
            "rows": numbers(each.numbers),
            "products": [product for product in products if product.policy_name == each.name],
            "draft": drafts.pop(each.name, None),
        }
        for each in found
    ]
    # What is left are drafts of policies that have no version yet.
    context = {"cards": cards, "beginnings": list(drafts.values()), "waiting": waiting}
    return page(request, "desk/policies.html", context)


@require_safe
@operators_only
def one(request: Any, name: str) -> HttpResponse:
    """A policy: its versions, its draft, and which existing subscriptions follow which."""
    return _one(request, name, [])


def _one(request: Any, name: str, problems: list[Problem], status: int = 200) -> HttpResponse:
    check_name(name)
    with acting(request.actor):
        versions = queries.policy_versions(name)
        behind = whatif.behind(versions[0])
        adoptions = queries.adoptions(name=name)
        people = names_of({card.proposed_by for card in adoptions if card.proposed_by})
        drafts = [card for card in queries.policy_drafts() if card.name == name]
        products = [each for each in queries.products() if each.policy_name == name]
    shown = [
        _shown(request.actor, card, people.get(card.proposed_by, "") if card.proposed_by else "") for card in adoptions
    ]
    context = {
        "name": name,
        "versions": versions,
        "rows": numbers(versions[0].numbers),
        "behind": behind,
        "adoptions": shown,
        "open": any(each["open"] for each in shown),
        "draft": drafts[0] if drafts else None,
        "products": products,
    }
    return page(request, "desk/policy.html", context, problems=problems, status=status)


def _shown(actor: Actor, card: AdoptionCard, proposer: str) -> Mapping[str, Any]:
    states = {
        AdoptionState.PROPOSED: (_("waits for a second person"), "warn"),
        AdoptionState.APPROVED: (_("being carried out"), "warn"),
        AdoptionState.DONE: (_("done"), "good"),
        AdoptionState.WITHDRAWN: (_("withdrawn"), ""),
    }
    why_not = None
    if card.state is AdoptionState.PROPOSED:
        try:
            may_agree(actor, card.proposed_by, card.proposed_at, wiring.house(), wiring.means().now)
        except SecondOperatorNeeded as refusal:
            why_not = problem("follow", refusal)
    word, kind = states[card.state]
    return {
        "card": card,
        "proposer": proposer,
        "word": word,
        "kind": kind,
        "why_not": why_not,
        "waits": card.state is AdoptionState.PROPOSED,
        "open": card.state in (AdoptionState.PROPOSED, AdoptionState.APPROVED),
    }


@require_POST
@operators_only
@stepped_up_to_post
def propose(request: Any, name: str) -> HttpResponse:
    """Propose that existing subscriptions follow the newest version."""
    try:
        actions.propose_adoption(actor=request.actor, name=name, means=wiring.means())
    except NotFound:
        raise
    except Refusal as refusal:
        return _one(request, name, [problem("follow", refusal)], status=422)
    return see_other(f"/desk/policies/{name}")


@require_POST
@operators_only
@stepped_up_to_post
def settle(request: Any, name: str, adoption: str) -> HttpResponse:
    """Agree to it, or take it back."""
    wanted, means = id_in("adoption", adoption), wiring.means()
    with acting(request.actor):
        if queries.adoption(wanted).policy.name != name:
            raise NotFound(what="adoption")
    try:
        if request.POST.get("do") == "withdraw":
            actions.withdraw_adoption(actor=request.actor, adoption=wanted, means=means)
        else:
            house = wiring.house()
            actions.approve_adoption(actor=request.actor, adoption=wanted, means=means, house=house)
    except NotFound:
        raise
    except Refusal as refusal:
        return _one(request, name, [problem("follow", refusal)], status=422)
    return see_other(f"/desk/policies/{name}")


def numbers(policy: Policy) -> list[Row]:
    """The numbers of a policy, each as a sentence, in rows as `parts/facts.html` takes them."""
    said = [
        (_("Period of grace"), _after(policy.grace_days)),
        (_("Data kept"), _after(policy.retention_days)),
        (_("Notices"), _notices(policy.notice_days)),
        (_("Keys reserved at review"), _hours(policy.hold_hours)),
        (_("Keys reserved in all"), _days(policy.hold_days_at_most)),
        (_("Partners may reverse"), _reversal(policy.reversal_days)),
        (_("Another number of licences"), _right_size(policy.right_size)),
        (_("Furthest end"), _months(policy.horizon_months)),
        (_("Shortest term"), _days(policy.shortest_term_days)),
        (_("Shortest term with chosen licences"), _days(policy.shortest_chosen_term_days)),
        (_("Offering delegated administration"), _delegation(policy.delegation_right)),
    ]
    return [(term, value, "", "") for term, value in said]


def _number(value: int) -> str:
    return figures(language()).number(value)


def _after(days: int) -> str:
    said = ngettext("%(days)s day after the end", "%(days)s days after the end", days)
    return said % {"days": _number(days)}


def _days(days: int) -> str:
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": _number(days)}


def _hours(hours: int) -> str:
    return ngettext("%(hours)s hour", "%(hours)s hours", hours) % {"hours": _number(hours)}


def _months(months: int) -> str:
    return ngettext("%(months)s month from the day", "%(months)s months from the day", months) % {
        "months": _number(months)
    }


def _notices(days: tuple[int, ...]) -> str:
    return _("%(days)s days before the end") % {"days": figures(language()).joined(_number(day) for day in days)}


def _reversal(days: int) -> str:
    if not days:
        return _("never; the operator may")
    return ngettext("for %(days)s day", "for %(days)s days", days) % {"days": _number(days)}


def _right_size(choice: RightSize) -> str:
    return right_size_words()[choice]


def right_size_words() -> dict[RightSize, str]:
    """Who may choose another number of licences, in words."""
    return {
        RightSize.NONE: _("nobody may choose one"),
        RightSize.RENEWAL: _("may be chosen when a subscription is extended"),
        RightSize.FREE: _("may be chosen whenever keys are redeemed"),
    }


def _delegation(right: DelegationRight) -> str:
    return delegation_words()[right]


def delegation_words() -> dict[DelegationRight, str]:
    """What a partner needs to offer delegated administration, in words."""
    return {
        DelegationRight.ENROLLED: _("partners enrolled in a programme"),
        DelegationRight.PARTNER_OF_RECORD: _("the partner of record"),
        DelegationRight.BOTH: _("the partner of record, if enrolled in a programme"),
    }
