"""The last page: everything to review with its sum, the attestation, and the button that names the act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import Weighed, preview, redeem
from chaveiro.rules.errors import Contention, OutcomeUnknown
from chaveiro.rules.redemption import Effect, SumChanged
from chaveiro.rules.verdicts import Refusals
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problem, problems_at
from chaveiro.web.problems import OUT_OF_REACH
from chaveiro.web.redeem.draft import Desk, steps, with_desk
from chaveiro.web.redeem.order import (
    ATTESTED_LATER,
    CONFIRM,
    KEYS,
    PLACES,
    attestation_of,
    order_of,
)

RECEIPT = "/redeem/receipt"


@require_http_methods(["GET", "HEAD", "POST"])
@with_desk
def confirm(request: Any, desk: Desk) -> HttpResponse:
    """What would happen, and on a POST what happens: all of it, or nothing and why. Sent twice it is done once."""
    if not desk.kept.items:
        return see_other(KEYS)
    if request.method != "POST":
        return _shown(request, desk, _weighed(desk))
    language = switching(request)
    if language:
        return remember_language(see_other(CONFIRM), language)
    count(request, "redemptions")
    return _redeemed(request, desk)


def _redeemed(request: Any, desk: Desk) -> HttpResponse:
    fingerprint = request.POST.get("fingerprint", "")[:40] or None
    order = order_of(desk, attestation=attestation_of(request), fingerprint=fingerprint)
    try:
        redeem(actor=desk.holder, order=order, means=wiring.means())
    except Refusals as refusals:
        return _shown(request, desk, _weighed(desk), problems_at(refusals.faults, _places()), status=422)
    except (SumChanged, Contention) as refusal:
        return _shown(request, desk, _weighed(desk), [problem("sum", refusal)], status=409)
    except (OutcomeUnknown, *OUT_OF_REACH):
        # The act was done whole or not at all, and its draft names it: asking again is safe and gives the truth.
        context = {"attestation": request.POST.get("attestation", ""), "fingerprint": fingerprint or ""}
        return page(request, "redeem/checking.html", context, status=503)
    return see_other(RECEIPT)


def _weighed(desk: Desk) -> Weighed:
    return preview(actor=desk.holder, order=order_of(desk, attestation=ATTESTED_LATER), means=wiring.means())


def _places() -> dict[str, str]:
    return {pointer: place.removeprefix(CONFIRM) for pointer, place in PLACES.items()}


def _shown(
    request: Any, desk: Desk, weighed: Weighed, problems: Sequence[Problem] = (), *, status: int = 200
) -> HttpResponse:
    found = list(problems) or problems_at(weighed.faults, _places())
    context = {
        **steps(desk, "confirm"),
        "form": desk.form,
        "opens_customer": weighed.customer is None,
        "customer_name": _customer_name(desk, weighed),
        "purpose": weighed.plan.purpose,
        "effects": [_effect(effect) for effect in weighed.plan.effects],
        "key_count": len(desk.kept.items),
        "fingerprint": weighed.plan.fingerprint,
        "initial_domain": settings.INITIAL_DOMAIN,
        "is_ready": not weighed.faults,
        "attested": request.POST.get("attestation") == "yes",
    }
    return page(request, "redeem/confirm.html", context, status=status, problems=found)


def _customer_name(desk: Desk, weighed: Weighed) -> str:
    if weighed.customer is None:
        return desk.form.get("name", "")
    with acting(desk.holder):
        return customers.name_of(weighed.customer)


def _effect(effect: Effect) -> dict[str, Any]:
    """One subscription's sum with every number that stands in it."""
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
    }
