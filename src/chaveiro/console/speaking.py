"""How a command speaks: in the language of whoever runs it, with every fault of a request at once.

    @click.command("show")
    @click.argument("reference")
    @speaking
    def show(voice, reference): …

`speaking` gives a command `--json`, `--language` and `--no-input`, and tells a refusal that comes out of it: its code
for ever, its sentence in Portuguese or English. It needs Django's settings, so it is for commands with a process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from chaveiro.console import output
from chaveiro.console.output import Exit
from chaveiro.rules.errors import Refusal
from chaveiro.rules.verdicts import Fault, Refusals
from chaveiro.wording import sentence, what_to_do
from chaveiro.wording.telling import told

TAGS: Mapping[str, str] = {"pt": "pt-pt", "pt-pt": "pt-pt", "en": "en"}
# In the order in which a POSIX locale is chosen.
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True, slots=True)
class Voice:
    """Who is spoken to: their language, whether it is a program, whether they may be asked anything."""

    language: str
    as_json: bool
    no_input: bool = False

    def show(self, data: Any, text: Callable[[], str]) -> None:
        """The command's data on stdout: JSON for programs, `text` for people."""
        if self.as_json:
            output.write_json(data)
        else:
            output.write(text())

    def say(self, message: str) -> None:
        """A message for people on stderr; programs are not told."""
        if not self.as_json:
            output.say(message)

    def confirm(self, question: str) -> None:
        """Ask before what cannot be undone, where somebody sits at a terminal; raises click.Abort when they decline."""
        if sys.stdin.isatty() and not (self.no_input or self.as_json):
            click.confirm(question, abort=True, err=True)

    def refuse(self, refusal: Refusal) -> Exit:
        """Tell of a refusal on stderr; answers how the command ends. Of several the first one decides."""
        first = refusal.first if isinstance(refusal, Refusals) else refusal
        faults = refusal.faults if isinstance(refusal, Refusals) else ()
        if self.as_json:
            facts = {name: value for name, value in told(first.facts).items() if name not in ("code", "detail")}
            output.write_json(
                {
                    "code": first.code,
                    "detail": sentence(first, self.language),
                    "advice": what_to_do(first, self.language),
                    "errors": [self._fault(fault) for fault in faults],
                    **facts,
                },
                stream=sys.stderr,
            )
        else:
            for one in faults or (Fault("", first),):
                output.say(self._line(one))
        return output.exit_of(first)

    def _fault(self, fault: Fault) -> dict[str, Any]:
        refusal = fault.refusal
        return {
            "pointer": fault.pointer,
            "code": refusal.code,
            "detail": sentence(refusal, self.language),
            "advice": what_to_do(refusal, self.language),
            "facts": told(refusal.facts),
        }

    def _line(self, fault: Fault) -> str:
        refusal = fault.refusal
        place = f"{fault.pointer}: " if fault.pointer else ""
        # The sentences are for people at pages; which value a machine's operator must mend, the facts say.
        facts = told(refusal.facts)
        said = [str(facts[name]) for name in ("field", "what", "reason") if facts.get(name)]
        named = f" ({': '.join(said)})" if said else ""
        return f"{place}{refusal.code}: {sentence(refusal, self.language)}{named} {what_to_do(refusal, self.language)}"


def speaking(command: Callable[..., Any]) -> Callable[..., Any]:
    """The decorator: `command` gets a Voice before its own arguments."""

    @output.json_option
    @click.option(
        "--language",
        type=click.Choice(["pt", "pt-PT", "en"], case_sensitive=False),
        help="Of sentences; absent: that of your locale.",
    )
    @click.option("--no-input", is_flag=True, help="Never ask anything.")
    @wraps(command)
    def spoken(as_json: bool, language: str | None, no_input: bool, **given: Any) -> Any:
        voice = Voice(language_of(language, os.environ), as_json, no_input)
        try:
            return command(voice, **given)
        except Refusal as refusal:
            return voice.refuse(refusal)

    return spoken


def language_of(given: str | None, environ: Mapping[str, str]) -> str:
    """`pt-pt` or `en`: as given, else as the locale says; English where it says neither, as help pages are."""
    if given is not None:
        return TAGS[given.lower()]
    locale = next((environ[name] for name in LOCALE_VARIABLES if environ.get(name)), "")
    return TAGS.get(locale[:2].lower(), "en")


dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, by the same code; do nothing.")
