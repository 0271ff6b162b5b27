"""Where the QR code of a card leads: `/r#KEY`. The key stands behind the `#`, which no browser sends and no log has.

A script puts it into the field; without one it is typed. Nothing is sent before a button is pressed.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro.rules.redemption import BASKET_AT_MOST
from chaveiro.rules.symbols import significant
from chaveiro.rules.verdicts import KeyEmpty
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem import draft, said
from chaveiro.web.redeem.draft import Desk, look_again, may_redeem, open_desk, remember
from chaveiro.web.redeem.journey import ATTEST, DONE, KEYS
from chaveiro.web.redeem.keys import keep

TYPED_LENGTH_AT_MOST = 500
NEW = "new"


@require_http_methods(["GET", "HEAD", "POST"])
def scan(request: Any) -> HttpResponse:
    """One key, into a redemption that is open at this browser or into a new one."""
    may_redeem(request)
    typed = request.POST.get("key", "")[:TYPED_LENGTH_AT_MOST]
    open_ones = draft.unfinished(request)
    context = {"typed": typed, "open": open_ones, "words": said.words(), "into": request.POST.get("into", "")}
    context["drafts"] = [{"tag": draft.tag_of(one.id), "for_whom": one.for_whom, "keys": one.keys} for one in open_ones]
    if request.method != "POST":
        return page(request, "redeem/scan.html", context)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember_language(page(request, "redeem/scan.html", context), language)
    if not significant(typed):
        return page(request, "redeem/scan.html", context, status=422, problems=[problem("key", KeyEmpty())])
    count(request, "key_checks")
    desk = _desk(request, context["into"])
    already = list(desk.kept.typed.values())
    if len(desk.kept.items) < BASKET_AT_MOST:
        keep(desk, "check", [*already, typed])
    desk = look_again(desk)
    response = see_other(desk.path(KEYS if DONE[ATTEST](desk) else ATTEST))
    return remember(request, response, desk.kept.id, desk.code)


def _desk(request: Any, into: str) -> Desk:
    """The redemption that was chosen, else a new one."""
    chosen = draft.desk_of(request, into) if into and into != NEW else None
    if chosen is not None and chosen.kept.state == "open":
        return chosen
    count(request, "redemptions")
    begun, code = draft.begin(request, {})
    return open_desk(request.actor.holding(begun), code)
