"""The way back of a mail that could not be delivered: an address of its own for each notice, and what comes to it.

    bounces+<notice, 32 hexadecimal digits>.<mark, 16 letters>@vendor.example

The mark is keyed: whoever was not written to cannot make up an address that counts. Whoever was written to can say that
it did not arrive, which at worst keeps data longer (6-reliability.md, principle 6).
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from chaveiro.rules.errors import Malformed

MARK_BYTES = 10
LOCAL_PART_AT_MOST = 64  # RFC 5321, 4.5.3.1.1
REPORT_BYTES_AT_MOST = 1024 * 1024
_MADE = 1 + 32 + 1 + 16  # what is added to the local part
_TAIL = re.compile(r"\+([0-9a-f]{32})\.([a-z2-7]{16})\Z")
_ADDRESS = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\Z")


class What(StrEnum):
    """What a mail that came back says of the one that went out."""

    FAILED = "failed"  # it will not arrive
    DELAYED = "delayed"  # somebody goes on trying
    ARRIVED = "arrived"  # delivered, or passed on
    ANSWER = "answer"  # no report at all: a holiday answer, or a person


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report: what it says, the status code of RFC 3463, and the server that said so."""

    what: What
    status: str = ""
    server: str = ""

    @property
    def outcome(self) -> str:
        """In a few words without any address, as a notice's outcome is kept."""
        where = self.server or "a mail server"
        return f"{where} reported {self.status}" if self.status else f"{where} reported that it was not delivered"


def check_return_address(text: str) -> str:
    """The address under which delivery reports come back, in lower case; empty stays empty. Raises Malformed."""
    plain = text.strip().lower()
    if plain and (not _ADDRESS.fullmatch(plain) or len(plain.partition("@")[0]) + _MADE > LOCAL_PART_AT_MOST):
        room = LOCAL_PART_AT_MOST - _MADE
        raise Malformed(
            field="CHAVEIRO_RETURN_ADDRESS",
            reason=f"is an address like bounces@vendor.example, with {room} letters before the @ at most",
        )
    return plain


def return_path(address: str, notice: UUID, secret: bytes) -> str:
    """Where a report about this notice comes back; empty where the installation has no return address."""
    if not address:
        return ""
    local, _, domain = address.partition("@")
    return f"{local}+{notice.hex}.{_mark(notice, secret)}@{domain}"


def notice_of(recipient: str, address: str, secret: bytes) -> UUID | None:
    """The notice whose way back an address is; None for one that we did not make."""
    local, _, domain = address.partition("@")
    given, _, at = recipient.strip().strip("<>").lower().rpartition("@")
    found = _TAIL.search(given)
    if not address or at != domain or found is None or given[: found.start()] != local:
        return None
    notice = UUID(hex=found[1])
    return notice if hmac.compare_digest(_mark(notice, secret), found[2]) else None


def _mark(notice: UUID, secret: bytes) -> str:
    digest = hmac.digest(secret, b"way back of notice " + notice.bytes, "sha256")
    return base64.b32encode(digest[:MARK_BYTES]).decode().lower()
