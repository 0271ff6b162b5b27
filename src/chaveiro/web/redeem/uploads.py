"""A text file with keys: read in memory, whatever wrote it, and kept nowhere."""

from __future__ import annotations

import codecs
from typing import Any

from chaveiro.rules.errors import Malformed

FIELD = "file"
BYTES_AT_MOST = 1024 * 1024


def text_of(request: Any) -> str:
    """The text of the file that came with a form, empty where none did.

    UTF-8 and UTF-16 with or without their marks, else Windows-1252, as spreadsheets save it. Raises Malformed for a
    file that is larger than 1 MB, or no text.
    """
    sent = request.FILES.get(FIELD)
    if sent is None:
        return ""
    if sent.size > BYTES_AT_MOST:
        raise Malformed(field=FIELD, reason="is larger than 1 MB")
    return decoded(sent.read())


def decoded(content: bytes) -> str:
    """The text of some bytes. Raises Malformed for what is no text."""
    text = _decoded(content)
    if "\x00" in text:
        raise Malformed(field=FIELD, reason="is no text")
    return text


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    zeros = content[:200].count(0)
    if zeros > len(content[:200]) // 4:
        # Latin text in UTF-16 without a mark: every other byte is nought.
        return content.decode("utf-16-le" if content[1:2] == b"\x00" else "utf-16-be", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")
