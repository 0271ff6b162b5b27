"""What a command says and how it ends: data on stdout, messages on stderr, one exit code for each way to end.

0 done · 1 failed · 2 usage · 3 not found · 4 refused by a rule · 5 conflict · 6 not allowed · 75 try later
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum, IntEnum
from importlib import import_module
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import click

from chaveiro.rules.errors import Refusal

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Exit(IntEnum):
    """How a command ends (4-interfaces.md, "Command line"); 75 is `EX_TEMPFAIL` of sysexits."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    REFUSED = 4
    CONFLICT = 5
    NOT_ALLOWED = 6
    TRY_LATER = 75
    INTERRUPTED = 130


# What is not here is a rule's refusal. Machines, files and settings that do not work are failures, not rules.
EXITS: Mapping[str, Exit] = {
    "malformed": Exit.USAGE,
    "not_found": Exit.NOT_FOUND,
    "role_required": Exit.NOT_ALLOWED,
    "try_later": Exit.TRY_LATER,
    "outcome_unknown": Exit.TRY_LATER,
    "post_deferred": Exit.TRY_LATER,
    "sum_changed": Exit.CONFLICT,
    "draft_changed": Exit.CONFLICT,
    "still_running": Exit.CONFLICT,
    "idempotency_mismatch": Exit.CONFLICT,
    "already_reversed": Exit.CONFLICT,
    "key_replaced": Exit.CONFLICT,
    "login_name_taken": Exit.CONFLICT,
    "member_elsewhere": Exit.CONFLICT,
    "vendor_exists": Exit.CONFLICT,
    "database_not_ready_yet": Exit.TRY_LATER,
    "database_no_server_found": Exit.FAILED,
    "database_wrong_version": Exit.FAILED,
    "database_not_our_folder": Exit.FAILED,
    "database_out_of_reach": Exit.FAILED,
    "database_password_lost": Exit.FAILED,
    "database_not_durable": Exit.FAILED,
    "database_could_not_make": Exit.FAILED,
    "database_did_not_start": Exit.FAILED,
    "database_unreachable": Exit.TRY_LATER,
    "secrets_lost": Exit.FAILED,
    "secrets_unsafe": Exit.FAILED,
    "not_initialised": Exit.FAILED,
    "not_ready": Exit.FAILED,
    "setting_refused": Exit.FAILED,
    "ledger_broken": Exit.FAILED,
    "journal_broken": Exit.FAILED,
    "journal_restored": Exit.FAILED,
    "signature_invalid": Exit.FAILED,
    "pepper_changed": Exit.FAILED,
    "pepper_missing": Exit.FAILED,
    "vault_key_missing": Exit.FAILED,
    "seal_broken": Exit.FAILED,
    "random_source_broken": Exit.FAILED,
    "doubled_key": Exit.FAILED,
    "export_lost": Exit.FAILED,
    "file_refused": Exit.FAILED,
    "backup_damaged": Exit.FAILED,
    "backup_locked": Exit.FAILED,
    "backup_of_another": Exit.FAILED,
    "database_not_empty": Exit.CONFLICT,
    "post_refused": Exit.FAILED,
}


# A malformed value is told to somebody who writes commands, so the field's name and the reason are what matters.
TOLD_BY_FACTS = frozenset({"malformed", "not_found"})
_NOTHING = SimpleNamespace(ready=False)


def exit_of(refusal: Refusal) -> Exit:
    """The exit code for a refusal, from its code alone."""
    return EXITS.get(refusal.code, Exit.REFUSED)


def json_option(command: Decorated) -> Decorated:
    """`--json`, which every command has; the argument is `as_json`."""
    meaning = "Print JSON for machines, refusals included (those on stderr)."
    return click.option("--json", "as_json", is_flag=True, help=meaning)(command)


def plain(value: object) -> Any:
    """The JSON form of what rules and rooms hand out: days and instants in ISO 8601, ids as text."""
    match value:
        case Enum():
            return value.value
        case UUID() | date() | datetime():
            return value.isoformat() if isinstance(value, date) else str(value)
        case set() | frozenset():
            return sorted(value)
        case Refusal():
            return refusal_facts(value)
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) else str(value)


def write_json(value: object, *, stream: Any = None, indent: int | None = None) -> None:
    """One JSON value and a line end, at once: whoever reads a pipe of a command that stays is waiting for it."""
    print(json.dumps(value, ensure_ascii=False, default=plain, indent=indent), file=stream or sys.stdout, flush=True)


def write(text: str) -> None:
    """A line of data for people."""
    print(text, file=sys.stdout, flush=True)  # noqa: T201


def say(text: str) -> None:
    """A message: progress, advice, what went wrong. Never data."""
    print(text, file=sys.stderr)  # noqa: T201


def refusal_facts(refusal: Refusal) -> dict[str, Any]:
    """A refusal as JSON: its code, what it means, its facts by name."""
    return {"code": refusal.code, "detail": refusal.summary(), **refusal.facts}


def refuse(refusal: Refusal, as_json: bool) -> Exit:
    """Tell of a refusal, and answer how the command ends."""
    if as_json:
        write_json(refusal_facts(refusal), stream=sys.stderr)
    else:
        say("\n".join(_sentences(refusal)))
    return exit_of(refusal)


def language() -> str:
    """The language of whoever sits at the terminal, from the locale's variables: pt-pt or en."""
    locale = next(filter(None, (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "pt-pt" if locale.lower().startswith("pt") else "en"


def _sentences(refusal: Refusal) -> list[str]:
    """A refusal for people: several faults each on a line of its own, with what cures it."""
    faults, cure = refusal.facts.get("faults"), refusal.facts.get("cure")
    if isinstance(faults, list):
        lines = [f"{refusal.code}: {refusal.summary().partition(' Facts:')[0]}"]
        lines += [f"  {fault['name']}: {fault['said']}\n    cure: {fault['cure']}" for fault in faults]
    else:
        lines = _in_words(refusal) or [f"{refusal.code}: {refusal.message()}"]
    return [*lines, f"  cure: {cure}"] if cure else lines


def _in_words(refusal: Refusal) -> list[str]:
    """The sentences that people read elsewhere too, where this process has them and they say as much as the facts."""
    if refusal.code in TOLD_BY_FACTS or not getattr(sys.modules.get("django.apps"), "apps", _NOTHING).ready:
        return []
    wording: Any = import_module("chaveiro.wording")
    if wording.problem_title(refusal.code) == wording.problem_title("refused"):
        return []
    here = language()
    return [f"{refusal.code}: {wording.sentence(refusal, here)}", f"  {wording.what_to_do(refusal, here)}"]


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as they must be; a value that is None is shown as nothing."""
    lines = [list(headings), *(["" if value is None else str(value) for value in row] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(headings))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def card(facts: Mapping[str, object]) -> str:
    """One thing's facts, a line for each; lists on one line, nothing for None."""
    width = max(map(len, facts), default=0)
    return "\n".join(f"{name.ljust(width)}  {_said(value)}".rstrip() for name, value in facts.items())


def _said(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(_said, value))
        case Mapping():
            return ", ".join(f"{name} {_said(part)}" for name, part in value.items())
    return str(value)


class Progress:
    """A bar on stderr while it is a terminal; silence otherwise."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is; ends the line with the last one."""
        if not self._shown:
            return
        filled = 30 * done // total if total else 30
        end = "\n" if done >= total else ""
        sys.stderr.write(f"\r{self._what} [{'█' * filled}{'·' * (30 - filled)}] {done:,} / {total:,}{end}")
        sys.stderr.flush()
