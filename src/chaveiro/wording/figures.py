"""Days, instants, numbers, countries and lists, as CLDR writes them in European Portuguese and in English."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_datetime, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from chaveiro.rules.lifecycle import last_day

# English as it is written in Europe: the day before the month.
LOCALES: Mapping[str, Locale] = {"pt-pt": Locale("pt", "PT"), "en": Locale("en", "GB")}
LANGUAGES = tuple(LOCALES)
DEFAULT = "pt-pt"

# CLDR's two-letter territories that are no country or region where an organisation can have its seat.
NO_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}
_CODE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Figures:
    """How one language writes figures."""

    locale: Locale

    def day(self, value: date) -> str:
        """`22 de novembro de 2026`, `22 November 2026`."""
        return str(format_date(value, "long", locale=self.locale))

    def day_of_year(self, value: date) -> str:
        """`22 de novembro`, `22 November`: where the year goes without saying."""
        return str(format_skeleton("MMMMd", value, locale=self.locale))

    def month(self, value: date) -> str:
        """`novembro de 2026`, `November 2026`."""
        return str(format_skeleton("yMMMM", value, locale=self.locale))

    def month_short(self, value: date) -> str:
        """`nov`, `Nov`: under a column, where the year stands beside the first one."""
        return str(format_date(value, "LLL", locale=self.locale)).rstrip(".")

    def last_day(self, ends_on: date) -> str:
        """The last covered day of something that ends on the first day not covered."""
        return self.day(last_day(ends_on))

    def instant(self, value: datetime, time_zone: str = "UTC") -> str:
        """Day and minute in a time zone, with its name."""
        zone = ZoneInfo(time_zone)
        clock = format_datetime(value, "HH:mm zzz", tzinfo=zone, locale=self.locale)
        return f"{self.day(value.astimezone(zone).date())}, {clock}"

    def moment(self, value: datetime, time_zone: str = "UTC") -> str:
        """`22/11/2026, 14:30`: for tables of the reader's own times, where the zone goes without saying."""
        return str(format_datetime(value, "dd/MM/yyyy, HH:mm", tzinfo=ZoneInfo(time_zone), locale=self.locale))

    def number(self, value: int) -> str:
        """A whole number with its thousands set apart."""
        # Lists are full of small numbers, which every language of ours writes alike.
        return str(value) if 0 <= value < 1000 else str(format_decimal(value, locale=self.locale))

    def decimal(self, value: float) -> str:
        """A number with one digit after its mark: `4,5`, `4.5`."""
        return str(format_decimal(value, format="#,##0.0", locale=self.locale))

    def percent(self, share: float) -> str:
        """A share of one as a percentage, without decimals: `45%`."""
        return str(format_percent(share, locale=self.locale))

    def country(self, code: str) -> str:
        """The name of a country or region; the code itself where there is no name."""
        return str(self.locale.territories.get(code, code))

    def countries(self) -> list[tuple[str, str]]:
        """Code and name of every country or region, in the alphabetical order of the language."""
        named = [(code, self.country(code)) for code in country_codes()]
        return sorted(named, key=lambda pair: _plain(pair[1]))

    def joined(self, parts: Iterable[str]) -> str:
        """`a, b e c`."""
        return str(format_list(list(parts), locale=self.locale))


@lru_cache(maxsize=4)
def figures(language: str) -> Figures:
    """The figures of a language; of European Portuguese where the language is not one of ours."""
    return Figures(LOCALES.get(language, LOCALES[DEFAULT]))


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """The codes of all countries and regions that there are (ISO 3166, as CLDR has them)."""
    return frozenset(code for code in map(str, LOCALES["en"].territories) if _CODE.fullmatch(code)) - NO_COUNTRIES


def _plain(name: str) -> str:
    """The name without accents and case: Portuguese sorts `África do Sul` among the A."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(letter)
    )


# Where a country has several time zones, the one of most of its organisations.
_MAIN_ZONES = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "ID": "Asia/Jakarta",
    "IN": "Asia/Kolkata",
    "KZ": "Asia/Almaty",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}


@lru_cache(maxsize=1)
def _zones() -> Mapping[str, str]:
    """The first known time zone of each country."""
    found: dict[str, str] = {}
    for zone, territory in sorted(get_global("zone_territories").items()):
        if "/" in zone:
            found.setdefault(territory, zone)
    return found


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The names of all time zones that there are (IANA). Looked up once: they lie in hundreds of files."""
    return frozenset(available_timezones())


def time_zone_of(country: str) -> str:
    """The time zone of a new organisation, by its country; UTC where none is known. It can be changed later."""
    return _MAIN_ZONES.get(country) or _zones().get(country, "UTC")
