"""The draft behind the pages: found by the resume code in the browser's cookie, shown on every page as its code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import drafting
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.drafts import LIFE, ResumeCode
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.web.moving import see_other
from chaveiro.web.redeem import targets

COOKIE = "__Host-draft" if settings.SECURE else "draft"
SALT = "chaveiro draft"
LIFE_SECONDS = int(LIFE.total_seconds())


@dataclass(frozen=True, slots=True)
class Desk:
    """An unfinished redemption in somebody's hands: the actor holding it, its code, what is in it."""

    holder: Actor
    code: ResumeCode
    kept: drafting.Kept

    @property
    def form(self) -> dict[str, str]:
        """What was typed about organisation and people."""
        return dict(self.kept.form)


def remember(response: HttpResponse, code: ResumeCode) -> HttpResponse:
    """The same response, with the code in the browser: signed, out of reach of scripts, for the draft's life."""
    response.set_signed_cookie(
        COOKIE, code.symbols, salt=SALT, max_age=LIFE_SECONDS, httponly=True, samesite="Lax", secure=settings.SECURE
    )
    return response


def forget(response: HttpResponse) -> HttpResponse:
    """The same response; the browser forgets the code, the draft stays."""
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


def code_of(request: HttpRequest) -> ResumeCode | None:
    """The code that this browser keeps, if any."""
    symbols = request.get_signed_cookie(COOKIE, default=None, salt=SALT, max_age=LIFE_SECONDS)
    return None if symbols is None else ResumeCode(symbols)


def open_desk(request: Any, code: ResumeCode) -> Desk:
    """The draft of a code. Raises NotFound."""
    holder = drafting.resume(actor=request.actor, code=code)
    return Desk(holder, code, drafting.look(actor=holder, code=code, sealer=wiring.sealer()))


def desk_of(request: Any) -> Desk | None:
    """The draft of this browser; None when there is none, or none any more."""
    code = code_of(request)
    if code is None:
        return None
    try:
        return open_desk(request, code)
    except NotFound:
        return None


def may_redeem(request: Any) -> None:
    """Pass, or raise NotAllowed: the vendor's own people hand keys out and do not redeem them."""
    if request.actor.kind is Kind.OPERATOR:
        raise NotAllowed(needs="partner, or administrator of the organisation")


def with_desk(view: Callable[[Any, Desk], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A page of an open draft. Without one it leads to the start, and to the receipt once it is done."""

    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        may_redeem(request)
        desk = desk_of(request)
        if desk is None or desk.kept.state == "abandoned":
            return see_other("/redeem")
        if desk.kept.state == "committed":
            return see_other("/redeem/receipt")
        return view(request, desk)

    return page


def has_choice(desk: Desk) -> bool:
    """Whether this actor may do more with keys than open something new, so that it is asked what for."""
    with acting(desk.holder):
        return bool(targets.of(desk.holder))


def steps(desk: Desk, current: str) -> dict[str, Any]:
    """The named steps of the journey, for the top of each page, with the code to resume it."""
    named = [("keys", _("Keys")), ("organisation", _("Organisation")), ("confirm", _("Check and redeem"))]
    if desk.holder.kind is Kind.CUSTOMER:
        named[1] = ("purpose", _("What for"))
    elif has_choice(desk):
        named.insert(1, ("purpose", _("What for")))
    if desk.form.get("purpose", "open") != "open":
        named = [step for step in named if step[0] != "organisation"]
    at = [name for name, _title in named].index(current)
    return {
        "steps": [
            {"path": f"/redeem/{name}", "title": title, "state": "done" if place < at else "now" if place == at else ""}
            for place, (name, title) in enumerate(named)
        ],
        "step": at + 1,
        "step_count": len(named),
        "step_title": named[at][1],
        "resume_code": desk.code.grouped(),
        "for_whom": desk.form.get("name", ""),
        "draft_ends": desk.kept.ends_at,
    }
