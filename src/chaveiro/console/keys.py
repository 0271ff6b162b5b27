"""`chaveiro keys check`: what is in a text, key by key. No database, nothing kept, nothing sent."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Mapping

import click

from chaveiro.console import output
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys import MAX_TEXT, Reading, check, group

# No encoding that we read needs more for one character.
BYTES_AT_MOST = 4 * MAX_TEXT
# The sentences for what the text of a key alone can show; those of the pages need the whole framework to be loaded.
SAID = {
    "en": {
        "headings": "TYPED VERDICT MEANING",
        "ok": "reads well",
        "key_empty": "nothing was typed",
        "key_length": "a key has 25 symbols, this has {symbols}",
        "key_symbol": "no key has what stands at {places}",
        "key_checksum": "at least one symbol is wrong",
        "key_checksum at": "probably wrong: {places}",
        "repair": "; perhaps {repair}",
        "nothing": "There is nothing in this text that reads as a key.",
    },
    "pt-pt": {
        "headings": "ESCRITO VEREDICTO SIGNIFICADO",
        "ok": "lê-se bem",
        "key_empty": "nada foi escrito",
        "key_length": "uma chave tem 25 caracteres, esta tem {symbols}",
        "key_symbol": "nenhuma chave tem o que está na posição {places}",
        "key_checksum": "pelo menos um carácter está errado",
        "key_checksum at": "provavelmente errado: {places}",
        "repair": "; talvez {repair}",
        "nothing": "Não há neste texto nada que se leia como chave.",
    },
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
    said = SAID[output.language()]
    if not readings:
        output.say(said["nothing"])
        return
    output.write(output.table(said["headings"].split(), [_row(reading, said) for reading in readings]))


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


def _row(reading: Reading, said: Mapping[str, str]) -> tuple[str, str, str]:
    located = reading.code == "key_checksum" and reading.positions
    meaning = said["key_checksum at" if located else reading.code]
    if reading.repair:
        meaning += said["repair"]
    places = ", ".join(map(str, reading.positions))
    meaning = meaning.format(symbols=reading.symbols, places=places, repair=group(reading.repair or ""))
    typed = group(reading.canonical) if reading.canonical else " ".join(reading.typed.split())
    return typed, reading.code, meaning
