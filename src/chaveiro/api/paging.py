"""Lists: at most `limit` items, and a cursor to read on with."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ninja import Schema
from pydantic import Field

from chaveiro.rules.errors import Malformed

LIMIT = 50
LIMIT_AT_MOST = 200

Item = TypeVar("Item")


class Page(Schema):
    """Which part of a list is asked for."""

    limit: int = Field(LIMIT, ge=1, le=LIMIT_AT_MOST)
    cursor: str | None = Field(None, description="`next_cursor` of the page before.", max_length=200)

    def after(self, read: Callable[[str], Any]) -> Any:
        """What the cursor stands for, None at the beginning. Raises Malformed for a cursor that is none of ours."""
        if self.cursor is None:
            return None
        try:
            text = base64.urlsafe_b64decode(self.cursor.encode() + b"=" * (-len(self.cursor) % 4)).decode()
            return read(text)
        except (ValueError, binascii.Error, OverflowError) as fault:
            raise Malformed(field="cursor", reason="not a cursor of ours") from fault


def listed(
    found: Sequence[Item], page: Page, present: Callable[[Item], Mapping[str, Any]], place: Callable[[Item], object]
) -> dict[str, Any]:
    """One page of a list; `found` holds one item more than asked for when there is more."""
    shown, more = found[: page.limit], len(found) > page.limit
    return {
        "items": [present(item) for item in shown],
        "has_more": more,
        "next_cursor": cursor(place(shown[-1])) if more else None,
    }


def cursor(place: object) -> str:
    """The opaque form of a place in a list."""
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")
