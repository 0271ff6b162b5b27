"""The words for what stands against a redemption besides its keys: sums, forms, holds of the moment."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from chaveiro.wording.words import Words

_FORM_TITLE = _("Not in the form that is needed")
_MISSING_TITLE = _("Something is missing")
_FILL = _("Fill it in, then go on. The rest of what you entered is kept.")
_SHORTER = _("Enter it as it stands in official papers, without special characters, and not longer than needed.")
_SEATS_TITLE = _("Other licences than allowed")

REDEEMING: Mapping[str, Words] = {
    "several": Words(
        _("Several things need correcting"),
        _("Several things need correcting; each stands at its place."),
        _("Correct each of them, then go on."),
    ),
    "attestation_missing": Words(
        _("Confirmation missing"),
        _("Confirm that you are authorised to redeem these keys on behalf of the organisation."),
        _("Select the box if it is so; otherwise ask somebody who is authorised."),
    ),
    "basket_too_large": Words(
        _("Too many keys at once"),
        _("There are %(given)s keys here; at most %(most)s can be redeemed at once."),
        _("Redeem the first %(most)s, then the others."),
    ),
    "sum_changed": Words(
        _("The sum has changed"),
        _("What would happen is no longer what was shown, so nothing has been redeemed."),
        _("Check the new sum, then confirm."),
    ),
    "outcome_unknown": Words(
        _("The outcome is being checked"),
        _("The connection broke at the last step: the keys were redeemed whole or not at all."),
        _("Ask again: the answer is the truth, and no key is redeemed twice."),
    ),
    "term_too_short": Words(
        _("Ends too soon"),
        ngettext_lazy(
            "The subscription would be valid until %(ends_on)s; it must last %(days_needed)s day at least.",
            "The subscription would be valid until %(ends_on)s; it must last %(days_needed)s days at least.",
            "days_needed_count",
        ),
        _("Use more keys, or keys with more months."),
    ),
    "horizon_exceeded": Words(
        _("Ends too late"),
        _("The subscription would be valid until %(ends_on)s; today it may be valid until %(horizon)s at the latest."),
        _("Use fewer keys now, and keep the others for later."),
    ),
    "seats_over_maximum": Words(
        _("Too many licences"),
        _("There would be %(seats)s licences; the product has %(maximum)s at most (%(over_by)s too many)."),
        _("Remove keys until the licences fit."),
    ),
    "seats_below_licences": Words(
        _("Fewer licences than are assigned"),
        _("The licences would be %(seats)s, but %(assigned)s are assigned to people."),
        _("Choose more licences, or unassign some first."),
    ),
    "seats_not_allowed": Words(
        _SEATS_TITLE,
        _("The number of licences (%(seats)s) cannot be chosen in this act."),
        _("Leave the number of licences as it is."),
    ),
    "seats_not_allowed:too_few": Words(
        _SEATS_TITLE,
        _("With so few licences (%(seats)s) the time added would be more than twice that of the longest key."),
        _("Choose more licences."),
    ),
    "seats_not_allowed:too_many": Words(
        _SEATS_TITLE,
        _("With so many licences (%(seats)s) the time added would be less than half that of the longest key."),
        _("Choose fewer licences, or use more keys."),
    ),
    "paid_directly": Words(
        _("Billed directly"),
        _("This subscription is billed directly, so no key acts on it now."),
        _("Use the key for another subscription, or when direct billing ends."),
    ),
    "subscription_deleted": Words(
        _("Subscription deleted"),
        _("This subscription was deleted on %(erased_on)s, and nothing of it can be brought back."),
        _("Open a new subscription with the key."),
    ),
    "missing": Words(_MISSING_TITLE, _("Something that is needed is missing: %(field)s."), _FILL),
    "missing:name": Words(_MISSING_TITLE, _("Enter the name of the organisation."), _FILL),
    "missing:country": Words(_MISSING_TITLE, _("Choose the country or region of the organisation."), _FILL),
    "missing:language": Words(_MISSING_TITLE, _("Choose the language of the organisation."), _FILL),
    "missing:domain_prefix": Words(_MISSING_TITLE, _("Enter the beginning of the initial domain."), _FILL),
    "missing:given_name": Words(_MISSING_TITLE, _("Enter the given name of the administrator."), _FILL),
    "missing:family_name": Words(_MISSING_TITLE, _("Enter the family name of the administrator."), _FILL),
    "missing:email": Words(_MISSING_TITLE, _("Enter the e-mail address of the administrator."), _FILL),
    "missing:acting_for": Words(_MISSING_TITLE, _("Select whom you act for."), _FILL),
    "missing:target": Words(_MISSING_TITLE, _("Select what the keys are for."), _FILL),
    "missing:customer": Words(_MISSING_TITLE, _("Say which organisation the keys are for."), _FILL),
    "missing:administrator": Words(_MISSING_TITLE, _("Say who administers the organisation."), _FILL),
    "prefix_taken": Words(
        _("Initial domain taken"),
        _("The initial domain that begins with “%(prefix)s” belongs, or belonged, to another organisation."),
        _("Choose another beginning; each is given only once, for ever."),
    ),
    "tax_number_known": Words(
        _("Tax number to be confirmed"),
        _("An organisation with this tax number may exist here already."),
        _(
            "Make sure that the organisation was not opened before; its administrator could use the keys for it. "
            "To open it all the same, confirm that, then go on."
        ),
    ),
    "malformed": Words(_FORM_TITLE, _("The value of “%(field)s” does not have the form that it needs."), _FILL),
    "malformed:name": Words(
        _FORM_TITLE, _("The name of the organisation is too long, or has characters that cannot be seen."), _SHORTER
    ),
    "malformed:given_name": Words(
        _FORM_TITLE, _("The given name is too long, or has characters that cannot be seen."), _SHORTER
    ),
    "malformed:family_name": Words(
        _FORM_TITLE, _("The family name is too long, or has characters that cannot be seen."), _SHORTER
    ),
    "malformed:country": Words(
        _FORM_TITLE, _("This country or region is not one of those there are."), _("Choose it from the list.")
    ),
    "malformed:language": Words(
        _FORM_TITLE, _("This language is not one of those there are."), _("Choose it from the list.")
    ),
    "malformed:domain_prefix": Words(
        _FORM_TITLE,
        _("The initial domain begins with 3 to 27 letters a to z or digits, without accents or spaces."),
        _("Write a short form of the organisation's name."),
    ),
    "malformed:tax_number": Words(
        _FORM_TITLE,
        _("A tax number has 2 to 31 letters and digits."),
        _("Correct it, or leave it out: it is optional."),
    ),
    "malformed:email": Words(
        _FORM_TITLE,
        _("The e-mail address of the administrator is not complete."),
        _("Write it as in name@example.com; the link to take ownership goes there."),
    ),
    "malformed:alternate_email": Words(
        _FORM_TITLE,
        _("The alternate e-mail address is not complete."),
        _("Write it as in name@example.com, or leave it out."),
    ),
    "malformed:partner_of_record": Words(
        _FORM_TITLE,
        _("There is no partner with this registration number."),
        _("It has seven digits. Ask the partner, or leave it out."),
    ),
    "malformed:code": Words(
        _FORM_TITLE,
        _("A resume code has 20 characters in five groups of four."),
        _("Compare it with what you noted. Hyphens and spaces do not count."),
    ),
    "malformed:seats_after": Words(
        _FORM_TITLE, _("The number of licences must be a whole number."), _("Write it with digits only.")
    ),
    "malformed:many": Words(
        _("No key found"),
        _("We found no product key in the text that you pasted."),
        _("Paste the lines with the keys, each whole."),
    ),
    "malformed:file": Words(
        _("No key found"),
        _("The file is no text file of up to 1 MB with product keys in it."),
        _("Save it as TXT or CSV, or paste the keys."),
    ),
    "malformed:text": Words(
        _("Too much text"),
        _("The text is too long to look for keys in it."),
        _("Paste the part with the keys; at most 200 at once."),
    ),
}
