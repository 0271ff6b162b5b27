"""Who did something, in words that its reader may know: own people by name, others by their organisation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from chaveiro.apps.channel.queries import names_of as names_of_organisations
from chaveiro.apps.identity.queries import names_of as names_of_people


@dataclass(frozen=True, slots=True)
class Doer:
    """On whose side somebody stood, which account it was, and which organisation of the channel."""

    kind: str
    account: UUID | None
    organisation: UUID | None


class Names:
    """The names of those who did things on a page, found together; call it while acting."""

    def __init__(self, doers: Collection[Doer], customer: str = "") -> None:
        """`customer` is the name of the one organisation that all this is about, where it is one."""
        self._customer = customer
        accounts = {doer.account for doer in doers if doer.account is not None}
        organisations = {doer.organisation for doer in doers if doer.organisation is not None}
        self._people = names_of_people(accounts) if accounts else {}
        self._organisations = names_of_organisations(organisations)

    def of(self, doer: Doer) -> str:
        """`Ana Ferreira, Sol Informática, Lda.` where both may be known, else what may."""
        person = self._people.get(doer.account, "") if doer.account else ""
        home = self._home(doer)
        if person and home:
            return _("%(person)s, %(organisation)s") % {"person": person, "organisation": home}
        return person or home or self._customer or _("The organisation’s own people")

    def _home(self, doer: Doer) -> str:
        match doer.kind:
            case "channel":
                return self._organisations.get(doer.organisation, "") if doer.organisation else ""
            case "operator":
                return str(settings.VENDOR_NAME)
            case "system":
                return _("%(vendor)s, by itself") % {"vendor": settings.VENDOR_NAME}
            case "anonymous":
                return _("Whoever held the keys")
        return ""
