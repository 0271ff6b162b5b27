"""What a product may be published as. Source: rules, section 1 (Products, batches, keys)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

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


class ProductRetired(Refusal):
    """No further keys of this product are ordered. Facts: product."""

    code = "product_retired"


class ProductExists(Refusal):
    """A product of this code exists; a new version of it is published instead. Facts: product."""

    code = "product_exists"


@dataclass(frozen=True, slots=True)
class Change:
    """What a new version would change: the field, and its value before (None: the product is new) and after."""

    field: str
    before: Any
    after: Any


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

    def changes(self, before: Description | None) -> tuple[Change, ...]:
        """What is different from `before`, field by field; markets and services compare as sets."""
        found = []
        for each in fields(self):
            old, new = getattr(before, each.name, None), getattr(self, each.name)
            if _plain(old) != _plain(new):
                found.append(Change(each.name, old, new))
        return tuple(found)

    def check(self) -> None:
        """Pass, or raise Refusals with every fault at once."""
        faults = tuple(Fault(pointer, Malformed(field=name, reason=reason)) for pointer, name, reason in self._faults())
        if faults:
            raise Refusals(faults)

    def _faults(self) -> Iterator[tuple[str, str, str]]:
        """Where, which field, and why not."""
        yield from self._faults_of_texts()
        if not CODE.fullmatch(self.code):
            yield "/code", "product_code", "1 to 40 letters, digits, dots, dashes and underscores"
        if not CODE.fullmatch(self.price_class):
            yield "/price_class", "price_class", "1 to 40 letters, digits, dots, dashes and underscores"
        if not 1 <= self.maximum_seats <= SEATS_AT_MOST:
            yield "/maximum_seats", "maximum_seats", f"must be from 1 to {SEATS_AT_MOST}"
        known = all(COUNTRY.fullmatch(country) for country in self.markets)
        if not known or not 1 <= len(self.markets) <= MARKETS_AT_MOST or len(set(self.markets)) != len(self.markets):
            yield "/markets", "markets", "country codes of two capital letters, each once, at least one"
        if len(self.services) > SERVICES_AT_MOST or not all(CODE.fullmatch(service) for service in self.services):
            yield "/services", "services", f"at most {SERVICES_AT_MOST} codes"

    def _faults_of_texts(self) -> Iterator[tuple[str, str, str]]:
        for language in LANGUAGES:
            if not _is_text(self.names.get(language), NAME_LENGTH_AT_MOST):
                yield f"/names/{language}", f"name_{language}", f"1 to {NAME_LENGTH_AT_MOST} characters"
            if language in self.texts and not _is_text(self.texts[language], TEXT_LENGTH_AT_MOST):
                yield f"/texts/{language}", f"text_{language}", f"1 to {TEXT_LENGTH_AT_MOST} characters"
        for name, told in (("names", self.names), ("texts", self.texts)):
            if not set(told) <= set(LANGUAGES):
                yield f"/{name}", name, f"in {', '.join(LANGUAGES)} only"


def _plain(value: Any) -> Any:
    return set(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _is_text(text: object, length_at_most: int) -> bool:
    return isinstance(text, str) and 0 < len(text.strip()) <= len(text) <= length_at_most
