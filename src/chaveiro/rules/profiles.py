"""What a person may say of themselves: the forms of a name and of a mail address."""

from __future__ import annotations

from chaveiro.rules.errors import Malformed

ADDRESSES = ("email", "alternate_email")
NAME_LENGTH_AT_MOST = 150
ADDRESS_LENGTH_AT_MOST = 254  # RFC 5321


def check_person_name(field: str, name: str) -> str:
    """A given or family name without outer spaces. Raises Malformed(field)."""
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_LENGTH_AT_MOST or not name.isprintable():
        raise Malformed(field=field, reason=f"1 to {NAME_LENGTH_AT_MOST} printable characters")
    return name


def check_address(field: str, address: str) -> str:
    """A mail address without outer spaces; the alternate one may be empty. Raises Malformed(field)."""
    address = address.strip()
    if not address and field == "alternate_email":
        return ""
    local, at, domain = address.rpartition("@")
    plain = address.isprintable() and not any(symbol in address for symbol in ' <>,;:"()[]\\')
    if not (local and at and domain and plain) or "@" in local or len(address) > ADDRESS_LENGTH_AT_MOST:
        raise Malformed(field=field, reason="not a mail address")
    return address
