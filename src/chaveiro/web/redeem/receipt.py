"""The end of the journey: the receipt of a draft, the same for ever, and what can be done now or later."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.rules import identifiers
from chaveiro.rules.errors import NotFound
from chaveiro.web.moving import see_other
from chaveiro.web.receipts import receipt_as, receipt_page
from chaveiro.web.redeem.draft import Desk, desk_of, may_redeem
from chaveiro.web.redeem.journey import where


@require_safe
def receipt(request: Any, tag: str) -> HttpResponse:
    """The receipt of a redemption; the same for ever, however often it is asked for."""
    may_redeem(request)
    desk = desk_of(request, tag)
    if desk is None or desk.kept.state == "abandoned":
        return see_other("/redeem")
    if desk.kept.redemption is None:
        return see_other(where(desk))
    facts = _facts(desk)
    return receipt_page(request, facts, stem=desk.path("receipt"), of_draft=True, tasks=_tasks(request, facts))


@require_safe
def receipt_file(request: HttpRequest, tag: str, form: str) -> HttpResponse:
    """The same receipt to be kept: `pdf` to print, `jws` signed in one line, `json` signed as an object."""
    desk = desk_of(request, tag)
    if desk is None or desk.kept.redemption is None:
        raise NotFound(what="redemption")
    return receipt_as(_facts(desk), form)


def _facts(desk: Desk) -> dict[str, Any]:
    assert desk.kept.redemption is not None
    with acting(desk.holder):
        return queries.facts_of(desk.kept.redemption)


def _tasks(request: Any, facts: dict[str, Any]) -> list[dict[str, Any]]:
    """What follows, now or later: a link only where there is a page, else where and by whom it will be done."""
    if facts["reversed_at"]:
        return []
    tasks = []
    if facts["administrator"]:
        told = _("By the link in the mail to %(email)s.") % {"email": facts["administrator"]["email"]}
        tasks.append(_task("", _("Take ownership of the account"), told, _("To do"), "warn"))
        told = _("The administrator confirms or declines it on the same page.")
        tasks.append(_task("", _("Confirm the partner of record"), told, _("To do"), "warn"))
    subscription = _subscription(facts)
    review = f"/subscriptions/{subscription}" if request.account is not None and subscription else ""
    told = _("How long it is valid, who uses it, and what happens when.")
    tasks.append(_task(review, _("Review the subscription"), told, "", ""))
    for title, hint in (
        (_("Add users"), _("By the administrator, in the pages of the organisation.")),
        (_("Set up the domain"), _("By the administrator; the addresses of the initial domain work until then.")),
        (_("Set up the mail"), _("After the domain.")),
        (_("Move mail and data"), _("After users and mail.")),
    ):
        tasks.append(_task("", title, hint, _("Later"), ""))
    return tasks


def _task(href: str, title: str, hint: str, status: str, kind: str) -> dict[str, Any]:
    return {"href": href, "title": title, "hint": hint, "status": status, "kind": kind}


def _subscription(facts: dict[str, Any]) -> str:
    lines = facts["lines"] or []
    return identifiers.write("subscription", UUID(lines[0]["subscription"])) if lines else ""
