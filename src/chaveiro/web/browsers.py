"""The secret by which a question that was put to one browser is known again: a cookie of its own, for a day.

It is apart from the session's: strangers are asked too, and the session's secret changes with every sign-in.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse

from chaveiro import wiring
from chaveiro.apps.identity.actions.challenges import Browser
from chaveiro.apps.identity.actions.passkeys import Counter
from chaveiro.rules.factors import ChallengeSpent, PasskeyRefused
from chaveiro.rules.tokens import SECRET_BYTES, is_secret, write_secret

COOKIE = "__Host-question" if settings.SECURE else "question"
LIFE_SECONDS = 24 * 60 * 60
ANSWER_LENGTH_AT_MOST = 20_000


def browser_of(request: Any) -> Browser:
    """This browser; one that has no secret yet gets one, which `hold` hands it with the answer."""
    fresh = getattr(request, "question_secret", "")
    secret = fresh or request.COOKIES.get(COOKIE, "")
    if not is_secret(secret):
        secret = request.question_secret = write_secret(wiring.means().random_bytes(SECRET_BYTES))
    return Browser(secret)


def hold(request: Any, response: HttpResponse) -> HttpResponse:
    """The same answer, with the browser's secret where this request made it one."""
    fresh = getattr(request, "question_secret", "")
    if fresh:
        response.set_cookie(
            COOKIE, fresh, max_age=LIFE_SECONDS, httponly=True, samesite="Lax", secure=settings.SECURE, path="/"
        )
    return response


def counter(request: Any) -> Counter:
    """Where this browser's passkeys are asked for."""
    return Counter(browser_of(request), wiring.relying_party(), wiring.means())


def options(request: Any, asked: dict[str, Any]) -> HttpResponse:
    """What the page's script hands to the browser."""
    response = hold(request, JsonResponse(asked))
    response["Cache-Control"] = "no-store"
    return response


def answer_in(request: Any) -> dict[str, Any]:
    """What the browser's passkey answered, as the form brings it. Raises PasskeyRefused."""
    text = request.POST.get("credential", "")
    try:
        found = json.loads(text) if len(text) <= ANSWER_LENGTH_AT_MOST else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PasskeyRefused(reason="not an answer")
    return found


def written(question: bytes) -> str:
    """A question as a form carries it."""
    return base64.urlsafe_b64encode(question).rstrip(b"=").decode()


def question_in(request: Any, name: str = "question") -> bytes:
    """The question that a form brings back. Raises ChallengeSpent where it is none."""
    text = request.POST.get(name, "")[:100]
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise ChallengeSpent() from None
