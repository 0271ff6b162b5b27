"""The words for what cannot be erased, proven or exported."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.wording.words import Words

ERASING: Mapping[str, Words] = {
    "evidence_unfit": Words(
        _("Not fit as evidence"),
        _("This cannot stand in the place of a mail's proof as it is."),
        _("Read what evidence needs, then record it anew."),
    ),
    "evidence_unfit:same_person": Words(
        _("A second person is needed"),
        _("Whoever recorded the evidence cannot agree to it."),
        _("Ask another operator to read it and to agree."),
    ),
    "evidence_unfit:too_soon": Words(
        _("Not yet"),
        _("In a house of one person, evidence is agreed to 24 hours after it was recorded."),
        _("Come back when that time is over."),
    ),
    "evidence_unfit:not_told_yet": Words(
        _("That day is still to come"),
        _("The day on which the customer was told lies ahead."),
        _("Give the day on which it really happened."),
    ),
    "evidence_unfit:settled": Words(
        _("Settled before"),
        _("This evidence was agreed to or withdrawn before."),
        _("Look at the subscription's page; record other evidence if it is needed."),
    ),
    "evidence_unfit:erased": Words(
        _("Erased already"),
        _("The data of this subscription were erased; there is nothing left to prove."),
        _("Its certificate tells when and why."),
    ),
    "nothing_to_allow": Words(
        _("Nothing waits for this"),
        _("No erasures of %(day)s wait for an operator's word."),
        _("Look at the list of erasures again."),
    ),
    "last_administrator": Words(
        _("The last administrator stays"),
        _("An organisation needs an administrator, and this is the only one."),
        _("Make somebody else an administrator first, then try again."),
    ),
    "takeout_too_large": Words(
        _("Too large for a page"),
        _("This export is larger than a page can hand out."),
        _("Ask the operator, who can write it into a file of any size."),
    ),
    "data_key_destroyed": Words(
        _("Erased for good"),
        _("The key of these data was destroyed, and with it whatever it sealed."),
        _("Nothing can bring them back."),
    ),
    "data_keys_unusable": Words(
        _("The data keys are out of reach"),
        _("The folder of the data keys cannot be used now, and nothing was changed."),
        _("Ask the operator to look at the folder, its owner and its disk."),
    ),
}
