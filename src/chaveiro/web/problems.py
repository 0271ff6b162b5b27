"""Pages for what went wrong: in the reader's language, with the request's number, and never with a trace."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation

from chaveiro.rules.errors import OutcomeUnknown, Refusal
from chaveiro.rules.limits import TooMany
from chaveiro.web.languages import language_of
from chaveiro.wording import problem_title, said, said_to_do, sentence, what_to_do

log = structlog.get_logger(__name__)

OUT_OF_REACH = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
RETRY_SECONDS = 30
STATUSES: Mapping[str, int] = {
    "role_required": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "link_spent": HTTPStatus.NOT_FOUND,
    "challenge_spent": HTTPStatus.CONFLICT,
    "service_unknown": HTTPStatus.BAD_REQUEST,
    "return_unknown": HTTPStatus.BAD_REQUEST,
    "provider_unreachable": HTTPStatus.SERVICE_UNAVAILABLE,
    "try_later": HTTPStatus.CONFLICT,
    "sum_changed": HTTPStatus.CONFLICT,
    "outcome_unknown": HTTPStatus.SERVICE_UNAVAILABLE,
}
FOR_PROGRAMS = (
    *("/api/", "/livez", "/readyz", "/metrics", "/.well-known/"),
    *("/oidc/token", "/oidc/userinfo", "/oidc/jwks.json"),
)


def is_for_programs(request: HttpRequest) -> bool:
    """Whether the address answers programs, which are told in another form."""
    return request.path.startswith(FOR_PROGRAMS)


def answer_to(request: HttpRequest, fault: BaseException | None) -> HttpResponse | None:
    """The page for a refusal, or for a database out of reach; None for anything else."""
    if isinstance(fault, Refusal):
        return refused(request, fault)
    if isinstance(fault, OUT_OF_REACH):
        log.warning("database_out_of_reach", fault=type(fault).__name__)
        return unavailable(request)
    return None


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page for a refusal by the rules."""
    language = language_of(request)
    status = HTTPStatus.TOO_MANY_REQUESTS if isinstance(refusal, TooMany) else STATUSES.get(refusal.code, 422)
    words = (sentence(refusal, language), what_to_do(refusal, language))
    response = _page(request, refusal.code, status, *words)
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.facts["retry_after"])
    if isinstance(refusal, OutcomeUnknown):
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, and 413 where more was sent than a request takes."""
    if isinstance(exception, RequestDataTooBig):
        return _coded(request, "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return _coded(request, "bad_request", HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    del exception
    return _coded(request, "forbidden", HTTPStatus.FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    del exception
    return _coded(request, "not_found", HTTPStatus.NOT_FOUND)


def method_not_allowed(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """405, with the methods that the address takes."""
    response = _coded(request, "method_not_allowed", HTTPStatus.METHOD_NOT_ALLOWED)
    response["Allow"] = answer.get("Allow", "")
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500; 503 where the database is out of reach."""
    known = answer_to(request, sys.exc_info()[1])
    return known or _coded(request, "server_error", HTTPStatus.INTERNAL_SERVER_ERROR)


def unavailable(request: HttpRequest) -> HttpResponse:
    """503."""
    response = _coded(request, "unavailable", HTTPStatus.SERVICE_UNAVAILABLE)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _coded(request: HttpRequest, code: str, status: int) -> HttpResponse:
    language = language_of(request)
    return _page(request, code, status, said(code, language), said_to_do(code, language))


def _page(request: HttpRequest, code: str, status: int, what: str, todo: str) -> HttpResponse:
    language = language_of(request)
    context: dict[str, Any] = {"title": problem_title(code, language), "what": what, "todo": todo, "code": code}
    with translation.override(language):
        response = HttpResponse(render_to_string("problem.html", context, request), status=status)
    response["Cache-Control"] = "no-store"
    return response
