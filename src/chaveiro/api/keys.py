"""Checking keys before they are used: a verdict for each, nothing spent and nothing held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from chaveiro.api import fields, problems, writing
from chaveiro.api.authentication import Asking, asking
from chaveiro.api.languages import language_of
from chaveiro.apps.customers.queries import day_of
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.rules import redemption
from chaveiro.rules.redemption import Item, Situation, Verdict
from chaveiro.wording import telling

router = Router(tags=["Keys"])

Typed = Annotated[str, Field(description="A key as it was typed: case, spaces and dashes do not matter.")]


class KeyChecks(fields.Body):
    """Keys to be checked, at most 200, as for one redemption."""

    keys: list[Typed] = Field(min_length=1, max_length=redemption.BASKET_AT_MOST)
    country: fields.Country | None = Field(None, description="Where they shall be used.")
    subscription: fields.Text | None = Field(None, description="The subscription that they shall extend or add to.")


class KeyCheck(fields.Answer):
    """What is said of one key. Of a key that this installation does not know only the first fields are told."""

    index: int
    verdict: str = Field(description="`ok`, or a code of the list.")
    detail: str | None = Field(description="The verdict in words; null when ok.")
    product: str | None
    seats: int | None
    months: int | None
    serial: str | None
    last_five: str | None
    positions: list[int] = Field(description="Of symbols that are wrong, counted from 1.")
    repair: str | None = Field(description="What was probably meant; a guess to be confirmed by a person.")
    facts: dict[str, Any]


class KeyCheckAnswer(fields.Answer):
    """One result for each key, in the order they were sent."""

    results: list[KeyCheck]


@router.post("/key-checks", response=problems.answers(200, KeyCheckAnswer), operation_id="checkKeys")
def check_keys(request: HttpRequest, payload: KeyChecks, key: writing.Key = None) -> dict[str, Any]:
    """Say of each key whether it can be used. Spends and holds nothing, so that it is safe to repeat; throttled."""
    asker = asking(request)
    asker.bare.needs("keys:check")
    writing.request_of(request, key)
    asker.take("key_checks", cost=len(payload.keys))
    items = tuple(Item.of(text, asker.means.digesters) for text in payload.keys)
    return {"results": telling.verdicts(items, _judged(asker, items, payload), language_of(request))}


def _judged(asker: Asking, items: Sequence[Item], wanted: KeyChecks) -> tuple[Verdict, ...]:
    country = wanted.country and wanted.country.upper()
    with acting(asker.bare):
        target = None
        if wanted.subscription is not None:
            named = fields.in_body("subscription", wanted.subscription, "subscription")
            target, country = queries.target_of(named)
        day = day_of(target.customer if target else asker.bare.customer, asker.means.day)
        known = queries.known_keys(items, None, asker.means)
    purpose = "open" if target is None else "extend"
    return redemption.judge(items, known, Situation(purpose, day, country, target is None, target))
