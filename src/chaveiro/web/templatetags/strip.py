"""Where today stands on the lifecycle strip: `{% load strip %}`, `{% life_strip card as strip %}`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import template
from django.utils.translation import gettext as _

from chaveiro import wiring
from chaveiro.web.pages import language
from chaveiro.wording import figures

register = template.Library()

# The picture is 1000 wide. A year of validity fills its first part; grace and retention are drawn to their own scale.
YEAR = 365
ACTIVE, GRACE, RETAINED = (0, 456), (460, 676), (680, 916)
MARK_HALF = 4


@dataclass(frozen=True, slots=True)
class Strip:
    """`at` is where today stands, None once all is deleted; `mark` where its mark begins; `today` in words."""

    at: int | None
    mark: int
    today: str


@register.simple_tag
def life_strip(card: Any) -> Strip:
    """The geometry for a subscription's card (stage, ends_on, access_stops_on, erasure_on) on its own day, or today."""
    today = getattr(card, "day", None) or wiring.means().day
    at = _place(today, card)
    said = _("Today, %(day)s") % {"day": figures(language()).day_of_year(today)}
    return Strip(at, max(0, (at or 0) - MARK_HALF), said)


def _place(today: date, card: Any) -> int | None:
    match str(card.stage):
        case "active":
            return _between(ACTIVE, YEAR - (card.ends_on - today).days, YEAR)
        case "grace":
            return _between(GRACE, (today - card.ends_on).days, (card.access_stops_on - card.ends_on).days)
        case "retained":
            whole = (card.erasure_on - card.access_stops_on).days
            return _between(RETAINED, (today - card.access_stops_on).days, whole)
        case _:
            return None


def _between(part: tuple[int, int], done: int, whole: int) -> int:
    """A place in a part of the picture: at its beginning for nought days, never beyond its end."""
    begins, ends = part
    return begins + (ends - begins) * max(0, min(done, whole)) // max(1, whole)
