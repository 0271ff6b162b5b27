"""The words for what stands against a correction."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from chaveiro.wording.words import Words

_TITLE = _("Cannot be moved")
_AGAIN = _("Look at the redemption again.")

CORRECTING: Mapping[str, Words] = {
    "nothing_to_move": Words(
        _TITLE,
        _("Nothing is left of what these keys brought: the time was used."),
        _("Give the right customer a new key, if it shall have one."),
    ),
    "changes_stand_on_it": Words(
        _TITLE,
        _("These keys opened the subscription, and later keys stand on it."),
        _("Reverse or move the later redemptions of this subscription first."),
    ),
    "correction_blocked": Words(_TITLE, _("The redemption cannot be moved like this."), _AGAIN),
    "correction_blocked:same_customer": Words(
        _TITLE, _("The redemption is this customer’s already."), _("Choose another customer.")
    ),
    "correction_blocked:several_products": Words(
        _TITLE,
        _("The redemption brought several products, and one subscription holds one."),
        _("Open new subscriptions for the right customer."),
    ),
    "correction_blocked:licences": Words(
        _TITLE,
        ngettext_lazy(
            "%(number)s licence was given to a person by hand, and the subscription would close.",
            "%(number)s licences were given to people by hand, and the subscription would close.",
            "number_count",
        ),
        _("Have those licences removed first."),
    ),
    "correction_waits": Words(
        _("Proposed already"),
        _("A correction of this redemption was proposed and waits for its approval."),
        _("Approve or decline that one first."),
    ),
    "correction_settled": Words(
        _("Decided already"), _("This correction was approved, declined or withdrawn before."), _AGAIN
    ),
    "second_operator_needed": Words(
        _("A second person is needed"),
        _("Whoever proposed a correction does not approve it."),
        _("Ask another operator. Where one person runs the installation, it can be approved a day after."),
    ),
    "ownership_taken": Words(
        _("Taken already"),
        _("This person has taken ownership of the account."),
        _("Who cannot sign in asks for a new password at the sign-in page."),
    ),
    "reversal_blocked:corrected": Words(
        _("Cannot be reversed"),
        _("A correction brought these keys here, and part of their time was used elsewhere."),
        _("Move the redemption again, if this customer is not the right one."),
    ),
}
