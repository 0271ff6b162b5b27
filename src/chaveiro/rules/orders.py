"""A redemption as it is asked for in JSON, read into values: the body of `POST /redemptions` and of the command line.

    {"purpose": "open" | "add" | "extend", "keys": […], "customer": id | {…}?, "administrator": {…}?, "subscription"?,
     "seats_after": {product: n}?, "partner_of_record": number | null?, "fingerprint"?, "attestation": bool,
     "start_over": bool?, "clock"?}

`clock` is the test clock on which a customer that is opened lives. In such a customer `tax_number_again: true` says
that a second organisation with its tax number is meant.
Only the form is looked at here, every fault of it at once; what an order means `rules.redemption` decides. Source:
4-interfaces.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chaveiro.rules import identifiers
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.openings import Administrator, Missing, NewCustomer
from chaveiro.rules.redemption import PURPOSES
from chaveiro.rules.seat_time import SEATS_AT_MOST
from chaveiro.rules.verdicts import Fault, Refusals

TEXT_AT_MOST = 500
KEYS_AT_MOST = 10_000
LANGUAGES = {"pt": "pt-pt", "en": "en"}

NAMES = frozenset(
    {
        "purpose",
        "keys",
        "customer",
        "administrator",
        "subscription",
        "seats_after",
        "partner_of_record",
        "fingerprint",
        "attestation",
        "start_over",
        "clock",
    }
)
CUSTOMER_NAMES = ("name", "country", "language", "domain_prefix", "tax_number", "time_zone")
TAX_NUMBER_AGAIN = "tax_number_again"
ADMINISTRATOR_NAMES = ("given_name", "family_name", "email", "alternate_email")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was asked. `names_partner` tells a partner of record that was left out from null, which is nobody."""

    purpose: str
    keys: tuple[str, ...]
    customer: UUID | NewCustomer | None
    tax_number_again: bool
    administrator: Administrator | None
    subscription: UUID | None
    seats_after: Mapping[str, int]
    names_partner: bool
    partner_of_record: str | None
    fingerprint: str | None
    attestation: bool
    start_over: bool
    clock: UUID | None = None


def read(body: object, time_zones: Collection[str]) -> Sheet:
    """The order in a parsed JSON body; `time_zones` are the names of those there are. Raises Refusals."""
    if not isinstance(body, dict):
        raise Refusals((Fault("", Malformed(field="body", reason="must be an object")),))
    form = _Form(body)
    form.only("", body, NAMES)
    sheet = Sheet(
        purpose=form.purpose(),
        keys=form.keys(),
        customer=form.customer(time_zones),
        tax_number_again=form.tax_number_again(),
        administrator=form.administrator(),
        subscription=form.identifier("subscription", body.get("subscription")),
        seats_after=form.seats_after(),
        names_partner="partner_of_record" in body,
        partner_of_record=form.optional("/partner_of_record", body.get("partner_of_record")),
        fingerprint=form.optional("/fingerprint", body.get("fingerprint")),
        attestation=form.yes("/attestation", body.get("attestation", False)),
        start_over=form.yes("/start_over", body.get("start_over", False)),
        clock=form.identifier("clock", body.get("clock")),
    )
    if form.faults:
        raise Refusals(tuple(form.faults))
    return sheet


def language_of(text: str) -> str:
    """A language that is named for a customer, in our spelling (`pt`, `pt-PT` → `pt-pt`); anything else as it is."""
    return LANGUAGES.get(text.partition("-")[0].lower(), text)


