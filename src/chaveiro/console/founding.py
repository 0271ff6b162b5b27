"""What a new installation begins with: the vendor, and a link for the first operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.channel import actions as channel
from chaveiro.apps.channel.queries import vendor
from chaveiro.apps.closing.queries.founding import first_operator
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.actions.accounts import Newcomer, open_operator
from chaveiro.apps.identity.actions.links import make
from chaveiro.apps.journal.actions import record
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.organisations import OrganisationKind, Registration
from chaveiro.rules.tokens import Purpose


@dataclass(frozen=True, slots=True)
class Founded:
    """The path of the first operator's link and when it ends; neither once an operator has signed in."""

    path: str = ""
    expires_at: datetime | None = None


def found(operator_email: str, vendor_country: str, secrets_made: bool) -> Founded:
    """Register the vendor if nobody did, and make a link for the first operator until one has signed in.

    Journals `organisation:added`, `operator:added`, `link:made` for what it makes, and `installation:initialised` once.
    """
    means = wiring.means()
    with acting(SYSTEM):
        founder = first_operator()
        if founder.signed_in:
            return Founded()
        account = founder.account
        if account is None:
            home = _vendor(means, vendor_country)
            account = open_operator(actor=SYSTEM, newcomer=_newcomer(operator_email), means=means, organisation=home)
            channel.add_member(actor=SYSTEM, account=account, organisation=home, role="operator", means=means)
            facts = {"secrets_made": secrets_made}
            record(tag="installation:initialised", at=means.now, actor=SYSTEM, subject_id=home, facts=facts)
        link = make(actor=SYSTEM, account=account, purpose=Purpose.SIGN_IN, means=means)
    return Founded(link.path, link.expires_at)


def _vendor(means: Means, country: str) -> UUID:
    try:
        return vendor()
    except NotFound:
        registration = Registration(kind=OrganisationKind.VENDOR, name=settings.VENDOR_NAME, country=country.upper())
        return channel.add_organisation(actor=SYSTEM, registration=registration, means=means)


def _newcomer(email: str) -> Newcomer:
    """The first operator, under an address of the installation's own host unless one is given."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return Newcomer(email=email or f"operator@{host}", given_name="Operator", family_name=settings.VENDOR_NAME)
