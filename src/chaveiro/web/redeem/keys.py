"""The page of the keys: one field for each, or many pasted at once; a verdict for each, every fault at once.

Good keys leave the fields as soon as they are sent: the draft has their digests, the page their last five symbols. What
cannot be a key yet stays in its field, with its wrong characters marked and, where there is one, a repair to confirm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.redemption.actions import drafting, preview
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.keys import Reading, check, find_all, group, read
from chaveiro.rules.limits import TooMany
from chaveiro.rules.redemption import BASKET_AT_MOST, BasketTooLarge, KeyFacts, Verdict
from chaveiro.rules.symbols import significant
from chaveiro.rules.verdicts import KeyEmpty, KeyHeld
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem.draft import Desk, has_choice, open_desk, steps, with_desk
from chaveiro.web.redeem.order import ATTESTED_LATER, order_of

HERE = "/redeem/keys"
FIELDS_AT_FIRST = 3
GROUP = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the page: `held` as a digest, or a text in a field. `at` is its anchor, `number` what it is called."""

    number: int
    at: str
    position: int | None = None
    last_five: str = ""
    facts: KeyFacts | None = None
    text: str = ""
    chips: tuple[tuple[tuple[str, bool], ...], ...] = ()
    repair: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@with_desk
def keys(request: Any, desk: Desk) -> HttpResponse:
    """The keys of the draft; a POST keeps what was typed whatever the button, then does what the button says."""
    if request.method != "POST":
        return _shown(request, desk, drafting.verdicts_of(actor=desk.holder, kept=desk.kept, means=wiring.means()))
    do, language = request.POST.get("do", "next"), switching(request)
    texts = _texts(request.POST.getlist("key"), request.POST.getlist("repair"))
    try:
        pasted = _pasted(request.POST.get("many", ""))
        count(request, "key_checks", min(len(texts) + len(pasted), BASKET_AT_MOST))
        verdicts = drafting.keep_keys(
            actor=desk.holder,
            code=desk.code,
            texts=[*texts, *pasted],
            sealer=wiring.sealer(),
            means=wiring.means(),
            take_up=do == "start-over",
            staying=_staying(desk, do),
        )
    except (TooMany, Malformed, BasketTooLarge) as refusal:
        return _refused(request, desk, refusal, texts)
    if language:
        return remember_language(see_other(HERE), language)
    return _next(request, open_desk(request, desk.code), verdicts, do)


def _next(request: Any, desk: Desk, verdicts: Sequence[Verdict], do: str) -> HttpResponse:
    if do == "add" or do.startswith("remove:"):
        fields = str(_fields(desk) + (do == "add"))
        drafting.keep_form(actor=desk.holder, form={"fields": fields}, means=wiring.means())
        return see_other(f"{HERE}#next")
    faulty = any(verdict.refusal is not None for verdict in verdicts)
    if do in ("check", "start-over") and not faulty:
        return see_other(f"{HERE}#next")
    if faulty or not verdicts:
        return _shown(request, desk, verdicts, told=True)
    return see_other("/redeem/purpose" if has_choice(desk) else "/redeem/organisation")


def _texts(typed: Sequence[str], repaired: Sequence[str]) -> list[str]:
    """What was typed, field by field; a confirmed repair in its place; several keys in one field, each on its own."""
    texts: list[str] = []
    for index, text in enumerate(typed):
        repair = read(text).repair if str(index) in repaired else None
        several = find_all(text[:2000]) if repair is None else ()
        texts += [each.typed for each in several] if len(several) > 1 else [repair or text]
    return [text for text in texts if significant(text)]


def _pasted(text: str) -> list[str]:
    """The keys of a pasted text. Raises Malformed when the text is too long, or holds none."""
    if not text.strip():
        return []
    found = [reading.typed for reading in check(text)]
    if not found:
        raise Malformed(field="many", reason="holds no key")
    return found