class _Form:
    """A body being read. A value that cannot be read is noted as a fault and goes on as its empty form."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.faults: list[Fault] = []

    def purpose(self) -> str:
        if "purpose" not in self._body:
            self._note("/purpose", Missing(field="purpose"))
            return ""
        return self._one_of("/purpose", self._body["purpose"], PURPOSES)

    def keys(self) -> tuple[str, ...]:
        given = self._body.get("keys", [])
        if not isinstance(given, list) or len(given) > KEYS_AT_MOST:
            self._malformed("/keys", f"must be a list of at most {KEYS_AT_MOST} texts")
            return ()
        # A key may be typed with any number of spaces around it: its length is for the rules to judge.
        wrong = [index for index, key in enumerate(given) if not isinstance(key, str)]
        for index in wrong:
            self._malformed(f"/keys/{index}", "must be a text")
        return () if wrong else tuple(given)

    def customer(self, time_zones: Collection[str]) -> UUID | NewCustomer | None:
        given = self._body.get("customer")
        if not isinstance(given, dict):
            return self.identifier("customer", given)
        named = {name: value for name, value in given.items() if name != TAX_NUMBER_AGAIN}
        texts = dict(self._texts("/customer", named, CUSTOMER_NAMES))
        zone = texts.pop("time_zone", "")
        if zone and zone not in time_zones:
            self._malformed("/customer/time_zone", "is no time zone of the IANA database")
        chosen = {"time_zone": zone} if zone else {}
        return NewCustomer(
            name=texts.get("name", ""),
            country=texts.get("country", "").upper(),
            language=language_of(texts.get("language", "")),
            domain_prefix=texts.get("domain_prefix", ""),
            tax_number=texts.get("tax_number", ""),
            **chosen,
        )

    def tax_number_again(self) -> bool:
        given = self._body.get("customer")
        return isinstance(given, dict) and self.yes(f"/customer/{TAX_NUMBER_AGAIN}", given.get(TAX_NUMBER_AGAIN, False))

    def administrator(self) -> Administrator | None:
        given = self._body.get("administrator")
        if given is None:
            return None
        if not isinstance(given, dict):
            self._malformed("/administrator", "must be an object")
            return None
        texts = dict(self._texts("/administrator", given, ADMINISTRATOR_NAMES))
        return Administrator(**{name: texts.get(name, "") for name in ADMINISTRATOR_NAMES})

    def seats_after(self) -> Mapping[str, int]:
        given = self._body.get("seats_after")
        if given is None:
            return {}
        if not isinstance(given, dict):
            self._malformed("/seats_after", "must be an object: product code and seats")
            return {}
        for product, seats in given.items():
            if not isinstance(seats, int) or isinstance(seats, bool) or not 1 <= seats <= SEATS_AT_MOST:
                self._malformed(f"/seats_after/{_escaped(product)}", f"must be a number from 1 to {SEATS_AT_MOST}")
        return given

    def identifier(self, noun: str, given: object) -> UUID | None:
        """An id of a noun, which its field is called after; None stays none."""
        if given is None:
            return None
        try:
            return identifiers.read(noun, given if isinstance(given, str) else "")
        except Malformed:
            self._malformed(f"/{noun}", "not an id of this kind")
            return None

    def optional(self, pointer: str, given: object) -> str | None:
        """A text; none stays none, and an empty one is not the same."""
        return None if given is None else self.text(pointer, given)

    def text(self, pointer: str, given: object) -> str:
        """A text, empty for none."""
        if given is None:
            return ""
        if not isinstance(given, str) or len(given) > TEXT_AT_MOST:
            self._malformed(pointer, f"must be a text of at most {TEXT_AT_MOST} characters")
            return ""
        return given

    def yes(self, pointer: str, given: object) -> bool:
        """Yes or no."""
        if not isinstance(given, bool):
            self._malformed(pointer, "must be true or false")
            return False
        return given

    def only(self, pointer: str, given: Mapping[str, Any], names: Collection[str]) -> None:
        """Note every name that is not known: it is a mistake, and the caller meant something by it."""
        for name in sorted(given.keys() - set(names)):
            self._malformed(f"{pointer}/{_escaped(name)}", "is not known here")

    def _texts(self, pointer: str, given: Mapping[str, Any], names: Collection[str]) -> Iterator[tuple[str, str]]:
        self.only(pointer, given, names)
        for name in names:
            yield name, self.text(f"{pointer}/{name}", given.get(name))

    def _one_of(self, pointer: str, given: object, choices: Collection[str]) -> str:
        if not isinstance(given, str) or given not in choices:
            self._malformed(pointer, f"must be one of {', '.join(choices)}")
            return ""
        return given

    def _malformed(self, pointer: str, reason: str) -> None:
        names = [name for name in pointer.split("/") if name and not name.isdecimal()]
        self._note(pointer, Malformed(field=names[-1] if names else "body", reason=reason))

    def _note(self, pointer: str, refusal: Refusal) -> None:
        self.faults.append(Fault(pointer, refusal))


def _escaped(name: str) -> str:
    """A name as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
