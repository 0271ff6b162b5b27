"""What is asked of a new customer: its organisation and its first administrator. All faults are told at once.

Source: rules, section 3 (new customer).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.keys import scrub
from chaveiro.rules.verdicts import Fault

NAME_LENGTH_AT_MOST = 200
PERSON_NAME_LENGTH_AT_MOST = 100
EMAIL_LENGTH_AT_MOST = 254
TAX_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z ./-]{1,30}")
PREFIX = re.compile(r"[a-z0-9]{3,27}")
EMAIL = re.compile(r"[^@\s<>()\[\],;:\\\"]+@[^@\s<>()\[\],;:\\\"]+\.[^@\s<>()\[\],;:\\\".]{2,}")
LANGUAGES = ("pt-pt", "en")
# Direction overrides and the like let one name look like another.
UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


class Missing(Refusal):
    """Something that is needed was left empty. Facts: field."""

    code = "missing"


class PrefixTaken(Refusal):
    """Another organisation has, or had, this domain prefix; a prefix is never used twice. Facts: prefix."""

    code = "prefix_taken"


class TaxNumberKnown(Refusal):
    """An organisation that stands has this tax number in this country; who means a second one confirms it. No facts.

    Nothing is told of the other: the number is on every invoice, so whoever knows it has proven nothing.
    """

    code = "tax_number_known"


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """An organisation to be opened. The country is fixed for ever; the prefix is never reused."""

    name: str
    country: str
    language: str
    domain_prefix: str
    tax_number: str = ""
    time_zone: str = "Europe/Lisbon"

    def faults(self, countries: Collection[str], pointer: str = "/customer") -> Iterator[Fault]:
        """What is wrong with it. `countries` are the country codes that exist."""
        yield from _text_faults(f"{pointer}/name", self.name, NAME_LENGTH_AT_MOST)
        yield from _choice_faults(f"{pointer}/country", self.country, countries)
        yield from _choice_faults(f"{pointer}/language", self.language, LANGUAGES)
        if not self.domain_prefix:
            yield Fault(f"{pointer}/domain_prefix", Missing(field="domain_prefix"))
        elif not PREFIX.fullmatch(self.domain_prefix) or holds_a_key(self.domain_prefix):
            yield Fault(f"{pointer}/domain_prefix", Malformed(field="domain_prefix", reason="3 to 27 of a-z and 0-9"))
        if self.tax_number and (not TAX_NUMBER.fullmatch(self.tax_number) or holds_a_key(self.tax_number)):
            yield Fault(f"{pointer}/tax_number", Malformed(field="tax_number", reason="2 to 31 letters and digits"))


@dataclass(frozen=True, slots=True)
class Administrator:
    """The person who becomes administrator, with a licence of each product opened."""

    given_name: str
    family_name: str
    email: str
    alternate_email: str = ""

    def faults(self, pointer: str = "/administrator") -> Iterator[Fault]:
        """What is wrong with it."""
        yield from _text_faults(f"{pointer}/given_name", self.given_name, PERSON_NAME_LENGTH_AT_MOST)
        yield from _text_faults(f"{pointer}/family_name", self.family_name, PERSON_NAME_LENGTH_AT_MOST)
        yield from _email_faults(f"{pointer}/email", self.email)
        if self.alternate_email:
            yield from _email_faults(f"{pointer}/alternate_email", self.alternate_email)

    def user_name(self) -> str:
        """The first user name proposed for the person: `given.family` in plain letters, digits and points."""
        plain = unicodedata.normalize("NFKD", f"{self.given_name}.{self.family_name}".lower())
        letters = "".join(symbol for symbol in plain if symbol.isascii() and (symbol.isalnum() or symbol == "."))
        return letters.strip(".")[:64] or "admin"


def suggested_prefix(name: str) -> str:
    """A domain prefix made of an organisation's name, without legal form; empty when nothing usable is left."""
    plain = unicodedata.normalize("NFKD", scrub(name).lower())
    words = re.findall(r"[a-z0-9]+", "".join(symbol for symbol in plain if symbol.isascii()))
    while words and words[-1] in {"lda", "sa", "unipessoal", "ltd", "inc", "gmbh", "srl", "sl", "limitada"}:
        words.pop()
    prefix = "".join(words)[:27]
    return prefix if len(prefix) >= 3 else ""


def _text_faults(pointer: str, value: str, most: int) -> Iterator[Fault]:
    field = pointer.rpartition("/")[2]
    if not value.strip():
        yield Fault(pointer, Missing(field=field))
    elif len(value) > most:
        yield Fault(pointer, Malformed(field=field, reason=f"longer than {most} characters"))
    elif any(unicodedata.category(symbol) in UNSEEN for symbol in value):
        yield Fault(pointer, Malformed(field=field, reason="holds characters that cannot be seen"))
    elif holds_a_key(value):
        yield Fault(pointer, Malformed(field=field, reason="holds a product key, which is entered elsewhere"))


def holds_a_key(value: str) -> bool:
    """Whether a key, or something nearly one, was put into a field that is kept and shown (6-reliability.md, S1)."""
    return scrub(value) != value


def _choice_faults(pointer: str, value: str, choices: Collection[str]) -> Iterator[Fault]:
    field = pointer.rpartition("/")[2]
    if not value:
        yield Fault(pointer, Missing(field=field))
    elif value not in choices:
        yield Fault(pointer, Malformed(field=field, reason="is not one of those there are"))


def _email_faults(pointer: str, value: str) -> Iterator[Fault]:
    field = pointer.rpartition("/")[2]
    if not value:
        yield Fault(pointer, Missing(field=field))
    elif (
        len(value) > EMAIL_LENGTH_AT_MOST or not EMAIL.fullmatch(value) or not value.isprintable() or holds_a_key(value)
    ):
        yield Fault(pointer, Malformed(field=field, reason="is not an e-mail address"))
