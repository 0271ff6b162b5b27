"""The words for what stands against signing in to a service, or against asking what somebody may use."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.wording.words import Words

_NOT_SENT = _("Not sent on")

SERVICES: Mapping[str, Words] = {
    "service_unknown": Words(
        _NOT_SENT,
        _("You were sent here by a service that is not registered, or not any more. You were not sent back to it."),
        _("Go back to where you came from. If it stays so, tell the people of that service."),
    ),
    "return_unknown": Words(
        _NOT_SENT,
        _("The service asks that you be sent to an address that it did not register. You were not sent there."),
        _("Go back to where you came from. If it stays so, tell the people of that service."),
    ),
    "several_people": Words(
        _("Several people"),
        _("This e-mail address leads to several people."),
        _("Ask by person instead: each of them is named in the facts."),
    ),
}
