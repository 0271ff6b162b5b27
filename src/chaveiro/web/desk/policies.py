"""Policies: the numbers that products are governed by, in words. They are published on the machine."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from chaveiro.apps.catalog import queries
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.policies import DelegationRight, Policy, RightSize
from chaveiro.web.guards import operators_only
from chaveiro.web.pages import language, page
from chaveiro.wording import figures

Row = tuple[str, str, str, str]


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """Every policy in its newest version, and which products stand under it."""
    with acting(request.actor):
        found = queries.policies()
        products = queries.products()
    cards = [
        {
            "policy": each,
            "rows": numbers(each.numbers),
            "products": [product for product in products if product.policy_name == each.name],
        }
        for each in found
    ]
    return page(request, "desk/policies.html", {"cards": cards})


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
    return {
        RightSize.NONE: _("nobody may choose one"),
        RightSize.RENEWAL: _("may be chosen when a subscription is extended"),
        RightSize.FREE: _("may be chosen whenever keys are redeemed"),
    }[choice]


def _delegation(right: DelegationRight) -> str:
    return {
        DelegationRight.ENROLLED: _("partners enrolled in a programme"),
        DelegationRight.PARTNER_OF_RECORD: _("the partner of record"),
        DelegationRight.BOTH: _("the partner of record, if enrolled in a programme"),
    }[right]
