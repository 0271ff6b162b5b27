"""The next version of a policy: typed, weighed against what exists, published for new terms.

Whatever is typed is kept, also what no rule takes; nothing is published before its effects were shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.catalog import actions, queries
from chaveiro.apps.catalog.queries import DraftCard
from chaveiro.apps.closing.queries import policies as whatif
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import identifiers
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.rules.policies import DEFAULT_POLICY, Policy
from chaveiro.rules.policy_changes import FIELDS, DraftChanged, TakesAwayEarlier, as_typed, check_name, cut, read_typed
from chaveiro.rules.verdicts import Refusals
from chaveiro.web.addresses import id_or_none
from chaveiro.web.desk.forms import keeps_language, typed, whole
from chaveiro.web.desk.policies import delegation_words, numbers, right_size_words
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, language, page, problem, problems_at
from chaveiro.web.spreadsheets import csv_file
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording import sentence, what_to_do

ROWS = 50
PLACES = {f"/{name}": f"#{name}" for name in FIELDS}


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@keeps_language
def draft(request: Any, name: str) -> HttpResponse:
    """The form of the next version; saved with each button, wrong or right."""
    check_name(name)
    with acting(request.actor):
        newest, kept = queries.newest(name), _kept(name)
    if request.method != "POST":
        form = kept.typed if kept else as_typed(newest.numbers if newest else DEFAULT_POLICY)
        faults = _problems(form) if kept else []
        return page(
            request, "desk/policy_draft.html", _form(name, newest, kept, form), problems=faults, at_fields_only=True
        )
    form = cut(typed(request, FIELDS))
    if not request.sent:
        return page(request, "desk/policy_draft.html", _form(name, newest, kept, form))
    return _save(request, name, newest, kept, form)


def _save(request: Any, name: str, newest: Any, kept: DraftCard | None, form: dict[str, str]) -> HttpResponse:
    if request.POST.get("do") == "drop":
        if kept:
            actions.drop_draft(actor=request.actor, name=name)
        return see_other(f"/desk/policies/{name}" if newest else "/desk/policies")
    expected = whole(request.POST.get("version", "")) or None
    try:
        actions.save_draft(actor=request.actor, name=name, typed=form, expected=expected, means=wiring.means())
    except DraftChanged as refusal:
        # What was typed stands in the form, and the version of now beside it: sent again, it takes the other's place.
        context = _form(name, newest, kept, form)
        return page(request, "desk/policy_draft.html", context, problems=[problem("top", refusal)], status=422)
    if request.POST.get("do") == "later":
        return see_other(f"/desk/policies/{name}" if newest else "/desk/policies")
    with acting(request.actor):
        saved = queries.draft(name)
    faults = _problems(form)
    if faults:
        context = _form(name, newest, saved, form)
        return page(request, "desk/policy_draft.html", context, problems=faults, status=422)
    return see_other(f"/desk/policies/{name}/what-if")


def _kept(name: str) -> DraftCard | None:
    return next((card for card in queries.policy_drafts() if card.name == name), None)


def _problems(form: Mapping[str, str]) -> list[Problem]:
    try:
        read_typed(form)
    except Refusals as refused:
        return problems_at(refused.faults, PLACES)
    return []


def _form(name: str, newest: Any, kept: DraftCard | None, form: Mapping[str, str]) -> dict[str, Any]:
    labels = dict(zip(FIELDS, (row[0] for row in numbers(DEFAULT_POLICY)), strict=True))
    return {
        "name": name,
        "newest": newest,
        "kept": kept,
        "fields": [(field, labels[field], _hint(field), form[field], _options(field)) for field in FIELDS],
    }


def _hint(field: str) -> str:
    return {
        "grace_days": _("In days, from the first day that is not covered. People use it as before."),
        "retention_days": _("In days, from the first day that is not covered. A later version never has fewer."),
        "notice_days": _("In days before the end, furthest first, with commas between them."),
        "hold_hours": _("In hours, each time that the keys are looked at."),
        "hold_days_at_most": _("In days, however often they are looked at."),
        "reversal_days": _("In days after the redemption; 0 for never."),
        "horizon_months": _("In months from the day of the redemption."),
        "shortest_term_days": _("In days from the day of the redemption."),
        "shortest_chosen_term_days": _("In days, where somebody chose the number of licences."),
    }.get(field, "")


def _options(field: str) -> list[tuple[str, str]]:
    match field:
        case "right_size":
            return [(choice.value, said) for choice, said in right_size_words().items()]
        case "delegation_right":
            return [(right.value, said) for right, said in delegation_words().items()]
    return []


# ── what it would do ──


@require_safe
@operators_only
def what_if(request: Any, name: str) -> HttpResponse:
    """What the draft would do to the subscriptions that exist: counted, then one by one."""
    return _what_if(request, name, [])


def _what_if(request: Any, name: str, problems: list[Problem], status: int = 200) -> HttpResponse:
    day, wanted = wiring.means().day, _wanted(request)
    after = id_or_none("subscription", request.GET.get("after", ""))
    with acting(request.actor):
        card = queries.draft(name)
        try:
            fresh = read_typed(card.typed)
        except Refusals:
            return see_other(f"/desk/policies/{name}/draft")
        move = whatif.what_if(name, fresh, day=day)
        rows = whatif.affected(name, fresh, day=day, wanted=wanted, after=after, limit=ROWS + 1)
        newest = queries.newest(name)
        products = [each for each in queries.products() if each.policy_name == name]
    asked = {"wanted": wanted} if wanted else {}
    more = urlencode(asked | {"after": _id(rows[ROWS - 1].subscription)}) if len(rows) > ROWS else ""
    context = {
        "name": name,
        "card": card,
        "newest": newest,
        "version": newest.version + 1 if newest else 1,
        "changes": _changes(newest.numbers if newest else None, fresh),
        "move": move,
        "notices": move.notices_after - move.notices_before,
        "takes_away": _takes_away(move, name),
        "rows": rows[:ROWS],
        "wanted": wanted,
        "products": products,
        "next": more and f"?{more}",
    }
    return page(request, "desk/policy_whatif.html", context, problems=problems, status=status)


@require_safe
@operators_only
def what_if_csv(request: Any, name: str) -> HttpResponse:
    """Each subscription of which something would change, as a table."""
    day = wiring.means().day
    with acting(request.actor):
        fresh = read_typed(queries.draft(name).typed)
        headings = (
            *(_("Subscription"), _("Customer"), _("Product"), _("First day not covered")),
            *(_("Stage today"), _("Stage today, then"), _("Access stops"), _("Access stops, then")),
            *(_("Data erased at the earliest"), _("Data erased at the earliest, then")),
        )
        found = whatif.all_affected(name, fresh, day=day, wanted=_wanted(request))
        rows = (
            (
                *(_id(one.subscription), one.customer_name, one.product, one.ends_on),
                *(one.stage.value, one.stage_after.value, one.access_stops_on, one.access_stops_after),
                *(one.erases_on, one.erases_after),
            )
            for one in found
        )
        return csv_file(f"policy-{name}-what-if", headings, rows)


@require_POST
@operators_only
@stepped_up_to_post
def publish(request: Any, name: str) -> HttpResponse:
    """Publish what was looked at: another draft by now is refused."""
    expected = whole(request.POST.get("version", "")) or None
    try:
        actions.publish_draft(actor=request.actor, name=name, expected=expected, means=wiring.means())
    except NotFound:
        raise
    except Refusals:
        return see_other(f"/desk/policies/{name}/draft")
    except Refusal as refusal:
        return _what_if(request, name, [problem("publish", refusal)], status=422)
    return see_other(f"/desk/policies/{name}")


def _wanted(request: Any) -> str:
    wanted = request.GET.get("wanted", "")
    return wanted if wanted in whatif.WANTED else ""


def _takes_away(move: Any, name: str) -> tuple[str, str] | None:
    try:
        move.check(name)
    except TakesAwayEarlier as refusal:
        return sentence(refusal, language()), what_to_do(refusal, language())
    return None


def _changes(before: Policy | None, after: Policy) -> list[tuple[str, str, str]]:
    """Each number that would be another, in words: what, before, after."""
    old = numbers(before) if before else [(term, "–", "", "") for term, *_rest in numbers(after)]
    pairs = zip(old, numbers(after), strict=True)
    return [(was[0], was[1], becomes[1]) for was, becomes in pairs if was[1] != becomes[1]]


def _id(value: UUID) -> str:
    return identifiers.write("subscription", value)
