"""What a product may be published as. Source: rules, section 1 (Products, batches, keys)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.seat_time import SEATS_AT_MOST
from chaveiro.rules.verdicts import Fault, Refusals

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
COUNTRY = re.compile(r"[A-Z]{2}")
LANGUAGES = ("pt", "en")
TEXT_LENGTH_AT_MOST = 4000
NAME_LENGTH_AT_MOST = 120
MARKETS_AT_MOST = 300
SERVICES_AT_MOST = 50


class ErasesEarlier(Refusal):
    """A later version of a policy may only move erasure later. Facts: policy, retention_days, retention_days_before."""

    code = "policy_erases_earlier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A product as it shall be published: names and texts by language, markets as country codes."""

    code: str
    names: Mapping[str, str]
    maximum_seats: int
    markets: tuple[str, ...]
    texts: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    price_class: str = "standard"

    def check(self) -> None:
        """Pass, or raise Refusals with every fault at once."""
        faults = tuple(Fault(f"/{name}", Malformed(field=name, reason=reason)) for name, reason in self._faults())
        if faults:
            raise Refusals(faults)

    def _faults(self) -> Iterator[tuple[str, str]]:
        if not CODE.fullmatch(self.code):
            yield "code", "1 to 40 letters, digits, dots, dashes and underscores"
        if not CODE.fullmatch(self.price_class):
            yield "price_class", "1 to 40 letters, digits, dots, dashes and underscores"
        if set(self.names) != set(LANGUAGES) or not all(
            _is_text(name, NAME_LENGTH_AT_MOST) for name in self.names.values()
        ):
            yield "names", f"one in each of {', '.join(LANGUAGES)}, 1 to {NAME_LENGTH_AT_MOST} characters"
        if not set(self.texts) <= set(LANGUAGES) or not all(
            _is_text(text, TEXT_LENGTH_AT_MOST) for text in self.texts.values()
        ):
            yield "texts", f"in {', '.join(LANGUAGES)}, 1 to {TEXT_LENGTH_AT_MOST} characters"
        if not 1 <= self.maximum_seats <= SEATS_AT_MOST:
            yield "maximum_seats", f"must be from 1 to {SEATS_AT_MOST}"
        known = all(COUNTRY.fullmatch(country) for country in self.markets)
        if not known or not 1 <= len(self.markets) <= MARKETS_AT_MOST or len(set(self.markets)) != len(self.markets):
            yield "markets", "country codes of two capital letters, each once, at least one"
        if len(self.services) > SERVICES_AT_MOST or not all(CODE.fullmatch(service) for service in self.services):
            yield "services", f"at most {SERVICES_AT_MOST} codes"


def _is_text(text: object, length_at_most: int) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= len(text) <= length_at_most
