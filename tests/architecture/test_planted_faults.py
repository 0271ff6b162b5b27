"""A check that has never failed proves nothing: each wall is broken once, on a copy of the tree, and seen to fall.

Before the faults, the untouched copy must pass; after each, it is put back as it was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

COPIED = ("src", "pyproject.toml", "tests/__init__.py", "tests/conftest.py", "tests/architecture")
BIN = Path(sys.executable).parent
CONTRACTS = (str(BIN / "lint-imports"), "--no-cache")
BANNED = (str(BIN / "ruff"), "check", "--no-cache", "--quiet", "--select", "TID251,DTZ,PLC0415", "src")
WALLS = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/architecture/test_walls.py")

RULEBOOK = "test_the_rulebook_knows_nothing_but_itself_and_the_standard_library"
CLOCK = "test_nothing_but_the_clock_adapter_reads_the_clock"
RELATIONS = "test_relations_point_downhill"
FUNCTION = "test_no_function_is_longer_than_fifty_lines"
FILE = "test_no_file_is_longer_than_four_hundred_lines"
DRAWER = "test_no_module_is_a_drawer"
REFUSALS = "test_every_refusal_has_a_code_of_its_own_and_a_sentence"
MIGRATIONS = "test_every_migration_says_what_it_does_and_knows_no_code_of_ours"
OURS = (RULEBOOK, CLOCK, RELATIONS, FUNCTION, FILE, DRAWER, REFUSALS, MIGRATIONS)


@dataclass(frozen=True, slots=True)
class Fault:
    """Text put at the end of a file, or into a new one; and what each check that must notice says of it."""

    what: str
    file: str
    text: str
    caught: tuple[tuple[tuple[str, ...], str], ...]


def by(command: tuple[str, ...], *said: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """A check that must fail, and words that must stand in what it says."""
    return tuple((command, one) for one in said)


def wall(test: str, said: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """One of our own tests that must fail, and words that must stand in what it says."""
    return by((*WALLS, "-k", test), said)


UPHILL = "from chaveiro.apps.closing import queries as planted"
MODEL = 'class Planted(models.Model):\n    """Planted."""\n\n    up = '
LONG_FUNCTION = "def planted() -> None:\n" + "    pass\n" * 50
LONG_FILE = '"""Planted."""\n' + "# a line\n" * 400

FAULTS = (
    Fault(
        "a rule imports Django",
        "rules/serials.py",
        "from django.db import models",
        wall(RULEBOOK, "serials.py:89 imports django.db"),
    ),
    Fault(
        "a rule imports a third-party package inside a function",
        "rules/terms.py",
        "def planted() -> None:\n    import structlog",
        (*wall(RULEBOOK, "imports structlog"), *by(BANNED, "PLC0415")),
    ),
    Fault("a rule reaches outside", "rules/terms.py", "import os", wall(RULEBOOK, "imports os, which reaches outside")),
    Fault("a rule imports a room", "rules/terms.py", "import chaveiro.apps.keys.queries", by(CONTRACTS, "Floors: ")),
    Fault("a low room imports a high one", "apps/journal/queries.py", UPHILL, by(CONTRACTS, "chaveiro.apps.closing")),
    Fault(
        "a low room imports a high one inside a function",
        "apps/journal/queries.py",
        f"def planted() -> None:\n    {UPHILL}",
        by(CONTRACTS, "chaveiro.apps.closing"),
    ),
    Fault(
        "a low room imports a high one for its types",
        "apps/journal/queries.py",
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {UPHILL}",
        by(CONTRACTS, "chaveiro.apps.closing"),
    ),
    Fault(
        "a foreign key points uphill, by its name",
        "apps/catalog/models.py",
        f'{MODEL}models.ForeignKey("redemption.Redemption", models.PROTECT)',
        wall(RELATIONS, "catalog.Planted.up points up to redemption"),
    ),
    Fault(
        "a many-to-many relation points uphill, by its name",
        "apps/catalog/models.py",
        f'{MODEL}models.ManyToManyField("keys.Key")',
        wall(RELATIONS, "catalog.Planted.up points up to keys"),
    ),
    Fault(
        "a door imports a model",
        "web/pages.py",
        "from chaveiro.apps.keys.models import Key",
        by(CONTRACTS, "chaveiro.web.pages is not allowed to import chaveiro.apps.keys.models"),
    ),
    Fault(
        "a door imports another door",
        "web/pages.py",
        "import chaveiro.api.problems",
        by(CONTRACTS, "chaveiro.web is not allowed to import chaveiro.api"),
    ),
    Fault(
        "a room imports an adapter",
        "apps/keys/queries.py",
        "import chaveiro.adapters.clock",
        by(CONTRACTS, "chaveiro.apps is not allowed to import chaveiro.adapters"),
    ),
    Fault(
        "models import actions",
        "apps/catalog/models.py",
        "import chaveiro.apps.catalog.actions",
        by(CONTRACTS, "chaveiro.apps.catalog.models is not allowed to import chaveiro.apps.catalog.actions"),
    ),
    Fault(
        "a rule reads the clock",
        "rules/lifecycle.py",
        "TODAY = date.today()",
        (*by(BANNED, "DTZ011"), *wall(CLOCK, "rules/lifecycle.py")),
    ),
    Fault(
        "an action reads the clock",
        "apps/catalog/actions.py",
        "import datetime\nINSTANT = datetime.datetime.now(datetime.UTC)",
        (*by(BANNED, "TID251"), *wall(CLOCK, "apps/catalog/actions.py")),
    ),
    Fault(
        "an action reads the framework's clock",
        "apps/catalog/actions.py",
        "from django.utils import timezone\nnow = timezone.now",
        (*by(BANNED, "TID251"), *wall(CLOCK, "apps/catalog/actions.py")),
    ),
    Fault(
        "a room listens to signals",
        "apps/catalog/actions.py",
        "from django.dispatch import receiver",
        by(BANNED, "no signals between rooms"),
    ),
    Fault(
        "a room has a utils.py",
        "apps/keys/utils.py",
        '"""Planted."""',
        (*by(CONTRACTS, "Furniture: "), *wall(DRAWER, "apps/keys/utils.py")),
    ),
    Fault(
        "a new room is not declared",
        "apps/loyalty/__init__.py",
        '"""Planted."""',
        by(CONTRACTS, "chaveiro.apps.loyalty"),
    ),
    Fault("a new module on no floor", "billing.py", '"""Planted."""', by(CONTRACTS, "chaveiro.billing")),
    Fault("a function of 51 lines", "rules/terms.py", LONG_FUNCTION, wall(FUNCTION, "planted has 51")),
    Fault("a file of 401 lines", "rules/planted.py", LONG_FILE, wall(FILE, "rules/planted.py")),
    Fault(
        "two refusals share a code",
        "rules/errors.py",
        'class Planted(Refusal):\n    """Planted."""\n\n    code = "not_found"',
        wall(REFUSALS, "not_found"),
    ),
    Fault(
        "a migration has no name",
        "apps/keys/migrations/0099_auto_20261122.py",
        '"""Planted."""',
        wall(MIGRATIONS, "0099_auto_20261122.py"),
    ),
    Fault(
        "a migration imports our code",
        "apps/keys/migrations/0002_walls.py",
        "from chaveiro.rules import serials",
        wall(MIGRATIONS, "imports chaveiro.rules"),
    ),
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the tree that may be broken."""

    root: Path

    def run(self, command: tuple[str, ...]) -> tuple[int, str]:
        """A check's exit code, and everything that it said on lines that are not broken where a screen ends."""
        environment = {**os.environ, "PYTHONPATH": str(self.root / "src"), "COLUMNS": "200"}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The copy, which every check finds in order."""
    root = tmp_path_factory.mktemp("tree")
    for part in COPIED:
        source, target = ROOT / part, root / part
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    made = Copy(root)
    for command in (CONTRACTS, BANNED, (*WALLS, "-k", " or ".join(OURS))):
        code, said = made.run(command)
        assert code == 0, f"the untouched copy does not hold: {said[-2000:]}"
    yield made
    code, said = made.run(CONTRACTS)
    assert code == 0, f"a fault was left behind: {said}"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_planted_fault_is_caught(copy: Copy, fault: Fault) -> None:
    file = copy.root / "src" / "chaveiro" / fault.file
    before = file.read_bytes() if file.exists() else None
    file.parent.mkdir(exist_ok=True)
    text = b"" if before is None else before + b"\n\n"
    file.write_bytes(text + fault.text.encode() + b"\n")
    try:
        for command, expected in fault.caught:
            code, said = copy.run(command)
            assert code == 1, f"not caught by {Path(command[0]).name}: {said[-2000:]}"
            assert expected in said
    finally:
        if before is None:
            file.unlink()
            if file.name == "__init__.py":
                shutil.rmtree(file.parent)
        else:
            file.write_bytes(before)
