"""Taking ownership: the person named at redemption makes the account theirs, and decides on the partner of record."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.actions import confirm_partner_of_record, decline_partner_of_record
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import accounts, acting, links
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.rules.actors import Actor
from chaveiro.rules.tokens import Purpose
from chaveiro.web import sessions
from chaveiro.web.languages import greet, remember, switch_now, switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page

PASSWORD_LENGTH_AT_MOST = 1024
SETTLE = {"confirm": confirm_partner_of_record, "decline": decline_partner_of_record}


@require_http_methods(["GET", "HEAD", "POST"])
def take(request: Any, secret: str) -> HttpResponse:
    """GET shows whose account and which organisation it is; POST sets the password and uses the link up."""
    found = links.look(secret=secret, purpose=Purpose.OWNERSHIP, now=wiring.now())
    with acting(found.actor):
        context = _context(found.actor)
    context["decision"] = request.POST.get("partner", "")
    if request.method != "POST":
        return page(request, "ownership.html", context)
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(page(request, "ownership.html", context), language)
    password = request.POST.get("password", "")[:PASSWORD_LENGTH_AT_MOST]
    problems = _problems(password, request.POST.get("again", ""), context)
    if problems:
        return page(request, "ownership.html", context, status=422, problems=problems)
    accounts.take_ownership(secret=secret, password=password, now=wiring.now())
    _settle(found.actor, context["proposals"], context["decision"])
    assert found.actor.account is not None
    sessions.start(request, found.actor.account)
    return greet(request, see_other("/home"), found.language)


def _context(actor: Actor) -> dict[str, Any]:
    now = wiring.now()
    assert actor.account is not None
    context: dict[str, Any] = {"person": identity.account(actor.account), "proposals": [], "organisation": ""}
    if actor.customer is not None:
        context["organisation"] = customers.name_of(actor.customer)
        context["proposals"] = delegation.proposals(customer=actor.customer, now=now)
    return context


def _problems(password: str, again: str, context: dict[str, Any]) -> list[Problem]:
    """Everything that stands against the form, told at once."""
    problems = [Problem("password", text, _("Choose another password.")) for text in _weaknesses(password, context)]
    if not problems and password != again:
        text = _("The two passwords are not the same.")
        problems.append(Problem("again", text, _("Enter the same password twice.")))
    if context["proposals"] and context["decision"] not in SETTLE:
        text = _("Say whether this partner shall be your partner of record.")
        problems.append(Problem("partner-confirm", text, _("You can change this at any time.")))
    return problems


def _weaknesses(password: str, context: dict[str, Any]) -> Sequence[str]:
    person: AccountCard = context["person"]
    try:
        validate_password(password, _Named(person))  # type: ignore[arg-type]
    except ValidationError as fault:
        return list(fault.messages)
    return ()


class _Named:
    """A person as the check for passwords like their own name knows them, with the names of those facts."""

    def __init__(self, person: AccountCard) -> None:
        self.username, self.email = person.login_name, person.email
        self.first_name, self.last_name = person.given_name, person.family_name
        self._meta = self

    def get_field(self, name: str) -> SimpleNamespace:
        """A fact's name for people."""
        names = {
            "username": _("user name"),
            "email": _("e-mail address"),
            "first_name": _("given name"),
            "last_name": _("family name"),
        }
        return SimpleNamespace(verbose_name=names[name])


def _settle(actor: Actor, proposals: Sequence[delegation.PartnerCard], decision: str) -> None:
    """Confirm or decline what was proposed, with the roles that the person has."""
    if not proposals:
        return
    with acting(actor):
        whole = customers.standing(actor)
    for proposal in proposals[:1]:
        SETTLE[decision](actor=whole, proposal=proposal.id, now=wiring.now())
