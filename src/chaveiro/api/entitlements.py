"""May this person use what, today, and if not why: asked by services at every request, and by whoever may see them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from ninja.security import HttpBearer
from pydantic import Field

from chaveiro import wiring
from chaveiro.api import fields, problems
from chaveiro.api.languages import language_of
from chaveiro.api.refusals import Unauthenticated
from chaveiro.apps.closing.queries.entitlements import entitled_by_token
from chaveiro.apps.identity.actions import digest_of
from chaveiro.rules import entitlements, identifiers
from chaveiro.rules.access import BlockKind, Holder, Lifter, Reason
from chaveiro.rules.entitlements import Entitled
from chaveiro.rules.errors import Malformed
from chaveiro.rules.lifecycle import Stage
from chaveiro.rules.openings import Missing
from chaveiro.rules.tokens import is_token
from chaveiro.wording import sentence, what_to_do

# Kept by whoever asks, and shown to us again at each request: a block counts the instant it is put.
CACHED = "private, no-cache"
DOCUMENT_CACHED = f"private, max-age={int(entitlements.DOCUMENT_LIVES.total_seconds()) // 3}"
EMAIL_LENGTH_AT_MOST = 254
DOCUMENT_TYPE = "application/jose"


@dataclass(slots=True)
class Presented:
    """A token as it came; whose it is the one statement finds out that also answers."""

    digest: bytes = field(repr=False)
    language: str = settings.LANGUAGE_CODE


class BearerToken(HttpBearer):
    """`Authorization: Bearer chv_…`, of a service or of an account."""

    def authenticate(self, request: HttpRequest, token: str) -> Presented | None:
        """The token, if it has a token's form."""
        del request
        return Presented(digest_of(token)) if is_token(token) else None


router = Router(tags=["Entitlements"], auth=BearerToken())


class OrganisationAnswer(fields.Answer):
    """The customer whose person it is."""

    id: str
    name: str


class BlockAnswer(fields.Answer):
    """A block that stands: why, and on whose side it was put."""

    kind: BlockKind
    holder: Holder


class ReasonAnswer(fields.Answer):
    """One thing that stands in the way."""

    code: Reason
    since: date | None
    lifted_by: list[Lifter] = Field(description="Who can lift it; nobody when empty.")
    block: BlockAnswer | None


class ChangeAnswer(fields.Answer):
    """What comes next if nobody renews."""

    stage: Stage
    day: date


class EntitlementAnswer(fields.Answer):
    """One product. `may_use` is the answer; the rest says why, and until when."""

    product: str
    subscription: str
    may_use: bool
    until: date | None = Field(description="The first day on which the calendar alone forbids it; null: it does now.")
    stage: Stage
    licensed: bool
    ends_on: date = Field(description="The first day not covered.")
    access_stops_on: date = Field(description="The first day on which nobody may use it, if nobody renews.")
    erasure_on: date = Field(description="The first day on which its data may be erased, or when they were.")
    reasons: list[ReasonAnswer] = Field(description="All that stands in the way, the gravest first.")
    next_change: ChangeAnswer | None
    detail: str | None = Field(description="Why not, for people, in the language of Accept-Language.")
    advice: str | None = Field(description="What to do, and who can, in that language.")


class EntitlementsAnswer(fields.Answer):
    """A person on a day of their organisation. One entry for each product that it has, or had."""

    person: str
    email: str
    organisation: OrganisationAnswer
    day: date
    entitlements: list[EntitlementAnswer]


Person = Annotated[str | None, Query(description="`per_…`: the `sub` of an ID token.", max_length=100)]
Email = Annotated[
    str | None, Query(description="An address, or the name to sign in with.", max_length=EMAIL_LENGTH_AT_MOST)
]
On = Annotated[date | None, Query(description="Derive the stages as of this day.")]


@router.get("", response=problems.answers(200, EntitlementsAnswer, 304, writes=False), operation_id="getEntitlements")
def get_entitlements(request: HttpRequest, person: Person = None, email: Email = None, on: On = None) -> HttpResponse:
    """May this person use what, today, and if not, why and who can lift it. With `If-None-Match`: 304 while it holds.

    A service asks with its own token. A customer's administrator asks about their own people, everybody about
    themselves, a partner about those whom it reaches.
    """
    found = _asked(request, person, email, on)
    language = language_of(request)
    body = json.dumps(_told(found, language), ensure_ascii=False, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = HttpResponse(status=304) if _knows(request, etag) else HttpResponse(body, "application/json")
    response["ETag"], response["Cache-Control"] = etag, CACHED
    return response


@router.get(
    "/document",
    response=problems.answers(200, str, writes=False),
    operation_id="getEntitlementDocument",
    openapi_extra={"responses": {200: {"content": {DOCUMENT_TYPE: {"schema": {"type": "string"}}}}}},
)
def get_document(request: HttpRequest, person: Person = None, email: Email = None, on: On = None) -> HttpResponse:
    """The same as a signed document (JWS, Ed25519), with the dates of the stages: it can be read without asking us.

    It expires after 15 minutes. The keys are at `/.well-known/jwks.json`.
    """
    found = _asked(request, person, email, on)
    claims = entitlements.document(found, issuer=settings.BASE_URL, now=wiring.means().now)
    response = HttpResponse(wiring.keyring().sign(claims, entitlements.DOCUMENT_KIND), DOCUMENT_TYPE)
    response["Cache-Control"] = DOCUMENT_CACHED
    return response


def _asked(request: HttpRequest, person: str | None, email: str | None, on: date | None) -> Entitled:
    """Whom is asked about, by exactly one name. Raises Unauthenticated and what the query raises."""
    presented: Presented = request.auth  # type: ignore[attr-defined]
    wanted, address = _named(person, email)
    means = wiring.means()
    answer = entitled_by_token(presented.digest, person=wanted, email=address, on=on, day=means.day, now=means.now)
    if answer is None:
        raise Unauthenticated()
    found, language = answer
    presented.language = language or presented.language
    return found


def _named(person: str | None, email: str | None) -> tuple[UUID | None, str]:
    if person is not None and email is not None:
        raise Malformed(field="email", reason="ask by person or by e-mail address, not both")
    if person is not None:
        return fields.in_path("person", person), ""
    if not email or not email.strip():
        raise Missing(field="person")
    return None, email.strip()


def _told(found: Entitled, language: str) -> dict[str, Any]:
    return {
        "person": identifiers.write("person", found.person),
        "email": found.email,
        "organisation": {"id": identifiers.write("customer", found.customer), "name": found.organisation},
        "day": found.day.isoformat(),
        "entitlements": [
            {**entitlements.told(one), **_words(one.access.refusal(), language)} for one in found.entitlements
        ],
    }


def _words(refusal: Any, language: str) -> dict[str, str | None]:
    if refusal is None:
        return {"detail": None, "advice": None}
    return {"detail": sentence(refusal, language), "advice": what_to_do(refusal, language)}


def _knows(request: HttpRequest, etag: str) -> bool:
    sent = request.headers.get("If-None-Match", "")
    return sent.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in sent.split(","))
