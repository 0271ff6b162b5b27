"""The words for the verdicts on a key."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from chaveiro.wording.words import Words

_COMPARE = _("Compare it with the card. Hyphens and spaces do not count.")
_CONFIRM = _("Confirm the proposed repair if it is the key on the card, or correct what you typed.")
_ASK = _("Ask whoever sold it to you for another key.")

KEYS: Mapping[str, Words] = {
    "ok": Words(_("The key is good"), _("This key can be used."), _("Go on.")),
    "key_empty": Words(
        _("No key"),
        _("Enter a product key."),
        _("It has 25 characters and is on the card, or in the message of whoever sold it to you."),
    ),
    "key_length": Words(
        _("Not 25 characters"),
        ngettext_lazy(
            "This key has %(symbols)s character; it must have 25.",
            "This key has %(symbols)s characters; it must have 25.",
            "symbols_count",
        ),
        _COMPARE,
    ),
    "key_symbol": Words(
        _("A character that no key has"),
        _("This key has a character that no key has."),
        _("Keys have digits and unaccented letters only, and never the letter U."),
    ),
    "key_symbol:positions": Words(
        _("A character that no key has"),
        ngettext_lazy(
            "No key has the character at position %(positions)s of this one.",
            "No key has the characters at positions %(positions)s of this one.",
            "positions_count",
        ),
        _("Keys have digits and unaccented letters only, and never the letter U. Compare this one with the card."),
    ),
    "key_symbol:repair": Words(
        _("A character that no key has"),
        ngettext_lazy(
            "No key has the character at position %(positions)s of this one.",
            "No key has the characters at positions %(positions)s of this one.",
            "positions_count",
        ),
        _CONFIRM,
    ),
    "key_checksum": Words(
        _("The key does not add up"),
        _("This key has more than two wrong characters."),
        _COMPARE,
    ),
    "key_checksum:repair": Words(
        _("The key does not add up"),
        ngettext_lazy(
            "Check the character at position %(positions)s of this key.",
            "Check the characters at positions %(positions)s of this key.",
            "positions_count",
        ),
        _CONFIRM,
    ),
    "key_duplicate": Words(
        _("The same key twice"),
        _("You entered this key already: it is key %(first)s."),
        _("Remove one of the two."),
    ),
    "key_unknown": Words(
        _("Unknown key"),
        _("We could not find this key."),
        _("Compare it with the card, or ask whoever sold it to you."),
    ),
    "key_redeemed": Words(
        _("Key already redeemed"),
        _("This key has already been redeemed."),
        _("If it was not by you, ask whoever sold it to you."),
    ),
    "key_redeemed_by_you": Words(
        _("Key already redeemed by you"),
        _("Your organisation redeemed this key on %(at)s."),
        _("What it brought is in your subscriptions. Use another key."),
    ),
    "key_held": Words(
        _("Key reserved"),
        _("This key is reserved in a redemption that was not finished, until %(until)s."),
        _("Resume that redemption with its code, or wait until the reservation ends."),
    ),
    "key_held:whole": Words(
        _("Key reserved"),
        _("This key is reserved until %(until)s in an unfinished redemption; you have entered all of its keys here."),
        _("Resume that redemption with its code, or start over here with the same keys."),
    ),
    "key_expired": Words(
        _("Key expired"),
        _("This key had to be redeemed before %(activate_before)s."),
        _ASK,
    ),
    "key_not_released": Words(
        _("Key not yet for sale"),
        _("This key has not been released for sale yet."),
        _("Ask whoever sold it to you to have it released."),
    ),
    "key_revoked": Words(
        _("Key revoked"),
        _("This key was revoked and can no longer be redeemed."),
        _ASK,
    ),
    "key_wrong_country": Words(
        _("Key for another country"),
        _("This key is for these countries or regions: %(countries)s. The organisation's is another: %(country)s."),
        _("Check the country or region of the organisation, or ask for a key that can be redeemed there."),
    ),
    "key_wrong_product": Words(
        _("Key of another product"),
        _("This key is of another product (%(product)s) than the subscription (%(wanted)s)."),
        _("Use a key of the same product, or open a new subscription with this one."),
    ),
    "country_not_served": Words(
        _("Not available in this country or region"),
        _("The product %(product)s is not available in the country or region of the organisation: %(country)s."),
        _("Check the country or region, or remove the keys of this product. Nothing has been redeemed."),
    ),
}
