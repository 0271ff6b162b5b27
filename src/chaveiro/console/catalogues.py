"""Compiles the message catalogues that are stale: `python -m chaveiro.console.catalogues`.

Compiled catalogues are not kept in the repository; the scripts call this when a `.po` is newer than its `.mo`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parents[1] / "locale"


def compile_stale(locales: Path = LOCALES) -> list[Path]:
    """Compile each catalogue that is newer than its compiled form; returns the sources of those that were.

    A compiled file appears whole, so that a process that reads beside us sees the old one or the new one.
    Raises babel's PoFileError for a catalogue that cannot be read.
    """
    stale = [source for source in sorted(locales.glob("*/LC_MESSAGES/*.po")) if _is_stale(source)]
    for source in stale:
        _compile(source)
    return stale


def _is_stale(source: Path) -> bool:
    compiled = source.with_suffix(".mo")
    return not compiled.exists() or source.stat().st_mtime_ns > compiled.stat().st_mtime_ns


def _compile(source: Path) -> None:
    with source.open("rb") as text:
        catalogue = read_po(text, locale=source.parents[1].name, abort_invalid=True)
    descriptor, draft = tempfile.mkstemp(suffix=".mo.new", dir=source.parent)
    with os.fdopen(descriptor, "wb") as binary:
        write_mo(binary, catalogue)
    Path(draft).chmod(0o644)
    Path(draft).replace(source.with_suffix(".mo"))


def main() -> None:
    """Compile, and name what was compiled on stderr."""
    for source in compile_stale():
        sys.stderr.write(f"compiled {source.parents[1].name}/{source.name}\n")


if __name__ == "__main__":
    main()
