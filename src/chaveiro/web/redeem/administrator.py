"""The page of the first administrator: who it is, and what they get."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.redemption.actions import drafting
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problems_at
from chaveiro.web.redeem import order
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import ADMINISTRATOR, go_on, on_draft, steps
from chaveiro.web.redeem.organisation import LENGTH_AT_MOST

FIELDS = ("given_name", "family_name", "email", "alternate_email")


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(ADMINISTRATOR)
def administrator(request: Any, desk: Desk) -> HttpResponse:
    """Who administers. A POST keeps what was typed, then tells every fault of this page at once."""
    if request.method != "POST":
        return page(request, "redeem/administrator.html", _context(desk))
    wanted = switching(request)
    form = {name: request.POST.get(name, "").strip()[:LENGTH_AT_MOST] for name in FIELDS}
    faults = list(order.administrator(form).faults())
    taken = "" if wanted or faults else "yes"
    drafting.keep_form(actor=desk.holder, form={**form, "administrator_taken": taken}, means=wiring.means())
    if wanted:
        return remember_language(see_other(desk.path(ADMINISTRATOR)), wanted)
    desk = look_again(desk)
    if faults:
        problems = problems_at(faults, order.places(desk, ADMINISTRATOR))
        return page(request, "redeem/administrator.html", _context(desk), status=422, problems=problems)
    return go_on(desk)


def _context(desk: Desk) -> dict[str, Any]:
    form = desk.form
    return {**steps(desk, ADMINISTRATOR), "user_name": order.administrator(form).user_name()} | {
        "is_own": form.get("attested_for") == "own",
        "user_names_live_at": f"{form.get('domain_prefix', '')}.{settings.INITIAL_DOMAIN}",
    }
