"""Where an account is signed in, and signing it out elsewhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.identity import queries
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.actions import sessions as acts
from chaveiro.apps.identity.queries import SessionCard
from chaveiro.rules.sessions import browser_name, system_name
from chaveiro.web.guards import signed_in
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def sessions(request: Any) -> HttpResponse:
    """The sessions of this account, this one marked; a POST ends one of the others, or all of them."""
    if request.method == "POST":
        _end(request)
        return see_other("/settings/sessions")
    with acting(request.actor):
        found = queries.sessions(request.account.id, wiring.now())
    listed = [_listed(each, request.sign_in.session) for each in found]
    listed.sort(key=lambda each: not each["here"])
    return page(request, "accounts/sessions.html", {"sessions": listed, "others": len(listed) > 1})


def _end(request: Any) -> None:
    wanted = request.POST.get("end", "")
    here: UUID = request.sign_in.session
    if wanted == "others":
        acts.end_others(actor=request.actor, keep=here, now=wiring.now())
        return
    try:
        session = UUID(wanted)
    except ValueError:
        return
    if session != here:
        acts.end(actor=request.actor, session=session, now=wiring.now())


def _listed(session: SessionCard, here: UUID) -> dict[str, Any]:
    return {"card": session, "here": session.id == here, "device": _device(session.agent)}


def _device(agent: str) -> str:
    """The browser and the device's system, as far as the browser told."""
    names = {"browser": browser_name(agent), "system": system_name(agent)}
    if all(names.values()):
        return _("%(browser)s on %(system)s") % names
    return names["browser"] or names["system"] or _("A browser that does not say its name")
