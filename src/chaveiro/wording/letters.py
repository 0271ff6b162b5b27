"""What each letter is called, and what became of it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

TITLES: Mapping[str, Any] = {
    "ownership": _("Link to take ownership"),
    "receipt": _("Receipt"),
    "reversal": _("A redemption was reversed"),
    "correction_wrong": _("A redemption was moved away"),
    "correction_right": _("A redemption was moved here"),
    "help_request": _("Request for help"),
    "help_copy": _("Copy of a request for help"),
    "draft_resume": _("Link back to an unfinished redemption"),
    "reset": _("Link for a new password"),
    "security": _("Something about signing in changed"),
    "confirm_address": _("Link to confirm an address"),
    "mailed_code": _("Code to confirm"),
}

OUTCOMES: Mapping[str, tuple[Any, str]] = {
    "owed": (_("to be posted"), "warn"),
    "posted": (_("taken by the mail server"), "good"),
    "failed": (_("given up"), "bad"),
    "superseded": (_("not needed any more"), ""),
}


def title_of(kind: str) -> str:
    """What a letter is."""
    return str(TITLES.get(kind, kind))


def outcome_of(state: str) -> tuple[str, str]:
    """What became of a letter, and how the word is to look."""
    word, mood = OUTCOMES.get(state, (state, ""))
    return str(word), mood
