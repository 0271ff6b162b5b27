"""The first page of each who is signed in: what is theirs, and what they can do now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import Actor, Kind
from chaveiro.web import channel_home, organisation_home
from chaveiro.web.desk import home as operator_home
from chaveiro.web.guards import signed_in
from chaveiro.web.pages import page


@require_safe
@signed_in
def home(request: Any) -> HttpResponse:
    """The home of whoever is signed in; a stranger is led to sign in."""
    actor: Actor = request.actor
    with acting(actor):
        context = HOMES[actor.kind](request)
    return page(request, f"homes/{actor.kind.value}.html", context)


HOMES: Mapping[Kind, Callable[[Any], dict[str, Any]]] = {
    Kind.OPERATOR: lambda request: operator_home.context(request.GET.get("by", "")),
    Kind.CHANNEL: lambda request: channel_home.context(request.actor, request.GET.get("by", "")),
    Kind.CUSTOMER: lambda request: organisation_home.context(request.actor, request.account),
}
