"""The words that the script of the wizard says, in the language of the page: one table, handed over in an attribute."""

from __future__ import annotations

import json

from django.utils.translation import gettext as _


def words() -> str:
    """All of them as JSON; `{}` marks stand where the script puts figures."""
    return json.dumps(
        {
            "label": _("Key {n}"),
            "count": _("{n} of 25 characters"),
            "whole": _("25 of 25 characters, without a typing error"),
            "one": _("Check the character at position {at}."),
            "two": _("Check the characters at positions {at}."),
            "at": _("{position} (group {group})"),
            "and": _("{a} and {b}"),
            "foreign": _("No key has the character at position {at}."),
            "many": _("More than two characters are wrong. Compare the key with the card."),
            "repair": _("Is it {key}?"),
            "use": _("Yes, use this one"),
            "spelled": _("group {group}: {symbols}"),
            "read": _("O was read as 0; I and L were read as 1."),
            "found": _("Keys recognised: {n}."),
            "twice": _("Repeated and left out: {n}."),
            "broken": _("Not complete or mistyped: {n}."),
            "none": _("No product key was found in what you pasted."),
            "full": _("There is room for 200 keys; the rest was left out."),
            "undo": _("Undo"),
            "undone": _("What you pasted was taken out again."),
            "noCode": _("No QR code was found in the picture."),
        },
        ensure_ascii=False,
    )
