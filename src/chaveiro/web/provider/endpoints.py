"""What services themselves ask for: what the provider publishes, ID tokens for codes, and what is said of a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import structlog
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.rules.errors import NotFound
from chaveiro.rules.limits import TooMany
from chaveiro.rules.services import Shown
from chaveiro.web.limiting import count
from chaveiro.web.problems import OUT_OF_REACH, RETRY_SECONDS
from chaveiro.web.provider.desk import HouseDesk

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponse]
HOUR_SECONDS = 60 * 60
FORM_LENGTH_AT_MOST = 8_000
FORM = "application/x-www-form-urlencoded"


def for_services(view: View) -> View:
    """A view that answers programs with JSON, whatever goes wrong, and pages of any site: no cookie counts here."""

    @wraps(view)
    def inside(request: Any, *arguments: Any, **named: Any) -> HttpResponse:
        try:
            response = _preflight() if request.method == "OPTIONS" else view(request, *arguments, **named)
        except NotFound:
            response = JsonResponse({"error": "not_found"}, status=404)
        except TooMany as refused:
            response = _error("temporarily_unavailable", 429)
            response["Retry-After"] = str(refused.facts["retry_after"])
        except OUT_OF_REACH as fault:
            log.warning("database_out_of_reach", fault=type(fault).__name__)
            response = _error("temporarily_unavailable", 503)
            response["Retry-After"] = str(RETRY_SECONDS)
        response["Access-Control-Allow-Origin"] = "*"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return csrf_exempt(inside)


@for_services
@require_http_methods(["GET", "HEAD"])
def discovery(request: Any) -> HttpResponse:
    """What services need to know of the provider, at `/.well-known/openid-configuration`."""
    del request
    return _published(wiring.openid_provider(HouseDesk()).published())


@for_services
@require_http_methods(["GET", "HEAD"])
def keys(request: Any) -> HttpResponse:
    """The keys that ID tokens are verified with."""
    del request
    return _published(wiring.provider_keys().published())


@for_services
@require_http_methods(["POST"])
def token(request: Any) -> HttpResponse:
    """An ID token for a code."""
    if request.content_type != FORM or len(request.body) > FORM_LENGTH_AT_MOST:
        return _error("invalid_request", 400)
    if any(len(values) > 1 for _name, values in request.POST.lists()):
        return _error("invalid_request", 400)
    count(request, "services")
    provider = wiring.openid_provider(HouseDesk())
    reply = provider.token(Shown(request.POST.dict(), dict(request.headers)))
    response = JsonResponse(dict(reply.body), status=reply.status)
    for name, value in reply.headers:
        response[name] = value
    return response


@for_services
@require_http_methods(["GET", "POST"])
def userinfo(request: Any) -> HttpResponse:
    """What is said of the person who signed in, as it stands now."""
    count(request, "services")
    wiring.provider_keys()
    desk = HouseDesk()
    scheme, _space, access = request.headers.get("Authorization", "").partition(" ")
    grant = desk.shown(access.strip()) if scheme.lower() == "bearer" else None
    claims: Mapping[str, Any] | None = None if grant is None else desk.claims(grant)
    if claims is None:
        response = _error("invalid_token", 401)
        response["WWW-Authenticate"] = 'Bearer realm="chaveiro", error="invalid_token"'
        return response
    return JsonResponse(dict(claims))


def _published(told: Mapping[str, Any]) -> HttpResponse:
    response = JsonResponse(dict(told))
    response["Cache-Control"] = f"public, max-age={HOUR_SECONDS}"
    return response


def _error(code: str, status: int) -> HttpResponse:
    return JsonResponse({"error": code}, status=status)


def _preflight() -> HttpResponse:
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = "GET, POST"
    response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response["Access-Control-Max-Age"] = str(HOUR_SECONDS)
    return response
