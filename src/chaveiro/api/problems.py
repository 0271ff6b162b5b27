"""Every failure as one kind of document: RFC 9457 `application/problem+json`, with all faults at once.

refusal ──status_of──▶ HTTP status       the one table is STATUS
        ──sentence───▶ detail, in the caller's language; `code` never changes
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from ninja.errors import AuthenticationError, HttpError, ValidationError
from pydantic import Field

from chaveiro.api import refusals
from chaveiro.api.fields import Answer
from chaveiro.api.languages import language_of
from chaveiro.rules import idempotency, peppers
from chaveiro.rules.errors import (
    Contention,
    LedgerBroken,
    Malformed,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    Refusal,
)
from chaveiro.rules.journal import JournalBroken, JournalRestored
from chaveiro.rules.keys import scrub
from chaveiro.rules.limits import TooMany
from chaveiro.rules.openings import Missing
from chaveiro.rules.policy_changes import DraftChanged
from chaveiro.rules.redemption import SumChanged
from chaveiro.rules.vault import SealBroken, VaultKeyMissing
from chaveiro.rules.verdicts import Fault, Refusals
from chaveiro.wording import problem_title, said, sentence, what_to_do
from chaveiro.wording.telling import told

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
FAULTS_AT_MOST = 1_000
OUT_OF_REACH = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

# The status of each kind of refusal; a rule's plain no is 422.
STATUS: Mapping[type[Refusal], HTTPStatus] = {
    refusals.BadRequest: HTTPStatus.BAD_REQUEST,
    idempotency.IdempotencyKeyNeeded: HTTPStatus.BAD_REQUEST,
    refusals.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    refusals.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    Contention: HTTPStatus.CONFLICT,
    SumChanged: HTTPStatus.CONFLICT,
    DraftChanged: HTTPStatus.CONFLICT,
    idempotency.StillRunning: HTTPStatus.CONFLICT,
    refusals.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    refusals.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    refusals.ServerError: HTTPStatus.INTERNAL_SERVER_ERROR,
    JournalBroken: HTTPStatus.INTERNAL_SERVER_ERROR,
    LedgerBroken: HTTPStatus.INTERNAL_SERVER_ERROR,
    SealBroken: HTTPStatus.INTERNAL_SERVER_ERROR,
    JournalRestored: HTTPStatus.SERVICE_UNAVAILABLE,
    OutcomeUnknown: HTTPStatus.SERVICE_UNAVAILABLE,
    peppers.PepperMissing: HTTPStatus.SERVICE_UNAVAILABLE,
    peppers.PepperChanged: HTTPStatus.SERVICE_UNAVAILABLE,
    VaultKeyMissing: HTTPStatus.SERVICE_UNAVAILABLE,
    refusals.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
ASK_AGAIN = {HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class ProblemFault(Answer):
    """One fault and the place where it belongs."""

    pointer: str = Field(description="JSON pointer into the body; `/query/…`, `/path/…`, `/header/…` for the rest.")
    code: str = Field(description="For ever the same; a verdict or another code of the list.")
    detail: str = Field(description="For people, in the language of Accept-Language.")
    facts: dict[str, Any] = Field(description="The named facts of the fault: positions, repair, maximum, …")


class Problem(Answer):
    """Any failure."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    advice: str = Field(description="What to do now, or who can lift it.")
    request_id: str
    errors: list[ProblemFault] = Field(description="Every fault of the request at once.")
    facts: dict[str, Any]


READS = frozenset({400, 401, 403, 404, 422, 429, 500, 503})
WRITES = READS | {409, 413, 415}


def answers(status: int, model: Any, *others: int, writes: bool = True) -> dict[Any, Any]:
    """What an operation declares that it answers: the model, under each status given, or one of the failures."""
    return {frozenset({status, *others}): model, WRITES if writes else READS: Problem}


def no_such_address() -> Refusal:
    """What an address that leads nowhere says: the same as one that leads to what is not yours."""
    return NotFound(what="address")


