"""The API: one call for each act and query, in the framework's frame, with its own description."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from chaveiro.api import (
    batches,
    blocks,
    clocks,
    corrections,
    drafts,
    entitlements,
    journal,
    keys,
    notices,
    operations,
    policies,
    redemptions,
    renewals,
    stock,
    subscriptions,
)
from chaveiro.api.authentication import BearerToken
from chaveiro.api.frame import StrictParser
from chaveiro.api.problems import answer_to

ROOT = "/api/v1/"

DESCRIPTION = """\
Redeem product keys for customers, look after their subscriptions, and read what was done.

- A bearer token (`chv_…`) is one account's, and never wider than it. Foreign and absent answer alike: 404.
- Every failure is `application/problem+json` (RFC 9457). `code` is for ever; `detail` follows `Accept-Language`
  (pt-PT, en). All faults of a request are told at once, in `errors`.
- `Idempotency-Key` is needed where keys move, and taken on every POST. The same request again gets the same answer,
  with `Idempotency-Replayed: true`; another body under the same key is refused with 422, a request still running with
  409. What was refused was not done: its key may be used again. Answers are kept for 48 hours; after that the state of
  the keys themselves gives a retry its answer.
- `?validate_only=true` on a write does nothing and answers what would be done, by the same code.
- Lists take `limit` (50, at most 200) and `cursor`; go on with `next_cursor` while `has_more`.
- Times are RFC 3339 in UTC, days ISO 8601. `ends_on` is the first day not covered, `last_day` the last covered one.
- Limits belong to a token: 500 keys a second are checked (bursts of 10,000), 100 redemptions a second committed (bursts
  of 1,000). With N live keys a guess hits with N / 2^105.
"""


def made() -> NinjaAPI:
    """The API with all its calls."""
    api = NinjaAPI(
        title="Chaveiro",
        version="1",
        description=DESCRIPTION,
        auth=BearerToken(),
        parser=StrictParser(),
        openapi_url=None,
        docs_url=None,
        urls_namespace="api",
    )
    api.add_exception_handler(Exception, _problem)
    for kind in list(api._exception_handlers):
        api.add_exception_handler(kind, _problem)
    api.add_router("", keys.router)
    api.add_router("", stock.router)
    api.add_router("/redemptions/drafts", drafts.router)
    api.add_router("/redemptions", redemptions.router)
    api.add_router("/redemptions", corrections.of_redemptions)
    api.add_router("/corrections", corrections.router)
    api.add_router("/subscriptions", subscriptions.router)
    api.add_router("/subscriptions", renewals.of_subscriptions)
    api.add_router("/renewals", renewals.router)
    api.add_router("/subscriptions", blocks.router)
    api.add_router("/subscriptions", notices.router)
    api.add_router("/policies", policies.router)
    api.add_router("/batches", batches.router)
    api.add_router("/clocks", clocks.router)
    api.add_router("/operations", operations.router)
    api.add_router("/entitlements", entitlements.router)
    api.add_router("/journal", journal.router)
    return api


def _problem(request: HttpRequest, fault: Any) -> HttpResponse:
    return answer_to(request, fault)


api = made()
