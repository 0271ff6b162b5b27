"""The organisations of the channel: which kinds there are, and who may work there as what.

Source: rules, section 8; 1-product.md (the words).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.verdicts import Fault, Refusals

COUNTRY = re.compile(r"[A-Z]{2}")
LANGUAGES = ("pt-pt", "en")
NAME_LENGTH_AT_MOST = 200
REGISTRATION = re.compile(r"[0-9]{7}")
REGISTRATIONS_FROM = 1_000_000
REGISTRATIONS = 9_000_000


class OrganisationKind(StrEnum):
    """What an organisation is in the channel."""

    VENDOR = "vendor"
    DISTRIBUTOR = "distributor"
    RESELLER = "reseller"
    BOTH = "both"


# The roles that each side knows. The vendor's people operate; nobody else does.
ROLES = {OrganisationKind.VENDOR: ("operator",)} | dict.fromkeys(
    (OrganisationKind.DISTRIBUTOR, OrganisationKind.RESELLER, OrganisationKind.BOTH),
    ("owner", "sales", "technician", "reader"),
)


class VendorExists(Refusal):
    """There is one vendor, and it was registered already."""

    code = "vendor_exists"


class MemberElsewhere(Refusal):
    """The account belongs to another organisation, or has a role already."""

    code = "member_elsewhere"


class NameAmbiguous(Refusal):
    """Several organisations have this name; use the registration number. Facts: name, registration_numbers."""

    code = "name_ambiguous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An organisation as it shall be registered."""

    kind: OrganisationKind
    name: str
    country: str
    language: str = "pt-pt"

    def check(self) -> None:
        """Pass, or raise Refusals with every fault at once."""
        faults = []
        if not self.name.strip() or len(self.name) > NAME_LENGTH_AT_MOST or not self.name.isprintable():
            faults.append(("name", f"1 to {NAME_LENGTH_AT_MOST} characters"))
        if not COUNTRY.fullmatch(self.country):
            faults.append(("country", "a country code of two capital letters"))
        if self.language not in LANGUAGES:
            faults.append(("language", f"one of {', '.join(LANGUAGES)}"))
        if faults:
            raise Refusals(tuple(Fault(f"/{name}", Malformed(field=name, reason=reason)) for name, reason in faults))


def check_role(kind: str, role: str) -> None:
    """Pass when that kind of organisation knows the role; raise Malformed otherwise."""
    roles = ROLES[OrganisationKind(kind)]
    if role not in roles:
        raise Malformed(field="role", reason=f"must be one of {', '.join(roles)}")


def registration_number(random_bytes: Callable[[int], bytes]) -> str:
    """Seven random digits, the first not zero. They tell nobody how many partners there are."""
    return str(REGISTRATIONS_FROM + int.from_bytes(random_bytes(8), "big") % REGISTRATIONS)
