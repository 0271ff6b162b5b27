"""Time zones by region and city, as CLDR names them in each language: what a person chooses from."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from babel.core import get_global
from babel.dates import get_timezone_location
from django.utils.translation import gettext as _
from django.utils.translation import override

from chaveiro.wording.figures import DEFAULT, LOCALES, time_zones

# The first part of zone names, and its number among CLDR's territories; islands belong to none.
REGIONS = {
    "Africa": "002",
    "America": "019",
    "Antarctica": "AQ",
    "Asia": "142",
    "Atlantic": "",
    "Australia": "009",
    "Europe": "150",
    "Indian": "",
    "Pacific": "009",
}

Group = tuple[str, list[tuple[str, str]]]


@lru_cache(maxsize=4)
def by_region(language: str) -> list[Group]:
    """Region, then zone and city, each in the alphabetical order of the language."""
    locale = LOCALES.get(language, LOCALES[DEFAULT])
    found: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(set(get_global("zone_territories")) & time_zones()):
        region = zone.partition("/")[0]
        if region not in REGIONS:
            continue
        title = str(locale.territories.get(REGIONS[region], "")) or _islands(language)
        city = str(get_timezone_location(zone, locale=locale, return_city=True))
        found.setdefault(title, []).append((zone, city))
    return [(title, sorted(found[title], key=lambda pair: _plain(pair[1]))) for title in sorted(found, key=_plain)]


def city(zone: str, language: str) -> str:
    """What a time zone is called: its city; the zone's own name where CLDR has none (UTC)."""
    if zone not in time_zones() or "/" not in zone:
        return zone
    return str(get_timezone_location(zone, locale=LOCALES.get(language, LOCALES[DEFAULT]), return_city=True))


def _plain(name: str) -> str:
    """The name without accents: Portuguese sorts `África` among the A."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))


def _islands(language: str) -> str:
    with override(language):
        return _("Islands of the Atlantic and the Indian Ocean")
