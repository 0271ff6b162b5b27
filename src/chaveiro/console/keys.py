"""`chaveiro keys check`: what is in a text, key by key. No database, nothing kept, nothing sent."""

from __future__ import annotations

import codecs
import sys

import click

from chaveiro.console import output
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys import MAX_TEXT, Reading, check, group

# No encoding that we read needs more for one character.
BYTES_AT_MOST = 4 * MAX_TEXT
# The sentence for each verdict that the text of a key alone can have.
SAID = {
    "ok": "reads well",
    "key_empty": "nothing was typed",
    "key_length": "a key has 25 symbols, this has {symbols}",
    "key_symbol": "no key has the symbol at {places}",
    "key_checksum": "at least one symbol is wrong",
}


@click.command("check")
@output.json_option
def check_keys(as_json: bool) -> None:
    """Read a text on stdin and judge every key in it; the keys themselves are not looked up anywhere.

    A pasted mail, a column of a file, one key: all keys are found, and everything that was meant as one. Wrong symbols
    are located and a repair is offered, never applied.
    """
    if sys.stdin.isatty():
        output.say("Type or paste keys, then end with Ctrl-D.")
    readings = check(text_of(sys.stdin.buffer.read(BYTES_AT_MOST + 1)))
    if as_json:
        for reading in readings:
            output.write_json(reading.facts())
        return
    if not readings:
        output.say("There is nothing in this text that reads as a key.")
        return
    output.write(output.table(("TYPED", "VERDICT", "MEANING"), map(_row, readings)))


def text_of(given: bytes) -> str:
    """Text from a file or a terminal: UTF-8 or UTF-16 with or without a mark at the start, else Windows-1252.

    Raises Malformed when it is longer than anybody can have meant.
    """
    if len(given) > BYTES_AT_MOST:
        raise Malformed(field="text", reason="too_long")
    if given.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return given.decode("utf-16", errors="replace")
    try:
        return given.decode("utf-8-sig")
    except UnicodeDecodeError:
        return given.decode("cp1252", errors="replace")


def _row(reading: Reading) -> tuple[str, str, str]:
    places = ", ".join(map(str, reading.positions))
    said = SAID[reading.code].format(symbols=reading.symbols, places=places)
    if reading.code == "key_checksum" and places:
        said = f"the symbols at {places} are probably wrong" if "," in places else f"symbol {places} is probably wrong"
    if reading.repair:
        said += f"; perhaps {group(reading.repair)}"
    typed = group(reading.canonical) if reading.canonical else " ".join(reading.typed.split())
    return typed, reading.code, said
