"""The words for what readers say of a page: the same under the page, on the operator's list and for translators."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.rules.feedback import Affected
from chaveiro.wording.words import Words

AFFECTED: Mapping[str, object] = {
    Affected.WORDS.value: _("Words that are wrong or sound foreign"),
    Affected.UNCLEAR.value: _("It is hard to understand"),
    Affected.UNTRANSLATED.value: _("A part is in another language"),
    Affected.MISSING.value: _("What I looked for is not there"),
    Affected.WRONG.value: _("What it says is not so"),
    Affected.BROKEN.value: _("Something did not work"),
    Affected.SLOW.value: _("It was slow"),
}

HELPING: Mapping[str, Words] = {
    "missing:message": Words(
        _("Something is missing"), _("Write what you need help with."), _("A sentence or two are enough.")
    ),
    "malformed:answer_to": Words(
        _("Not in the form that is needed"),
        _("The e-mail address for the answer is not complete."),
        _("Enter it with an @ and what follows it, for example nome@exemplo.pt."),
    ),
    "text_too_long": Words(
        _("Not in the form that is needed"),
        _("The text is longer than %(most)s characters."),
        _("Shorten it, then send it again."),
    ),
    "form_too_old": Words(
        _("The page was open too long"),
        _("The page was open for too long, so nothing was sent."),
        _("Send it again: what you wrote is still here."),
    ),
}


def affected_words() -> list[tuple[str, object]]:
    """Code and words of everything that may have affected somebody, in the order in which they are asked."""
    return list(AFFECTED.items())
