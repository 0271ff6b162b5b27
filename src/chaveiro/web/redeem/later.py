"""Save and leave: the code that brings one back, a letter with a link, and the ways out of a draft."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.redemption.actions import drafting, resuming
from chaveiro.rules.limits import TooMany
from chaveiro.rules.openings import Administrator
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problem, problems_at
from chaveiro.web.redeem.draft import Desk, forget
from chaveiro.web.redeem.journey import first_open, on_draft, steps

EMAIL_LENGTH_AT_MOST = 254
AT_EMAIL = {"/email": "#email"}


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft("later")
def later(request: Any, desk: Desk) -> HttpResponse:
    """How to come back: by this browser, by the code, by a link that is mailed where an address is given."""
    email = request.POST.get("email", "").strip()[:EMAIL_LENGTH_AT_MOST]
    if request.method != "POST":
        return page(request, "redeem/later.html", _context(desk, _address(request, desk)))
    wanted = switching(request)
    if wanted:
        switch_now(request, wanted)
        return remember_language(page(request, "redeem/later.html", _context(desk, email)), wanted)
    context = _context(desk, email)
    person = Administrator("-", "-", email)
    faults = list(person.faults(""))
    if faults:
        return page(request, "redeem/later.html", context, status=422, problems=problems_at(faults, AT_EMAIL))
    try:
        count(request, "draft_letters")
        resuming.owe_letter(
            actor=desk.holder,
            kept=desk.kept,
            code=desk.code,
            to=resuming.Recipient(email, language()),
            secret=wiring.draft_links_secret(),
            sealer=wiring.sealer(),
            means=wiring.means(),
        )
    except TooMany as refusal:
        response = page(request, "redeem/later.html", context, status=429, problems=[problem("email", refusal)])
        response["Retry-After"] = str(refusal.facts["retry_after"])
        return response
    return page(request, "redeem/later.html", {**context, "mailed_to": email})


@require_http_methods(["POST"])
@on_draft("leave")
def leave(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Leave for now, with or without this browser's memory, or give the redemption up and let its keys go."""
    do = request.POST.get("do", "leave")
    if do == "abandon":
        drafting.abandon(actor=desk.holder)
        return forget(request, see_other("/redeem?given-up=1"), desk.tag)
    if do == "forget":
        return forget(request, see_other("/redeem"), desk.tag)
    return see_other("/redeem")


def _address(request: Any, desk: Desk) -> str:
    """An address that is known: the reader's own; where nobody is signed in, the one typed for the own organisation."""
    if request.account is not None:
        return str(request.account.email)
    return desk.form.get("email", "") if desk.form.get("attested_for") == "own" else ""


def _context(desk: Desk, email: str) -> dict[str, Any]:
    due = first_open(desk)
    return {**steps(desk, due), "email": email, "back": desk.path(due), "keys": len(desk.kept.items)}
