"""The page of the keys: one field for each, many pasted at once, or a file; a verdict for each, every fault at once.

Good keys leave the fields as soon as they are sent: the draft has their digests, the page their last five symbols. What
cannot be a key yet stays in its field, with its wrong characters marked and, where there is one, a repair to confirm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.redemption.actions import drafting, preview
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.keys import check, find_all, read
from chaveiro.rules.limits import TooMany
from chaveiro.rules.redemption import BASKET_AT_MOST, BasketTooLarge, Verdict
from chaveiro.rules.symbols import significant
from chaveiro.rules.verdicts import KeyEmpty, KeyHeld
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem import said, uploads
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import CHECK, KEYS, go_on, on_draft, steps
from chaveiro.web.redeem.order import ATTESTED_LATER, order_of
from chaveiro.web.redeem.rows import Row, empty_rows, row_of

FIELDS_AT_FIRST = 3
FIELD_LENGTH_AT_MOST = 2000
STAYING_HERE = ("add", "check", "start-over", "continue", "undo")


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(KEYS)
def keys(request: Any, desk: Desk) -> HttpResponse:
    """The keys of the draft; a POST keeps what was typed whatever the button, then does what the button says."""
    if request.method != "POST":
        return shown(request, desk, drafting.verdicts_of(actor=desk.holder, kept=desk.kept, means=wiring.means()))
    do, language = request.POST.get("do", "next"), switching(request)
    texts = texts_of(request.POST.getlist("key"), request.POST.getlist("repair"))
    try:
        found = [*pasted(request.POST.get("many", ""), "many"), *pasted(uploads.text_of(request), uploads.FIELD)]
        count(request, "key_checks", min(len(texts) + len(found), BASKET_AT_MOST))
        if do == "continue":
            drafting.take_over(actor=desk.holder, kept=desk.kept, means=wiring.means())
        verdicts = keep(desk, do, [*texts, *found])
    except (TooMany, Malformed, BasketTooLarge) as refusal:
        return _refused(request, desk, refusal, texts)
    if language:
        return remember_language(see_other(desk.path(KEYS)), language)
    return _next(request, look_again(desk), verdicts, do)


def keep(desk: Desk, do: str, texts: Sequence[str]) -> tuple[Verdict, ...]:
    """Keep the basket as the button says: all that is there, or without the keys removed, or with those put back."""
    held = [position for position in range(len(desk.kept.items)) if position not in desk.kept.typed]
    gone = {int(word) for word in do.removeprefix("remove:").split(",") if word.isdecimal()} if ":" in do else set()
    verdicts = drafting.keep_keys(
        actor=desk.holder,
        code=desk.code,
        texts=texts,
        sealer=wiring.sealer(),
        means=wiring.means(),
        take_up=do == "start-over",
        staying=[position for position in held if position not in gone],
        removed=gone,
        put_back=do == "undo",
    )
    if desk.form.get("checked"):
        drafting.keep_form(actor=desk.holder, form={"checked": ""}, means=wiring.means())
    return verdicts


def pasted(text: str, field: str) -> list[str]:
    """The keys of a pasted text or a file. Raises Malformed when the text is too long, or holds none."""
    if not text.strip():
        return []
    found = [reading.typed for reading in check(text)]
    if not found:
        raise Malformed(field=field, reason="holds no key")
    return found


def _next(request: Any, desk: Desk, verdicts: Sequence[Verdict], do: str) -> HttpResponse:
    if do == "add" or do.startswith("remove:"):
        fields = str(_fields(desk) + (do == "add"))
        drafting.keep_form(actor=desk.holder, form={"fields": fields}, means=wiring.means())
        return see_other(f"{desk.path(KEYS)}#next")
    faulty = any(verdict.refusal is not None for verdict in verdicts)
    if do in STAYING_HERE and not faulty:
        return go_on(desk) if do == "continue" else see_other(f"{desk.path(KEYS)}#next")
    if faulty or not verdicts:
        return shown(request, desk, verdicts, told=True)
    return see_other(desk.path(CHECK))


def texts_of(typed: Sequence[str], repaired: Sequence[str]) -> list[str]:
    """What was typed, field by field; a confirmed repair in its place; several keys in one field, each on its own."""
    texts: list[str] = []
    for index, text in enumerate(typed):
        repair = read(text).repair if str(index) in repaired else None
        several = find_all(text[:FIELD_LENGTH_AT_MOST]) if repair is None else ()
        texts += [each.typed for each in several] if len(several) > 1 else [repair or text]
    return [text for text in texts if significant(text)]


def _fields(desk: Desk) -> int:
    kept = desk.form.get("fields", "")
    return min(int(kept) if kept.isdecimal() else FIELDS_AT_FIRST, BASKET_AT_MOST)


def shown(request: Any, desk: Desk, verdicts: Sequence[Verdict], *, told: bool = False) -> HttpResponse:
    """The page; `told` puts the list of problems at its top."""
    rows = [row_of(desk, position, verdict) for position, verdict in enumerate(verdicts)]
    faults = [(row, verdict.refusal) for row, verdict in zip(rows, verdicts, strict=True) if verdict.refusal]
    offers = offers_of(desk) if any(isinstance(refusal, KeyHeld) for _, refusal in faults) else {}
    problems = [problem(row.at, offers.get(row.number - 1, refusal)) for row, refusal in faults]
    if told and not rows:
        problems = [problem("key-1", KeyEmpty())]
    whole = any(each.facts.get("whole") for each in offers.values())
    may_go_on = whole and drafting.may_continue(actor=desk.holder, kept=desk.kept, means=wiring.means())
    context = {**_context(desk, rows), "can_start_over": whole, "can_continue": may_go_on}
    status = 422 if told else 200
    return page(request, "redeem/keys.html", context, status=status, problems=problems, at_fields_only=not told)


def _refused(request: Any, desk: Desk, refusal: Refusal, texts: Sequence[str]) -> HttpResponse:
    """The page with what was sent still in its fields, when it could not even be looked at."""
    rows = [row_of(desk, place) for place in range(len(desk.kept.items)) if place not in desk.kept.typed]
    rows += [Row(len(rows) + place, f"key-{len(rows) + place}", text=text) for place, text in enumerate(texts, 1)]
    at = str(refusal.facts["field"]) if isinstance(refusal, Malformed) else rows[-1].at if rows else "key-1"
    at = "many" if at == "text" else at
    context = {**_context(desk, rows), "many": request.POST.get("many", "")}
    status = 429 if isinstance(refusal, TooMany) else 422
    response = page(request, "redeem/keys.html", context, status=status, problems=[problem(at, refusal)])
    if isinstance(refusal, TooMany):
        response["Retry-After"] = str(refusal.facts["retry_after"])
    return response


def _context(desk: Desk, rows: Sequence[Row]) -> dict[str, Any]:
    room = min(max(1, _fields(desk) - len(rows)), BASKET_AT_MOST - len(rows))
    return {
        **steps(desk, KEYS),
        "held": [row for row in rows if row.position is not None],
        "fields": [*(row for row in rows if row.position is None), *empty_rows(rows, room)],
        "removed": desk.kept.removed,
        "at_most": BASKET_AT_MOST,
        "words": said.words(),
    }


def offers_of(desk: Desk) -> Mapping[int, KeyHeld]:
    """The holds in other drafts by position, each with whether all of that draft's keys are here."""
    weighed = preview(actor=desk.holder, order=order_of(desk, attestation=ATTESTED_LATER), means=wiring.means())
    return {
        int(fault.pointer.rpartition("/")[2]): fault.refusal
        for fault in weighed.faults
        if isinstance(fault.refusal, KeyHeld)
    }
