"""The public keys by which anybody checks receipts and checkpoints, offline and for ever."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from chaveiro import wiring

HOUR_SECONDS = 60 * 60


@require_safe
def published_keys(request: HttpRequest) -> JsonResponse:
    """The JWK set at `/.well-known/jwks.json`: the key that signs now, and every retired one."""
    del request
    response = JsonResponse(wiring.keyring().jwks(), content_type="application/jwk-set+json")
    response["Cache-Control"] = f"public, max-age={HOUR_SECONDS}"
    return response
