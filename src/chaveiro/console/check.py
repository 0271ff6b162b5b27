"""`chaveiro check`: every invariant held against the database, in one moment, by a role that can only read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.adapters import clock
from chaveiro.apps.closing.queries import ASSERTIONS, TOLD_AT_MOST, Assertion, Ground, Violation, broken, snapshot
from chaveiro.console import output
from chaveiro.console.output import Exit

INVARIANTS = tuple(dict.fromkeys(assertion.id for assertion in ASSERTIONS))
CHECKPOINT_BYTES_AT_MOST = 1_000_000


@click.command()
@click.option("--only", multiple=True, type=click.Choice(INVARIANTS), help="One invariant; may be given again.")
@output.json_option
def check(only: tuple[str, ...], as_json: bool) -> Exit:
    """Hold the invariants K1 to K5, L1, L2, A1, N1, N2, P1 to P3, H1 and S1 against the database; print what is broken.

    Read only, in one snapshot: it may run beside everything. Exit 1 if anything is broken.
    """
    asked = [assertion for assertion in ASSERTIONS if not only or assertion.id in only]
    with snapshot():
        told = [(assertion, broken(assertion, _ground())) for assertion in asked]
    (_print_json if as_json else _print)(told)
    return Exit.FAILED if any(violations for _, violations in told) else Exit.DONE


def _ground() -> Ground:
    return Ground(
        day=clock.platform_day(clock.now(), settings.PLATFORM_TIME_ZONE),
        digesters=wiring.digesters(settings.KEY_PEPPERS),
        reader=wiring.keyring(),
        outside=tuple(_checkpoints(settings.DATA_FOLDER / "checkpoints")),
        secrets=dict(_secrets()),
        keys=wiring.data_keys(),
    )


def _checkpoints(folder: Path) -> Iterator[str]:
    """The checkpoints that this machine kept outside the database, one a file."""
    for file in sorted(folder.glob("*.jws")):
        if file.stat().st_size <= CHECKPOINT_BYTES_AT_MOST:
            yield from filter(None, map(str.strip, file.read_text(encoding="ascii", errors="replace").splitlines()))


def _secrets() -> Iterator[tuple[str, str]]:
    """The texts that must stand nowhere in the database, under the names of their settings."""
    yield "CHAVEIRO_SECRET_KEY", settings.SECRET_KEY
    for name in ("KEY_PEPPERS", "VAULT_KEYS"):
        for version in getattr(settings, name).split(","):
            secret = version.partition(":")[2].rstrip("=")
            if secret:
                yield f"CHAVEIRO_{name}", secret
    for line in settings.SIGNING_KEYS.replace("\\n", "\n").splitlines():
        if line and not line.startswith("-----"):
            yield "CHAVEIRO_SIGNING_KEYS", line


def _print_json(told: list[tuple[Assertion, list[Violation]]]) -> None:
    assertions: list[dict[str, Any]] = [
        {"id": assertion.id, "name": assertion.name, "meaning": assertion.meaning, "broken": len(violations)}
        for assertion, violations in told
    ]
    found = [violation.to_dict() for _, violations in told for violation in violations]
    output.write_json({"clean": not found, "assertions": assertions, "violations": found})


def _print(told: list[tuple[Assertion, list[Violation]]]) -> None:
    for assertion, violations in told:
        output.write(f"{'✗' if violations else '✓'} {assertion.id} {assertion.meaning}")
        for violation in violations:
            facts = ", ".join(f"{name} {value}" for name, value in violation.facts.items() if value is not None)
            output.write(f"    {violation.assertion}: {facts}")
        if len(violations) == TOLD_AT_MOST:
            output.write(f"    …and perhaps more: {TOLD_AT_MOST} are told at most")
