"""The order of the pages: which are done, which comes next, and that nobody stands on one before its time.

After each page one goes on to the first that is not done, and to the last page when all are: so "Change" on the last
page comes straight back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from chaveiro.apps.redemption.actions import choosing
from chaveiro.rules.actors import Kind
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page
from chaveiro.web.redeem.draft import Desk, desk_of, may_redeem, memory_of

ATTEST, KEYS, CHECK, PURPOSE, CONFIRM = "attest", "keys", "check", "purpose", "confirm"
ORGANISATION, ADMINISTRATOR, PARTNER = "organisation", "administrator", "partner"
ORDER = (ATTEST, KEYS, CHECK, PURPOSE, ORGANISATION, ADMINISTRATOR, PARTNER, CONFIRM)
OF_A_NEW_CUSTOMER = (ORGANISATION, ADMINISTRATOR, PARTNER)
ANY_TIME = ("later", "leave")


def _has_target(desk: Desk) -> bool:
    purpose, form = desk.form.get("purpose", ""), desk.form
    return purpose == "open" or bool(purpose and form.get("subscription") and choosing.may_choose(desk.holder))


DONE: Mapping[str, Callable[[Desk], bool]] = {
    ATTEST: lambda desk: bool(desk.form.get("attested_at")),
    KEYS: lambda desk: bool(desk.kept.items) and not desk.kept.typed,
    CHECK: lambda desk: desk.form.get("checked") == "yes",
    PURPOSE: _has_target,
    ORGANISATION: lambda desk: desk.form.get("organisation_taken") == "yes",
    ADMINISTRATOR: lambda desk: desk.form.get("administrator_taken") == "yes",
    PARTNER: lambda desk: "partner_of_record" in desk.form,
    CONFIRM: lambda desk: desk.kept.state == "committed",
}


def pages_of(desk: Desk) -> list[str]:
    """The pages of this redemption, in their order."""
    return [name for name in ORDER if desk.opens_customer or name not in OF_A_NEW_CUSTOMER]


def first_open(desk: Desk) -> str:
    """The first page that is not done: where one goes on."""
    return next((name for name in pages_of(desk) if not DONE[name](desk)), CONFIRM)


def go_on(desk: Desk) -> HttpResponse:
    """On to the first page that is not done."""
    return see_other(desk.path(first_open(desk)))


def where(desk: Desk) -> str:
    """Where a redemption that was left goes on, finished ones too."""
    return desk.path("receipt" if desk.kept.state == "committed" else first_open(desk))


def on_draft(name: str) -> Callable[[Callable[[Any, Desk], HttpResponse]], Callable[..., HttpResponse]]:
    """A page of an open draft. Before its time it leads to the page that is due; after the end, to the receipt."""

    def decorate(view: Callable[[Any, Desk], HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def shown(request: HttpRequest, tag: str) -> HttpResponse:
            may_redeem(request)
            desk = desk_of(request, tag)
            if desk is None:
                return _not_here(request, tag)
            if desk.kept.state == "abandoned":
                return see_other("/redeem")
            if desk.kept.state == "committed":
                return see_other(desk.path("receipt"))
            if name not in ANY_TIME and not _is_due(desk, name):
                return go_on(desk)
            return view(request, desk)

        return shown

    return decorate


def _is_due(desk: Desk, name: str) -> bool:
    pages = pages_of(desk)
    return name in pages and all(DONE[before](desk) for before in pages[: pages.index(name)])


def _not_here(request: HttpRequest, tag: str) -> HttpResponse:
    """To the start; but what was begun at this browser as nobody can be gone on with as this account."""
    if not getattr(request, "at", "") or memory_of(request, tag, of_nobody=True) is None:
        return see_other("/redeem")
    return page(request, "redeem/take_over.html", {"tag": tag})


def steps(desk: Desk, current: str) -> dict[str, Any]:
    """The named steps of the journey, for the side of each page, with what every page of a draft shows."""
    named = [
        (_("Declaration"), [ATTEST]),
        (_("Keys"), [KEYS, CHECK]),
        (_("What for"), [PURPOSE]),
        (_("Organisation"), list(OF_A_NEW_CUSTOMER)),
        (_("Check and redeem"), [CONFIRM]),
    ]
    if not desk.opens_customer:
        del named[3]
    at = next((place for place, (_title, pages) in enumerate(named) if current in pages), 0)
    return {
        "steps": [
            {"path": desk.path(pages[0]), "title": title, "state": _state(desk, pages, place, at)}
            for place, (title, pages) in enumerate(named)
        ],
        "step": at + 1,
        "step_count": len(named),
        "step_title": named[at][0],
        "resume_code": desk.code.grouped(),
        "for_whom": desk.for_whom,
        "draft": f"/redeem/{desk.tag}",
        "draft_ends": desk.kept.ends_at,
        "held_until": desk.kept.held_until,
        "form": desk.form,
        "is_partner": desk.holder.kind is Kind.CHANNEL,
        "is_customer": desk.holder.kind is Kind.CUSTOMER,
        "is_nobody": desk.holder.kind is Kind.ANONYMOUS,
    }


def _state(desk: Desk, pages: list[str], place: int, at: int) -> str:
    if place == at:
        return "now"
    return "done" if all(DONE[name](desk) for name in pages) and _is_due(desk, pages[0]) else ""