def status_of(refusal: Refusal) -> HTTPStatus:
    """The HTTP status of a refusal; several faults at once are one refusal of the whole request."""
    for kind in type(refusal).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.UNPROCESSABLE_ENTITY


def answer_to(request: HttpRequest, fault: Exception) -> JsonResponse:
    """The document for whatever was raised; what should never be raised is logged and says nothing of itself."""
    refusal = _as_refusal(fault)
    if isinstance(refusal, refusals.ServerError):
        log.error("server_error", path=request.path, exc_info=fault)
    return response_of(request, refusal)


def _as_refusal(fault: Exception) -> Refusal:
    match fault:
        case Fault():
            return Refusals((fault,))
        case Refusal():
            return fault
        case ValidationError():
            return Refusals(tuple(_invalid(fault.errors))[:FAULTS_AT_MOST])
        case AuthenticationError():
            return refusals.Unauthenticated()
        case Http404():
            return no_such_address()
        case HttpError():
            return refusals.BadRequest(reason="the body is not JSON")
        case RequestDataTooBig():
            return refusals.TooLarge(most=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    if isinstance(fault, OUT_OF_REACH):
        log.warning("database_out_of_reach", fault=type(fault).__name__)
        return refusals.Unavailable()
    return refusals.ServerError()


def response_of(request: HttpRequest, refusal: Refusal) -> JsonResponse:
    """The document for a refusal, with the headers that go with its status."""
    status = status_of(refusal)
    response = JsonResponse(
        document(refusal, status, language_of(request), request_id(request)), status=status, content_type=MEDIA_TYPE
    )
    if status is HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="chaveiro"'
    if status in ASK_AGAIN:
        response["Retry-After"] = str(refusal.facts.get("retry_after", RETRY_SECONDS))
    return response


def request_id(request: HttpRequest) -> str:
    """The number of the request, as the answer's header has it."""
    return str(getattr(request, "request_id", ""))


def document(refusal: Refusal, status: int, language: str, number: str) -> dict[str, Any]:
    """The fields of a problem. With several faults, the code and the words are those of the first."""
    first = refusal.first if isinstance(refusal, Refusals) else refusal
    return {
        "type": f"{settings.BASE_URL}/api/v1/docs#{first.code}",
        "title": problem_title(first.code, language),
        "status": int(status),
        "detail": _detail(first, language),
        "code": first.code,
        "advice": what_to_do(first, language),
        "request_id": number,
        "errors": [
            {
                "pointer": fault.pointer,
                "code": fault.refusal.code,
                "detail": _detail(fault.refusal, language),
                "facts": told(fault.refusal.facts),
            }
            for fault in _faults(refusal)
        ],
        "facts": told(first.facts),
    }


def _detail(refusal: Refusal, language: str) -> str:
    if type(refusal).__module__ == refusals.__name__:
        return said(refusal.code, language, **refusal.facts)
    return sentence(refusal, language)


def _faults(refusal: Refusal) -> Iterable[Fault]:
    if isinstance(refusal, Refusals):
        return refusal.faults
    field = refusal.facts.get("field")
    if not isinstance(field, str):
        return ()
    return (Fault(f"/header/{field}" if field == idempotency.FIELD else f"/{field}", refusal),)


def _invalid(errors: Iterable[Mapping[str, Any]]) -> Iterator[Fault]:
    """What the schema found wrong, in the words of the house: something is missing, or not of its form."""
    for error in errors:
        source, *where = error["loc"]
        place = where[1:] if source == "body" else [source, *where]
        # The client chose some of these names; a key among them is not repeated.
        names = [scrub(str(part)) for part in place if not str(part).startswith("(")]
        field = next((name for name in reversed(names) if not name.isdecimal()), "body")
        missing = error["type"] == "missing"
        refusal = Missing(field=field) if missing else Malformed(field=field, reason=error["type"])
        yield Fault("".join(f"/{escaped(name)}" for name in names), refusal)


def escaped(name: str) -> str:
    """A name as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
