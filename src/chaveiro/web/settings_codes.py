"""The second step: an authenticator app is set up by its first code; recovery codes are shown once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, codes
from chaveiro.apps.identity.actions.codes import Codes
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.rules.factors import RecoveryCode, needs_second_factor
from chaveiro.web import second_step
from chaveiro.web.guards import signed_in
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.settings_security import SECURITY
from chaveiro.web.step_up import stepped_up

GROUP = 4  # symbols of a seed that are read together


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@stepped_up
def step(request: Any) -> HttpResponse:
    """Set the app up, or switch its codes off."""
    act = {"begin": _begin, "on": _on, "off": _off, "leave": _leave}.get(request.POST.get("do", ""), _show)
    return act(request) if request.method == "POST" else _show(request)


def _show(request: Any, refusal: Refusal | None = None) -> HttpResponse:
    with acting(request.actor):
        ways = identity.ways(request.account.id)
    context: dict[str, Any] = {
        "ways": ways,
        "must": needs_second_factor(request.actor),
        "due": second_step.is_due(request),
    }
    seed = None if ways.one_time_codes else codes.waiting_seed(actor=request.actor, codes=_kit())
    if seed is not None:
        spelled, _picture = wiring.authenticator_setup(seed, request.account.login_name)
        context["seed"] = " ".join(spelled[start : start + GROUP] for start in range(0, len(spelled), GROUP))
    problems = [] if refusal is None else [problem("code" if seed is not None else "top", refusal)]
    return page(request, "settings/second_step.html", context, status=422 if problems else 200, problems=problems)


def _begin(request: Any) -> HttpResponse:
    codes.begin(actor=request.actor, codes=_kit())
    return see_other(second_step.SET_UP)


def _leave(request: Any) -> HttpResponse:
    codes.forget_waiting(actor=request.actor)
    return see_other(SECURITY)


def _on(request: Any) -> HttpResponse:
    count(request, "codes")
    try:
        made = codes.switch_on(actor=request.actor, typed=request.POST.get("code", ""), codes=_kit())
    except NotFound:
        return see_other(second_step.SET_UP)
    except Refusal as refusal:
        return _show(request, refusal)
    return _told(request, made)


def _off(request: Any) -> HttpResponse:
    try:
        codes.switch_off(actor=request.actor, now=wiring.now())
    except Refusal as refusal:
        return _show(request, refusal)
    return see_other(f"{SECURITY}?done=codes_off")


@require_safe
@signed_in
@stepped_up
def picture(request: Any) -> HttpResponse:
    """The QR code that sets the app up, while the set-up waits for its first code."""
    seed = codes.waiting_seed(actor=request.actor, codes=_kit())
    if seed is None:
        raise NotFound()
    _spelled, svg = wiring.authenticator_setup(seed, request.account.login_name)
    response = HttpResponse(svg, content_type="image/svg+xml")
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@stepped_up
def recovery(request: Any) -> HttpResponse:
    """Ten new recovery codes in the place of the old ones, shown once."""
    if request.method == "POST":
        return _told(request, codes.renew_recovery_codes(actor=request.actor, means=wiring.means()))
    with acting(request.actor):
        ways = identity.ways(request.account.id)
    if not ways.second_factor:
        return see_other(second_step.SET_UP)
    return page(request, "settings/recovery.html", {"ways": ways})


def _told(request: Any, made: Sequence[RecoveryCode]) -> HttpResponse:
    return page(request, "settings/recovery_codes.html", {"codes": [code.grouped() for code in made]})


def _kit() -> Codes:
    return Codes(wiring.vault(), wiring.authenticator_code, wiring.means())
