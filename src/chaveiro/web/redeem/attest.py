"""The declaration: for whom one acts, and that one may. Kept with wording, language, instant, address and agent."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.channel.queries import card
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.actions import drafting
from chaveiro.rules.actors import Kind
from chaveiro.rules.openings import Missing
from chaveiro.rules.redemption import AttestationMissing
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switching
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem.draft import Desk, look_again
from chaveiro.web.redeem.journey import ATTEST, go_on, on_draft, steps
from chaveiro.web.redeem.order import attested

OWN, CUSTOMER = "own", "customer"


@require_http_methods(["GET", "HEAD", "POST"])
@on_draft(ATTEST)
def attest(request: Any, desk: Desk) -> HttpResponse:
    """Say for whom, and that one may. Whoever is signed in acts for whom the account acts."""
    if request.method != "POST":
        return page(request, "redeem/attest.html", _context(desk, desk.form.get("acting_for", "")))
    acting_for = _acting_for(desk, request.POST.get("acting_for", ""))
    ticked = request.POST.get("attestation") == "yes"
    language = switching(request)
    if language:
        form = {"acting_for": acting_for, "attestation_box": "yes" if ticked else ""}
        drafting.keep_form(actor=desk.holder, form=form, means=wiring.means())
        return remember_language(see_other(desk.path(ATTEST)), language)
    problems = [] if acting_for else [problem("acting_for", Missing(field="acting_for"))]
    problems += [] if ticked else [problem("attestation", AttestationMissing())]
    if problems:
        context = _context(desk, acting_for, ticked=ticked)
        return page(request, "redeem/attest.html", context, status=422, problems=problems)
    means = wiring.means()
    form = {"acting_for": acting_for, "attestation_box": "yes", "attested_at": means.now.isoformat()}
    drafting.keep_form(actor=desk.holder, form={**form, **attested(request, acting_for=acting_for)}, means=means)
    return go_on(look_again(desk))


def _acting_for(desk: Desk, chosen: str) -> str:
    """For whom: the account's side says it, and only whoever is not signed in chooses."""
    known = {Kind.CUSTOMER: OWN, Kind.CHANNEL: CUSTOMER}.get(desk.holder.kind)
    return known or (chosen if chosen in (OWN, CUSTOMER) else "")


def _context(desk: Desk, acting_for: str, *, ticked: bool | None = None) -> dict[str, Any]:
    partner = ""
    if desk.holder.kind is Kind.CHANNEL and desk.holder.organisation is not None:
        with acting(desk.holder):
            partner = card(organisation=desk.holder.organisation).name
    return {
        **steps(desk, ATTEST),
        "acting_for": acting_for,
        "partner": partner,
        "ticked": desk.form.get("attestation_box") == "yes" if ticked is None else ticked,
        "whom": [
            (OWN, _("My organisation"), _("You, or somebody you name, will administer it.")),
            (CUSTOMER, _("A customer of mine, as its partner"), _("The customer’s administrator takes ownership.")),
        ],
    }
