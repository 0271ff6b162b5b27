"""Help: the articles, a search in them, what the installation says of itself, and asking a person."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.channel import queries as channel
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.feedback import actions
from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import NotFound
from chaveiro.rules.feedback import FormTooOld, Question, check_question
from chaveiro.rules.keys import scrub
from chaveiro.rules.verdicts import Refusals
from chaveiro.web import health
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.pages import language, page, problem, problems_at
from chaveiro.wording import articles

GROUPS = {
    "redeem": gettext_lazy("Redeeming product keys"),
    "account": gettext_lazy("Your account and your organisation"),
    "vendor": gettext_lazy("For the vendor"),
}
ASKED_LENGTH_AT_MOST = 100
REQUEST_ID = re.compile(r"[0-9a-f-]{16,64}")
PLACES = {f"/{name}": f"#{name}" for name in ("message", "name", "reference", "email")}
HOURS_TO_ASK = 12


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All articles by group, and those that hold what was looked for. A key in the search is never echoed."""
    asked = scrub(request.GET.get("q", "").strip()[:ASKED_LENGTH_AT_MOST])
    groups = [(GROUPS[name], found) for name, found in articles.listed(language())]
    context = {
        "asked": asked,
        "found": articles.search(language(), asked),
        "groups": groups,
        "training": settings.TRAINING_URL,
        "community": settings.COMMUNITY_URL,
    }
    return page(request, "help/index.html", context)


@require_safe
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """One article. Raises NotFound."""
    return _article(request, slug)


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """The accessibility statement."""
    return _article(request, "accessibility")


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is stored, and for how long."""
    return _article(request, "privacy")


def _article(request: Any, slug: str) -> HttpResponse:
    found = articles.articles(language()).get(slug)
    if found is None:
        raise NotFound()
    same_group = [each for each in articles.articles(language()).values() if each.group == found.group]
    others = [each for each in same_group if each.slug != slug and each.group in articles.GROUPS]
    at = getattr(request, "at", "")
    return page(request, "help/article.html", {"article": found, "html": found.html_at(at), "others": others})


@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Whether the service works, in a word for each of its parts; operators see more on their own pages."""
    reasons = set(health.reasons_against())
    parts = [
        (_("Pages and redemption of keys"), not reasons - {"mail_address_missing"}),
        (_("Outgoing mail"), "mail_address_missing" not in reasons),
    ]
    context = {"parts": parts, "works": not reasons, "now": wiring.now()}
    return page(request, "help/status.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: Any) -> HttpResponse:
    """Ask a person: the partner or the operator, with the page, a reference and the number of the request."""
    partner = _partner(request)
    told = _told(request, partner)
    if request.method != "POST":
        return page(request, "help/ask.html", told)
    wanted = switching(request)
    if wanted:
        switch_now(request, wanted)
        return remember(page(request, "help/ask.html", _told(request, partner)), wanted)
    try:
        question = check_question(_question(request, told))
        once = _once(request.POST.get("once", ""))
    except Refusals as refusals:
        return page(request, "help/ask.html", told, status=422, problems=problems_at(refusals.faults, PLACES))
    except signing.BadSignature:
        told["once"] = _new_once()
        return page(request, "help/ask.html", told, status=422, problems=[problem("message", FormTooOld())])
    count(request, "help")
    actions.ask(actor=request.actor, asked=once, question=question, request=told["request"], means=wiring.means())
    sent = {"question": question, "request": told["request"], "partner": partner, "has_address": told["has_address"]}
    return page(request, "help/asked.html", sent)


def _told(request: Any, partner: str) -> dict[str, Any]:
    """What the form shows: what was typed, and what goes with it by itself."""
    sent = request.POST if request.method == "POST" else request.GET
    number = sent.get("request", "")
    account = request.account
    told = {name: sent.get(name, "") for name in ("message", "name", "reference", "email")}
    return {
        **told,
        "message": scrub(told["message"]),
        "page": scrub(sent.get("from", ""))[:200],
        "request": number if REQUEST_ID.fullmatch(number) else request.request_id,
        "receiver": sent.get("receiver", "partner" if partner else "operator"),
        "partner": partner,
        "once": request.POST.get("once") or _new_once(),
        "has_address": bool(told["email"].strip()) or account is not None,
        "receivers": [
            ("partner", _("%(partner)s, your partner") % {"partner": partner}, ""),
            ("operator", _("%(vendor)s, who runs this service") % {"vendor": settings.VENDOR_NAME}, ""),
        ],
    }


def _question(request: Any, told: dict[str, Any]) -> Question:
    return Question(
        receiver="partner" if told["partner"] and told["receiver"] == "partner" else "operator",
        page=told["page"],
        language=language(),
        message=told["message"].strip(),
        name=told["name"].strip(),
        email="" if request.account is not None else told["email"].strip(),
        reference=told["reference"].strip(),
    )


def _partner(request: Any) -> str:
    """The name of the partner who may be asked: the customer's partner of record, else who sold to it."""
    actor = request.actor
    if actor.kind is not Kind.CUSTOMER or actor.customer is None:
        return ""
    with acting(actor):
        of_record = delegation.partners_of_record(customer=actor.customer, now=wiring.now())
        if of_record:
            return of_record[0].name
        sellers = customers.sellers_of(actor.customer)
        return channel.card(organisation=sellers[0]).name if sellers else ""


def _new_once() -> str:
    """The id under which a question is kept: the same form sent twice asks once."""
    return signing.dumps(wiring.new_id().hex, salt="help")


def _once(text: str) -> UUID:
    return UUID(signing.loads(text, salt="help", max_age=HOURS_TO_ASK * 3600))
