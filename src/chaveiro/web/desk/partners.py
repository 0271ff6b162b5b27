"""Distributors and resellers, and the people who work there; the vendor's own operators."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.channel.actions import add_organisation
from chaveiro.apps.channel.queries import Card, card
from chaveiro.apps.closing.actions.inviting import invite_member, invite_operator, send_ownership_again
from chaveiro.apps.closing.queries import desk
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.actions.accounts import LoginNameTaken, Newcomer, close_account
from chaveiro.apps.journal.queries import StoryFilter
from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.organisations import ROLES, OrganisationKind, Registration
from chaveiro.rules.verdicts import Refusals
from chaveiro.web import chronicle
from chaveiro.web.addresses import id_in, id_or_none
from chaveiro.web.guards import operators_only
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, language, page, problem, problems_at
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording import figures, time_zone_of

ROWS = 50
SOME = 10
PERSON = ("given_name", "family_name", "email", "role", "language")
ORGANISATION_PLACES = {"/name": "#name", "/country": "#country", "/language": "#language"}


def kinds() -> list[tuple[str, str]]:
    """What an organisation of the channel is."""
    return [
        (OrganisationKind.RESELLER.value, _("Reseller")),
        (OrganisationKind.DISTRIBUTOR.value, _("Distributor")),
        (OrganisationKind.BOTH.value, _("Distributor and reseller")),
    ]


def roles() -> list[tuple[str, str, str]]:
    """What somebody may do there."""
    words = {
        "owner": (_("Owner"), _("Redeems, reverses, looks after the organisation’s people.")),
        "sales": (_("Sales"), _("Redeems and reverses.")),
        "technician": (_("Technician"), _("Redeems; looks after customers.")),
        "reader": (_("Reader"), _("Sees, and changes nothing.")),
    }
    return [(role, *words[role]) for role in ROLES[OrganisationKind.RESELLER]]


def languages() -> list[tuple[str, str]]:
    """The languages in which letters are written."""
    return [("pt-pt", "Português"), ("en", "English")]


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """The newest first; filters and page in the address."""
    asked = {name: request.GET.get(name, "").strip()[:100] for name in ("words", "kind")}
    before = id_or_none("partner", request.GET.get("after", ""))
    with acting(request.actor):
        found = desk.partners(**asked, before=before, limit=ROWS + 1)
    query = urlencode({name: value for name, value in asked.items() if value})
    more = f"?{query}&after={identifiers.write('partner', found[ROWS - 1]['id'])}" if len(found) > ROWS else ""
    context = {
        "partners": found[:ROWS],
        "asked": asked,
        "kinds": [("", _("Everything")), *kinds()],
        "next": more,
        "first": f"?{query}" if before else "",
        "query": query,
    }
    return page(request, "desk/partners.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def add(request: Any) -> HttpResponse:
    """Register a distributor or reseller; its registration number is made."""
    typed = {name: request.POST.get(name, "").strip()[:300] for name in ("kind", "name", "country", "language")}
    context = {
        "typed": typed | {"kind": typed["kind"] or "reseller", "language": typed["language"] or language()},
        "kinds": [(code, title, "") for code, title in kinds()],
        "countries": [("", _("Select")), *figures(language()).countries()],
        "languages": languages(),
    }
    if request.method != "POST" or _switched(request):
        return _answer(request, "desk/partner_add.html", context)
    try:
        kind = OrganisationKind(typed["kind"])
        if kind is OrganisationKind.VENDOR:
            raise ValueError("there is one vendor")
    except ValueError:
        told = [problem("kind", Malformed(field="kind", reason="one of the list"))]
        return page(request, "desk/partner_add.html", context, problems=told, status=422)
    registration = Registration(
        kind=kind, name=typed["name"], country=typed["country"], language=typed["language"] or "pt-pt"
    )
    try:
        made = add_organisation(actor=request.actor, registration=registration, means=wiring.means())
    except Refusals as refused:
        told = problems_at(refused.faults, ORGANISATION_PLACES)
        return page(request, "desk/partner_add.html", context, problems=told, status=422)
    return see_other(f"/desk/partners/{identifiers.write('partner', made)}")


def _switched(request: Any) -> bool:
    wanted = switching(request)
    if wanted:
        switch_now(request, wanted)
    return bool(wanted)


def _answer(request: Any, template: str, context: dict[str, Any]) -> HttpResponse:
    wanted = switching(request) if request.method == "POST" else None
    response = page(request, template, context)
    return remember(response, wanted) if wanted else response


@require_safe
@operators_only
def show(request: Any, partner: str) -> HttpResponse:
    """Its number, people, stock, redemptions, history."""
    actor, wanted = request.actor, id_in("partner", partner)
    with acting(actor):
        found = _partner(wanted)
        entries, _following = chronicle.page(actor, StoryFilter(organisation_id=wanted), limit=SOME)
        context = {
            "partner": found,
            "kind": dict(kinds())[found.kind.value],
            "people": desk.members(wanted),
            "roles": {code: title for code, title, _hint in roles()},
            "redemptions": desk.redemptions(desk.Wanted(organisation=wanted), limit=SOME),
            "entries": entries,
            "sent": request.GET.get("sent", ""),
            "found": request.GET.get("found", ""),
        }
    return page(request, "desk/partner.html", context)


def _partner(wanted: UUID) -> Card:
    found = card(organisation=wanted)
    if found.kind is OrganisationKind.VENDOR:
        raise NotFound(what="organisation")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def add_person(request: Any, partner: str) -> HttpResponse:
    """Somebody of the partner gets an account; a letter leads in."""
    wanted = id_in("partner", partner)
    with acting(request.actor):
        found = _partner(wanted)
    context = {"partner": found, "roles": roles(), **_person(request, "sales")}
    return _invited(request, context, "desk/partner_person.html", f"/desk/partners/{partner}", wanted, found.country)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@stepped_up_to_post
def add_operator(request: Any) -> HttpResponse:
    """Somebody more acts for the vendor; a letter leads in."""
    context = {"partner": None, "roles": (), **_person(request, "operator")}
    return _invited(request, context, "desk/partner_person.html", "/desk/operators", None, "PT")


def _person(request: Any, role: str) -> dict[str, Any]:
    typed = {name: request.POST.get(name, "").strip()[:300] for name in PERSON}
    typed |= {"role": typed["role"] or role, "language": typed["language"] or language()}
    return {"typed": typed, "languages": languages()}


def _invited(
    request: Any, context: dict[str, Any], template: str, back: str, organisation: UUID | None, country: str
) -> HttpResponse:
    context["back"] = back
    if request.method != "POST" or _switched(request):
        return _answer(request, template, context)
    typed = context["typed"]
    spoken = typed["language"] if typed["language"] in dict(languages()) else "pt-pt"
    zone = time_zone_of(country)
    newcomer = Newcomer(typed["email"], typed["given_name"], typed["family_name"], spoken, zone)
    try:
        if organisation is None:
            made = invite_operator(actor=request.actor, newcomer=newcomer, means=wiring.means())
        else:
            made = invite_member(
                actor=request.actor,
                organisation=organisation,
                newcomer=newcomer,
                role=typed["role"],
                means=wiring.means(),
            )
    except (Malformed, LoginNameTaken) as refusal:
        return page(request, template, context, problems=[_at_field(refusal, typed)], status=422)
    return see_other(f"{back}?sent={made.hex}#people")


def _at_field(refusal: Refusal, typed: dict[str, str]) -> Problem:
    """A name stands in two fields: the empty one is meant."""
    field = str(refusal.facts.get("field", "email"))
    if field == "name":
        field = "given_name" if not typed["given_name"] else "family_name"
    return problem(field, refusal)


@require_POST
@operators_only
def send_again(request: Any, partner: str, account: str) -> HttpResponse:
    """The letter that leads in, once more, to somebody of this partner."""
    wanted = id_in("partner", partner)
    count(request, "letters")
    with acting(request.actor):
        who = _member(wanted, account)
        send_ownership_again(actor=request.actor, account=who, now=wiring.now())
    return see_other(f"/desk/partners/{partner}?sent={who.hex}#people")


def _member(organisation: UUID | None, text: str) -> UUID:
    for each in desk.members(organisation):
        if each["id"].hex == text:
            return UUID(each["id"].hex)
    raise NotFound(what="account")


@require_safe
@operators_only
def operators(request: Any) -> HttpResponse:
    """Who acts for the vendor, and since when; those who did once."""
    with acting(request.actor):
        people = desk.members(None)
    told = {"people": people, "sent": request.GET.get("sent", ""), "me": request.actor.account}
    return page(request, "desk/operators.html", told)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@stepped_up_to_post
def close_operator(request: Any, account: str) -> HttpResponse:
    """With the next request nobody acts with this account any more; asked once more before."""
    with acting(request.actor):
        who = _member(None, account)
        person = next(each for each in desk.members(None) if each["id"] == who)
    if who == request.actor.account or person["closed_at"] is not None:
        raise NotFound(what="account")
    if request.method != "POST" or _switched(request):
        return _answer(request, "desk/operator_close.html", {"person": person})
    close_account(actor=request.actor, account=who, now=wiring.now())
    return see_other("/desk/operators")