def _staying(desk: Desk, do: str) -> list[int]:
    removed = do.removeprefix("remove:") if do.startswith("remove:") else ""
    held = [position for position in range(len(desk.kept.items)) if position not in desk.kept.typed]
    return [position for position in held if str(position) != removed]


def _fields(desk: Desk) -> int:
    kept = desk.form.get("fields", "")
    return min(int(kept) if kept.isdecimal() else FIELDS_AT_FIRST, BASKET_AT_MOST)


def _shown(request: Any, desk: Desk, verdicts: Sequence[Verdict], *, told: bool = False) -> HttpResponse:
    """The page; `told` puts the list of problems at its top."""
    rows = [_row(desk, position, verdict) for position, verdict in enumerate(verdicts)]
    faults = [(row, verdict.refusal) for row, verdict in zip(rows, verdicts, strict=True) if verdict.refusal]
    offers = _offers(desk) if any(isinstance(refusal, KeyHeld) for _, refusal in faults) else {}
    problems = [problem(row.at, offers.get(row.number - 1, refusal)) for row, refusal in faults]
    if told and not rows:
        problems = [problem("key-1", KeyEmpty())]
    context = {**_context(desk, rows), "can_start_over": any(each.facts.get("whole") for each in offers.values())}
    status = 422 if told else 200
    return page(request, "redeem/keys.html", context, status=status, problems=problems, at_fields_only=not told)


def _refused(request: Any, desk: Desk, refusal: Refusal, texts: Sequence[str]) -> HttpResponse:
    """The page with what was sent still in its fields, when it could not even be looked at."""
    rows = [_row(desk, place, None) for place in range(len(desk.kept.items)) if place not in desk.kept.typed]
    rows += [Row(len(rows) + place, f"key-{len(rows) + place}", text=text) for place, text in enumerate(texts, 1)]
    at = "many" if isinstance(refusal, Malformed) else rows[-1].at if rows else "key-1"
    context = {**_context(desk, rows), "many": request.POST.get("many", "")}
    status = 429 if isinstance(refusal, TooMany) else 422
    response = page(request, "redeem/keys.html", context, status=status, problems=[problem(at, refusal)])
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.facts["retry_after"])
    return response


def _context(desk: Desk, rows: Sequence[Row]) -> dict[str, Any]:
    empty = max(1, _fields(desk) - len(rows))
    room = min(empty, BASKET_AT_MOST - len(rows))
    return {
        **steps(desk, "keys"),
        "held": [row for row in rows if row.position is not None],
        "fields": [
            *(row for row in rows if row.position is None),
            *(Row(len(rows) + place, f"key-{len(rows) + place}") for place in range(1, room + 1)),
        ],
        "first_empty": len(rows) + 1,
        "at_most": BASKET_AT_MOST,
    }


def _row(desk: Desk, position: int, verdict: Verdict | None) -> Row:
    number, item = position + 1, desk.kept.items[position]
    if position not in desk.kept.typed:
        return Row(number, f"key-{number}", position, item.last_five, verdict.facts if verdict else None)
    text = desk.kept.typed[position]
    reading = read(text)
    repair = group(reading.repair) if reading.repair else ""
    return Row(number, f"key-{number}", text=text, chips=_chips(reading), repair=repair)


def _chips(reading: Reading) -> tuple[tuple[tuple[str, bool], ...], ...]:
    """What was typed in groups of five, each symbol with whether it is wrong."""
    marked = [(symbol, place in reading.positions) for place, symbol in enumerate(significant(reading.typed), 1)]
    return tuple(tuple(marked[start : start + GROUP]) for start in range(0, min(len(marked), 40), GROUP))


def _offers(desk: Desk) -> Mapping[int, KeyHeld]:
    """The holds in other drafts by position, each with whether all of that draft's keys are here."""
    weighed = preview(actor=desk.holder, order=order_of(desk, attestation=ATTESTED_LATER), means=wiring.means())
    return {
        int(fault.pointer.rpartition("/")[2]): fault.refusal
        for fault in weighed.faults
        if isinstance(fault.refusal, KeyHeld)
    }
