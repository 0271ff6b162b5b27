"""The words for what can be wrong with products, orders of keys, their exports, and what becomes of batches."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.wording.words import Words

_TITLE = _("Not in the right form")
_NUMBER = _("Enter a whole number, without decimals.")

STOCK: Mapping[str, Words] = {
    "second_person_needed:later": Words(
        _("A second person is needed"),
        _("This needs a second person, or you alone from %(not_before)s on."),
        _("Ask another operator, or come back then."),
    ),
    "second_person_needed:own": Words(
        _("A second person is needed"),
        _("You asked for this yourself, so another operator decides."),
        _("Ask another operator to look at the batch."),
    ),
    "product_retired": Words(
        _("Product retired"),
        _("The product %(product)s is retired: no further keys of it are ordered."),
        _("Choose another product, or take this one up again."),
    ),
    "product_exists": Words(
        _("Product exists"),
        _("There is a product with the code %(product)s already."),
        _("Choose another code, or publish a new version of that product."),
    ),
    "too_many_cards": Words(
        _("Too many cards"),
        _("One file holds %(most)s cards at most; these would be %(count)s."),
        _("Order fewer keys at once, or print the cards from the file of keys on the command line."),
    ),
    "missing:product": Words(_TITLE, _("Choose a product."), ""),
    "missing:reason": Words(_TITLE, _("Write why: it is kept with the batch."), ""),
    "missing:lock": Words(_TITLE, _("Choose who can open the export."), ""),
    "malformed:seats": Words(_TITLE, _("Enter how many licences each key carries: 1 or more."), _NUMBER),
    "malformed:months": Words(_TITLE, _("Enter how many months each key carries: from 1 to 1,200."), _NUMBER),
    "malformed:count": Words(_TITLE, _("Enter how many keys: from 1 to 1,000,000."), _NUMBER),
    "malformed:activate_before": Words(
        _TITLE, _("The last day for redeeming must be today or later."), _("Choose a later day, or leave it empty.")
    ),
    "malformed:recipient": Words(
        _TITLE, _("This is not an age public key."), _("Copy the whole line that begins with age1.")
    ),
    "malformed:passphrase": Words(
        _TITLE,
        _("A passphrase must have from 12 to 1,024 characters."),
        _("Use several words, or the one that is suggested."),
    ),
    "malformed:passphrase_again": Words(
        _TITLE, _("The two passphrases are not the same."), _("Type the same passphrase in both fields.")
    ),
    "malformed:serials": Words(
        _TITLE, _("These are not serial numbers of this batch."), _("Enter two of its serial numbers, the lower first.")
    ),
    "malformed:serial": Words(
        _TITLE, _("This is not a serial number."), _("It has 12 digits and is printed on the card.")
    ),
    "malformed:cards": Words(_TITLE, _("A batch without secrets has no keys to print."), _("Leave the cards out.")),
    "malformed:product_code": Words(
        _TITLE,
        _("A product code has 1 to 40 unaccented letters, digits, dots, hyphens and underscores."),
        _("For example: office-basic."),
    ),
    "malformed:price_class": Words(
        _TITLE,
        _("A price class has 1 to 40 unaccented letters, digits, dots, hyphens and underscores."),
        _("Without special prices it is: standard."),
    ),
    "malformed:name_pt": Words(_TITLE, _("Enter the name in Portuguese, with 120 characters at most."), ""),
    "malformed:name_en": Words(_TITLE, _("Enter the name in English, with 120 characters at most."), ""),
    "malformed:text_pt": Words(_TITLE, _("The text in Portuguese may have 4,000 characters at most."), ""),
    "malformed:text_en": Words(_TITLE, _("The text in English may have 4,000 characters at most."), ""),
    "malformed:maximum_seats": Words(_TITLE, _("Enter the most licences that a subscription may have."), _NUMBER),
    "malformed:markets": Words(_TITLE, _("Select at least one country or region."), ""),
    "malformed:services": Words(
        _TITLE,
        _("Services are codes of unaccented letters, digits, dots, hyphens and underscores, 50 at most."),
        _("Write one on each line."),
    ),
    "holder_refused:only a whole batch passes on with its release": Words(
        _("Cannot be handed over"),
        _("Only a whole batch that was never for sale passes to another holder as it is released."),
        _("Release it where it is, or choose all of its keys."),
    ),
}
