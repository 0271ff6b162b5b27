"""Forms of the desk: what was typed in them, read with care, and their languages switched without losing it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import wraps
from typing import Any

from django.http import HttpResponse

from chaveiro.rules.errors import Malformed
from chaveiro.rules.symbols import significant
from chaveiro.web.languages import remember, switch_now, switching

TEXT_AT_MOST = 5_000
DIGITS_AT_MOST = 12

View = Callable[..., HttpResponse]


def keeps_language(view: View) -> View:
    """A form whose language can be switched as it is: `request.sent` says whether it was sent for its own sake."""

    @wraps(view)
    def spoken(request: Any, *arguments: Any, **named: Any) -> HttpResponse:
        wanted = switching(request)
        request.sent = request.method == "POST" and not wanted
        if not wanted:
            return view(request, *arguments, **named)
        switch_now(request, wanted)
        return remember(view(request, *arguments, **named), wanted)

    return spoken


def typed(request: Any, names: Iterable[str]) -> dict[str, str]:
    """What was typed into these fields, without the spaces around it and no longer than anybody can have meant."""
    return {name: request.POST.get(name, "").strip()[:TEXT_AT_MOST] for name in names}


def whole(text: str) -> int:
    """A whole number, its thousands set apart or not; 0 for whatever is none, which every rule of ours refuses."""
    digits = significant(text)
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS_AT_MOST else 0


def day(field: str, text: str) -> date | None:
    """A day as a date field sends it; None for an empty one. Raises Malformed."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed(field=field, reason="must be a day") from None


def lines(text: str) -> tuple[str, ...]:
    """What stands on the lines of a text, or between its commas, each once."""
    return tuple(dict.fromkeys(part.strip() for part in text.replace(",", "\n").splitlines() if part.strip()))
