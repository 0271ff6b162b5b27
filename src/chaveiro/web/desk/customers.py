"""Customers at the desk: the list, and one of them whole. Their data are theirs: an operator reads, and sends again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.closing.actions.inviting import send_ownership_again
from chaveiro.apps.closing.queries import desk
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import names_of
from chaveiro.apps.journal.queries import StoryFilter
from chaveiro.rules import identifiers
from chaveiro.rules.errors import NotFound
from chaveiro.web import chronicle, own_day
from chaveiro.web.addresses import id_in, id_or_none
from chaveiro.web.desk.redemptions import told_letters
from chaveiro.web.guards import operators_only
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page
from chaveiro.wording import figures

ROWS = 50
SOME = 10
FIELDS = ("words", "country", "stage")


def stages() -> list[tuple[str, str]]:
    """What the list can be narrowed to."""
    return [
        ("", _("Everything")),
        ("active", _("with an active subscription")),
        ("grace", _("with one in grace")),
        ("retained", _("with a disabled one")),
        ("deleted", _("with a deleted one")),
        ("none", _("without a subscription")),
        ("closed", _("closed")),
    ]


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """The newest first; filters and page in the address."""
    asked = {name: request.GET.get(name, "").strip()[:100] for name in FIELDS}
    before = id_or_none("customer", request.GET.get("after", ""))
    with acting(request.actor):
        found = desk.customers(**asked, day=wiring.means().day, before=before, limit=ROWS + 1)
    query = urlencode({name: value for name, value in asked.items() if value})
    more = f"?{query}&after={identifiers.write('customer', found[ROWS - 1]['id'])}" if len(found) > ROWS else ""
    context = {
        "customers": found[:ROWS],
        "asked": asked,
        "stages": stages(),
        "countries": [("", _("Everything")), *figures(language()).countries()],
        "next": more,
        "first": f"?{query}" if before else "",
        "query": query,
    }
    return page(request, "desk/customers.html", context)


@require_safe
@operators_only
def show(request: Any, customer: str) -> HttpResponse:
    """Subscriptions, people, partner of record, redemptions, letters, history."""
    actor, wanted, means = request.actor, id_in("customer", customer), wiring.means()
    with acting(actor):
        facts = desk.customer(wanted)
        if facts is None:
            raise NotFound(what="customer")
        own_day.about(request, wanted)
        letters = desk.letters(customer=wanted, limit=SOME)
        entries, following = chronicle.page(actor, StoryFilter(customer_id=wanted), limit=SOME)
        context = {
            "customer": facts,
            "subscriptions": delegation.subscriptions_in_sight(day=means.day, customer=wanted),
            "people": customers.people(wanted),
            "beside": delegation.beside([wanted], now=means.now).get(wanted, []),
            "redemptions": desk.redemptions(desk.Wanted(customer=wanted), limit=SOME),
            "letters": told_letters(letters, names_of({each["account"] for each in letters if each["account"]})),
            "entries": entries,
            "more_entries": following is not None,
            "sent": request.GET.get("sent", ""),
            "found": request.GET.get("found", ""),
        }
    return page(request, "desk/customer.html", context)


@require_POST
@operators_only
def send_again(request: Any, customer: str, person: str) -> HttpResponse:
    """The ownership letter once more, to somebody of this customer who has not taken it yet."""
    wanted, who = id_in("customer", customer), id_in("person", person)
    count(request, "letters")
    with acting(request.actor):
        account = _account(wanted, who)
        send_ownership_again(actor=request.actor, account=account, now=wiring.now())
    return see_other(f"/desk/customers/{customer}?sent={person}#people")


def _account(customer: UUID, person: UUID) -> UUID:
    if person not in {each.id for each in customers.people(customer)}:
        raise NotFound(what="person")
    return customers.account_of(person)
