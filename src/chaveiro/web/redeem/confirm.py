"""The last page: everything to review with its sum, the declaration again, and the button that names the act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import Weighed, redeem
from chaveiro.rules.errors import Contention, NotFound, OutcomeUnknown
from chaveiro.rules.lifecycle import days_later, erasure_due_on
from chaveiro.rules.redemption import Effect, SumChanged
from chaveiro.rules.verdicts import Refusals
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, language, page, problem, problems_at
from chaveiro.web.problems import OUT_OF_REACH
from chaveiro.web.redeem.draft import Desk
from chaveiro.web.redeem.journey import CONFIRM, PURPOSE, on_draft, steps
from chaveiro.web.redeem.order import attestation_of, order_of, places, zone_of
from chaveiro.web.redeem.partner import name_of
from chaveiro.web.redeem.targets import weighed_or_nothing
from chaveiro.wording import zones


@dataclass(frozen=True, slots=True)
class Life:
    """The life of a subscription as it would be, for its strip."""

    stage: str
    ends_on: date
    access_stops_on: date
    erasure_on: date


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(CONFIRM)
def confirm(request: Any, desk: Desk) -> HttpResponse:
    """What would happen, and on a POST what happens: all of it, or nothing and why. Sent twice it is done once."""
    if request.method != "POST":
        return _shown(request, desk)
    wanted = switching(request)
    if wanted:
        return remember_language(see_other(desk.path(CONFIRM)), wanted)
    count(request, "redemptions")
    return _redeemed(request, desk)


def _redeemed(request: Any, desk: Desk) -> HttpResponse:
    fingerprint = request.POST.get("fingerprint", "")[:40] or None
    order = order_of(desk, attestation=attestation_of(desk, request), fingerprint=fingerprint)
    try:
        redeem(actor=desk.holder, order=order, means=wiring.means())
    except Refusals as refusals:
        return _shown(request, desk, problems_at(refusals.faults, places(desk, CONFIRM)), status=422)
    except (SumChanged, Contention) as refusal:
        return _shown(request, desk, [problem("sum", refusal)], status=409)
    except NotFound:
        return see_other(desk.path(PURPOSE))
    except (OutcomeUnknown, *OUT_OF_REACH):
        # The act was done whole or not at all, and its draft names it: asking again is safe and gives the truth.
        context = {**steps(desk, CONFIRM), "fingerprint": fingerprint or ""}
        return page(request, "redeem/checking.html", context, status=503)
    return see_other(desk.path("receipt"))


def _shown(request: Any, desk: Desk, problems: Sequence[Problem] = (), *, status: int = 200) -> HttpResponse:
    weighed = weighed_or_nothing(desk)
    if weighed is None:
        return see_other(desk.path(PURPOSE))
    found = list(problems) or problems_at(weighed.faults, places(desk, CONFIRM))
    form = desk.form
    context = {
        **steps(desk, CONFIRM),
        "opens_customer": weighed.customer is None,
        "customer_name": _customer_name(desk, weighed),
        "purpose": weighed.plan.purpose,
        "effects": [told_effect(effect) for effect in weighed.plan.effects],
        "key_count": len(desk.kept.items),
        "fingerprint": weighed.plan.fingerprint,
        "zone": zones.city(zone_of(form), language()),
        "partner_name": name_of(desk, form.get("partner_of_record", "")) if weighed.customer is None else "",
        "initial_domain": settings.INITIAL_DOMAIN,
        "is_ready": not weighed.faults,
        "says_own": form.get("attested_for") == "own",
    }
    return page(request, "redeem/confirm.html", context, status=status, problems=found)


def _customer_name(desk: Desk, weighed: Weighed) -> str:
    if weighed.customer is None:
        return desk.form.get("name", "")
    with acting(desk.holder):
        return customers.name_of(weighed.customer)


def told_effect(effect: Effect) -> dict[str, Any]:
    """One subscription's sum with every number that stands in it, and its life afterwards."""
    total = effect.sum
    return {
        "names": effect.names,
        "product": effect.product_code,
        "lines": [
            {"last_five": key.last_five, "seats": line.seats, "months": line.months, "days": line.days}
            | {"seat_days": line.seat_days}
            for key, line in zip(effect.keys, total.grants, strict=True)
        ],
        "before": total.footing.before,
        "days_left": total.footing.days_left,
        "carried": total.footing.carried,
        "origin": total.footing.origin,
        "pool": total.pool,
        "seats": total.seats,
        "days": total.days_after,
        "ends_on": total.ends_on,
        "credit": total.credit,
        "life": Life(
            "active",
            total.ends_on,
            days_later(total.ends_on, effect.policy.grace_days),
            erasure_due_on(total.ends_on, effect.policy),
        ),
    }
