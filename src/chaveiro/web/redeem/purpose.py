"""What the keys are for: something new, or a subscription that is there; each with its result, or why it cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.redemption.actions import choosing, drafting, preview
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.openings import Missing
from chaveiro.rules.redemption import Effect
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, language, page, problem
from chaveiro.web.redeem import targets
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import PURPOSE, go_on, on_draft, steps
from chaveiro.web.redeem.order import ATTESTED_LATER, order_of
from chaveiro.wording import figures, sentence, what_to_do

NEW = "open"
SEARCH_LENGTH_AT_MOST = 80
SEATS_AT_MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to the question, in words: what it would come to, or why it cannot be."""

    value: str
    title: str
    result: str
    refusals: tuple[Refusal, ...] = ()

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Why not, and what would do."""
        return [(sentence(each, language()), what_to_do(each, language())) for each in self.refusals]


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(PURPOSE)
def purpose(request: Any, desk: Desk) -> HttpResponse:
    """Open something new, add licences, or extend; `target` is `open`, `add:<id>` or `extend:<id>`."""
    wanted = request.GET.get("q", "").strip()[:SEARCH_LENGTH_AT_MOST]
    if request.method != "POST":
        return page(request, "redeem/purpose.html", _context(desk, dict(desk.form), wanted))
    typed = {"target": request.POST.get("target", "")[:60], "seats_after": request.POST.get("seats_after", "")[:20]}
    to = switching(request)
    if to:
        drafting.keep_form(actor=desk.holder, form=typed, means=wiring.means())
        return remember_language(see_other(desk.path(PURPOSE)), to)
    context = _context(desk, typed, wanted)
    if request.POST.get("do") == "calculate":
        return page(request, "redeem/purpose.html", context)
    problems = _problems(typed, context)
    if problems:
        return page(request, "redeem/purpose.html", context, status=422, problems=problems)
    chosen = {"purpose": NEW, "subscription": "", "product": ""}
    if typed["target"] != NEW:
        chosen = targets.fields_of(context["choices"][typed["target"]], desk.holder.kind)
    if chosen["purpose"] != "extend":
        typed["seats_after"] = ""
    drafting.keep_form(actor=desk.holder, form={**typed, **chosen}, means=wiring.means())
    return go_on(look_again(desk))


def _problems(typed: dict[str, str], context: dict[str, Any]) -> list[Problem]:
    """Everything that stands against the answer."""
    found = []
    if _seats(typed) == 0:
        found.append(problem("seats_after", Malformed(field="seats_after", reason="is no whole number")))
    value = typed["target"]
    options = {option.value: option for option in [*context["options"], *context["impossible"]]}
    if value not in options:
        found.append(problem("target", Missing(field="target")))
    elif options[value].refusals and _seats(typed) != 0:
        at = "seats_after" if typed["seats_after"] and value.startswith("extend") else "target"
        found += [problem(at, refusal) for refusal in options[value].refusals[:1]]
    return found


def _seats(typed: dict[str, str]) -> int | None:
    """The licences that were chosen for extending: None for none, 0 for what is no number."""
    text = typed.get("seats_after", "").strip()
    if not text:
        return None
    return int(text) if text.isdecimal() and 0 < int(text) <= SEATS_AT_MOST else 0


def _context(desk: Desk, typed: dict[str, str], wanted: str) -> dict[str, Any]:
    named = targets.id_of(typed.get("target", "").partition(":")[2])
    is_customer = desk.holder.kind is Kind.CUSTOMER
    asked: dict[str, Any] = {
        "actor": desk.holder,
        "draft": desk.kept.id,
        "items": desk.kept.items,
        "means": wiring.means(),
        "seats_after": (_seats(typed) or None) if is_customer else None,
    }
    found = choosing.choices(**asked, wanted=wanted)
    choices = {choice.value: choice for choice in found.found}
    if named is not None and not any(value.endswith(str(named)) for value in choices):
        from_elsewhere = choosing.choices(**asked, only=named).found
        choices = {**{choice.value: choice for choice in from_elsewhere}, **choices}
    options = [_new(desk), *(_option(choice, own=is_customer) for choice in choices.values())]
    possible = [option for option in options if not option.refusals]
    if len(possible) == 1 and not typed.get("target"):
        typed = {**typed, "target": possible[0].value}
    return {
        **steps(desk, PURPOSE),
        "typed": typed,
        "wanted": wanted,
        "choices": choices,
        "options": possible,
        "impossible": [option for option in options if option.refusals],
        "more": found.more,
        "may_choose": choosing.may_choose(desk.holder),
        "chooses_seats": is_customer and any(choice.act == "extend" for choice in choices.values()),
        "here_page": desk.path(PURPOSE),
    }


def _new(desk: Desk) -> Option:
    """Opening something new, with what it would give."""
    order = order_of(desk.without_target(), attestation=ATTESTED_LATER)
    weighed = preview(actor=desk.holder, order=order, means=wiring.means())
    refusals = {fault.refusal.code: fault.refusal for fault in weighed.faults if fault.pointer.startswith("/keys")}
    if desk.holder.kind is Kind.CUSTOMER:
        title = _("Open another subscription for my organisation")
    else:
        title = _("Open a new organisation with its subscription")
    result = " ".join(_result(effect) for effect in weighed.plan.effects)
    return Option(NEW, title, result, tuple(refusals.values()))


def _option(choice: choosing.Choice, *, own: bool) -> Option:
    names, write = choice.candidate.names, figures(language())
    told = {
        "product": _named(names),
        "customer": choice.candidate.customer_name,
        "seats": write.number(choice.candidate.target.standing.seats),
        "day": write.last_day(choice.candidate.target.standing.ends_on),
    }
    if choice.act == "extend":
        title = _("Extend %(product)s") if own else _("Extend %(product)s of %(customer)s")
    else:
        title = _("Add licences to %(product)s") if own else _("Add licences to %(product)s of %(customer)s")
    now = (
        ngettext(
            "Now: %(seats)s licence, valid until %(day)s (inclusive).",
            "Now: %(seats)s licences, valid until %(day)s (inclusive).",
            choice.candidate.target.standing.seats,
        )
        % told
    )
    result = "" if choice.effect is None else _result(choice.effect)
    return Option(choice.value, title % told, f"{now} {result}".strip(), choice.refusals)


def _result(effect: Effect) -> str:
    """What a subscription would have afterwards, in one sentence."""
    write = figures(language())
    told = {
        "product": _named(effect.names),
        "seats": write.number(effect.sum.seats),
        "day": write.last_day(effect.sum.ends_on),
    }
    return (
        ngettext(
            "Afterwards: %(product)s with %(seats)s licence, valid until %(day)s (inclusive).",
            "Afterwards: %(product)s with %(seats)s licences, valid until %(day)s (inclusive).",
            effect.sum.seats,
        )
        % told
    )


def _named(names: Any) -> str:
    return str(names.get(language().partition("-")[0]) or next(iter(names.values()), ""))
