"""Check the keys: one card for each product with what its keys give; a key is removed with a way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.redemption.actions import Weighed, drafting, preview
from chaveiro.rules.redemption import Effect, KeyFacts
from chaveiro.rules.verdicts import KeyHeld
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problem
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import CHECK, KEYS, go_on, on_draft, steps
from chaveiro.web.redeem.keys import keep
from chaveiro.web.redeem.order import ATTESTED_LATER, order_of
from chaveiro.web.redeem.targets import weighed_or_nothing

ABOUT_KEYS = "/keys/"


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(CHECK)
def check(request: Any, desk: Desk) -> HttpResponse:
    """What was entered, by product. A POST removes keys, puts them back, or says that they are right."""
    if request.method != "POST":
        return _shown(request, desk)
    do, language = request.POST.get("do", "next"), switching(request)
    if language:
        return remember_language(see_other(desk.path(CHECK)), language)
    if do == "undo" or do.startswith("remove:"):
        keep(desk, do, list(desk.kept.typed.values()))
        desk = look_again(desk)
        return see_other(desk.path(CHECK if desk.kept.items else KEYS))
    weighed = _weighed(desk)
    if _problems(weighed):
        return _shown(request, desk, weighed, told=True)
    drafting.keep_form(actor=desk.holder, form={"checked": "yes"}, means=wiring.means())
    return go_on(look_again(desk))


def _weighed(desk: Desk) -> Weighed:
    known = weighed_or_nothing(desk)
    if known is not None:
        return known
    # Onto a subscription that is out of this holder's reach: what it is for is asked again, so look without it.
    order = order_of(desk.without_target(), attestation=ATTESTED_LATER)
    return preview(actor=desk.holder, order=order, means=wiring.means())


def _problems(weighed: Weighed) -> list[Problem]:
    """What stands against single keys, whatever they are for."""
    return [
        problem(f"key-{int(fault.pointer.removeprefix(ABOUT_KEYS)) + 1}", fault.refusal)
        for fault in weighed.faults
        if fault.pointer.startswith(ABOUT_KEYS)
    ]


def _shown(request: Any, desk: Desk, weighed: Weighed | None = None, *, told: bool = False) -> HttpResponse:
    weighed = _weighed(desk) if weighed is None else weighed
    numbers = {
        verdict.facts.number: verdict.index for verdict in weighed.verdicts if verdict.facts and not verdict.refusal
    }
    context = {
        **steps(desk, CHECK),
        "cards": [_card(effect, numbers) for effect in weighed.plan.effects],
        "refused": [
            {"number": verdict.index + 1, "at": f"key-{verdict.index + 1}", "position": verdict.index}
            | {"last_five": desk.kept.items[verdict.index].last_five}
            for verdict in weighed.verdicts
            if verdict.refusal
        ],
        "held_elsewhere": any(isinstance(verdict.refusal, KeyHeld) for verdict in weighed.verdicts),
        "notes": [problem("sum", fault.refusal) for fault in weighed.faults if fault.pointer == "/keys"],
        "removed": desk.kept.removed,
        "key_count": len(desk.kept.items),
        "seats": sum(key.seats for effect in weighed.plan.effects for key in effect.keys),
        "opens": desk.purpose == "open",
    }
    status = 422 if told else 200
    problems = _problems(weighed)
    return page(request, "redeem/check.html", context, status=status, problems=problems, at_fields_only=not told)


def _card(effect: Effect, numbers: dict[int, int]) -> dict[str, Any]:
    """One product: its keys, and what they would give together."""
    return {
        "names": effect.names,
        "keys": [_line(key, numbers) for key in effect.keys],
        "positions": ",".join(str(numbers[key.number]) for key in effect.keys),
        "count": len(effect.keys),
        "seats": sum(key.seats for key in effect.keys),
        "months": _terms(effect.keys),
        "after": effect.sum.seats,
        "ends_on": effect.sum.ends_on,
    }


def _line(key: KeyFacts, numbers: dict[int, int]) -> dict[str, Any]:
    position = numbers[key.number]
    return {"number": position + 1, "position": position, "last_five": key.last_five} | {
        "seats": key.seats,
        "months": key.months,
    }


def _terms(keys: Sequence[KeyFacts]) -> list[int]:
    return sorted({key.months for key in keys})
