"""A check that has never failed proves nothing: each wall is broken once, on a copy of the tree, and seen to fall.

The untouched copy must pass each check that is used; after each fault it is put back as it was.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture import test_walls as walls
from tests.architecture import tree
from tests.architecture.tree import ROOT

COPIED = ("src", "pyproject.toml", "tests/__init__.py", "tests/conftest.py", "tests/architecture")
BIN = Path(sys.executable).parent

Command = tuple[str, ...]
Wall = Callable[[], None]

CONTRACTS: Command = (str(BIN / "lint-imports"), "--no-cache")
BANNED: Command = (str(BIN / "ruff"), "check", "--no-cache", "--quiet", "--select", "TID251,DTZ,PLC0415", "src")
# What is looked for in loaded models needs a process of its own; what is read from the tree does not.
RELATIONS: Command = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "tests/architecture/test_walls.py",
)
RELATIONS += ("-k", walls.test_relations_point_downhill.__name__)

RULEBOOK = walls.test_the_rulebook_knows_nothing_but_itself_and_the_standard_library
CLOCK = walls.test_nothing_but_the_clock_adapter_reads_the_clock
FUNCTION = walls.test_no_function_is_longer_than_fifty_lines
FILE = walls.test_no_file_is_longer_than_four_hundred_lines
DRAWER = walls.test_no_module_is_a_drawer
REFUSALS = walls.test_every_refusal_has_a_code_of_its_own_and_a_sentence
MIGRATIONS = walls.test_every_migration_says_what_it_does_and_knows_no_code_of_ours
READ: tuple[Wall, ...] = (RULEBOOK, CLOCK, FUNCTION, FILE, DRAWER, REFUSALS, MIGRATIONS)


@dataclass(frozen=True, slots=True)
class Fault:
    """Text put at the end of a file, or into a new one; which checks must notice, and what each says of it."""

    what: str
    file: str
    text: str
    caught: tuple[tuple[Command | Wall, str], ...]


UPHILL = "from chaveiro.apps.closing import queries as planted"
MODEL = 'class Planted(models.Model):\n    """Planted."""\n\n    up = '
LONG_FUNCTION = "def planted() -> None:\n" + "    pass\n" * 50
LONG_FILE = '"""Planted."""\n' + "# a line\n" * 400

FAULTS = (
    Fault(
        "a rule imports Django",
        "rules/serials.py",
        "from django.db import models",
        ((RULEBOOK, "rules/serials.py"),),
    ),
    Fault(
        "a rule imports a third-party package inside a function",
        "rules/terms.py",
        "def planted() -> None:\n    import structlog",
        ((RULEBOOK, "imports structlog"), (BANNED, "PLC0415")),
    ),
    Fault("a rule reaches outside", "rules/terms.py", "import os", ((RULEBOOK, "imports os, which reaches outside"),)),
    Fault("a rule imports a room", "rules/terms.py", "import chaveiro.apps.keys.queries", ((CONTRACTS, "Floors: "),)),
    Fault("a low room imports a high one", "apps/journal/queries.py", UPHILL, ((CONTRACTS, "chaveiro.apps.closing"),)),
    Fault(
        "a low room imports a high one inside a function",
        "apps/journal/queries.py",
        f"def planted() -> None:\n    {UPHILL}",
        ((CONTRACTS, "chaveiro.apps.closing"),),
    ),
    Fault(
        "a low room imports a high one for its types",
        "apps/journal/queries.py",
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {UPHILL}",
        ((CONTRACTS, "chaveiro.apps.closing"),),
    ),
    Fault(
        "a foreign key points uphill, by its name",
        "apps/catalog/models.py",
        f'{MODEL}models.ForeignKey("redemption.Redemption", models.PROTECT)',
        ((RELATIONS, "catalog.Planted.up points up to redemption"),),
    ),
    Fault(
        "a many-to-many relation points uphill, by its name",
        "apps/catalog/models.py",
        f'{MODEL}models.ManyToManyField("keys.Key")',
        ((RELATIONS, "catalog.Planted.up points up to keys"),),
    ),
    Fault(
        "a door imports a model",
        "web/pages.py",
        "from chaveiro.apps.keys.models import Key",
        ((CONTRACTS, "chaveiro.web.pages -> chaveiro.apps.keys.models"),),
    ),
    Fault(
        "a door imports another door",
        "web/pages.py",
        "import chaveiro.api.problems",
        ((CONTRACTS, "chaveiro.web is not allowed to import chaveiro.api"),),
    ),
    Fault(
        "a room imports an adapter",
        "apps/keys/queries.py",
        "import chaveiro.adapters.clock",
        ((CONTRACTS, "chaveiro.apps is not allowed to import chaveiro.adapters"),),
    ),
    Fault(
        "models import actions",
        "apps/catalog/models.py",
        "import chaveiro.apps.catalog.actions",
        ((CONTRACTS, "chaveiro.apps.catalog.models is not allowed to import chaveiro.apps.catalog.actions"),),
    ),
    Fault(
        "a rule reads the clock",
        "rules/lifecycle.py",
        "TODAY = date.today()",
        ((BANNED, "DTZ011"), (CLOCK, "rules/lifecycle.py")),
    ),
    Fault(
        "an action reads the clock",
        "apps/catalog/actions.py",
        "import datetime\nINSTANT = datetime.datetime.now(datetime.UTC)",
        ((BANNED, "TID251"), (CLOCK, "apps/catalog/actions.py")),
    ),
    Fault(
        "an action reads the framework's clock",
        "apps/catalog/actions.py",
        "from django.utils import timezone\nnow = timezone.now",
        ((BANNED, "TID251"), (CLOCK, "apps/catalog/actions.py")),
    ),
    Fault(
        "a room listens to signals",
        "apps/catalog/actions.py",
        "from django.dispatch import receiver",
        ((BANNED, "no signals between rooms"),),
    ),
    Fault(
        "a room has a utils.py",
        "apps/keys/utils.py",
        '"""Planted."""',
        ((CONTRACTS, "Furniture: "), (DRAWER, "apps/keys/utils.py")),
    ),
    Fault(
        "a new room is not declared",
        "apps/loyalty/__init__.py",
        '"""Planted."""',
        ((CONTRACTS, "chaveiro.apps.loyalty"),),
    ),
    Fault("a new module on no floor", "billing.py", '"""Planted."""', ((CONTRACTS, "chaveiro.billing"),)),
    Fault("a function of 51 lines", "rules/terms.py", LONG_FUNCTION, ((FUNCTION, "planted has 51"),)),
    Fault("a file of 401 lines", "rules/planted.py", LONG_FILE, ((FILE, "rules/planted.py"),)),
    Fault(
        "two refusals share a code",
        "rules/errors.py",
        'class Planted(Refusal):\n    """Planted."""\n\n    code = "not_found"',
        ((REFUSALS, "not_found"),),
    ),
    Fault(
        "a migration has no name",
        "apps/keys/migrations/0099_auto_20261122.py",
        '"""Planted."""',
        ((MIGRATIONS, "0099_auto_20261122.py"),),
    ),
    Fault(
        "a migration imports our code",
        "apps/keys/migrations/0002_walls.py",
        "from chaveiro.rules import serials",
        ((MIGRATIONS, "imports chaveiro.rules"),),
    ),
)


def run(root: Path, command: Command) -> tuple[int, str]:
    """A command's exit code in a tree, and what it said, on one line."""
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def looking_at_the_copy(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Our own walls read the copy instead of the tree."""
    for name, place in (("ROOT", "."), ("SOURCE", "src/chaveiro"), ("ROOMS", "src/chaveiro/apps")):
        monkeypatch.setattr(tree, name, copy / place)
    tree.parsed.cache_clear()
    yield
    tree.parsed.cache_clear()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree that may be broken."""
    root = tmp_path_factory.mktemp("tree").resolve()
    for part in COPIED:
        source, target = ROOT / part, root / part
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return root


@pytest.mark.parametrize("command", [CONTRACTS, BANNED, RELATIONS], ids=["contracts", "banned", "relations"])
def test_a_command_passes_the_untouched_copy(copy: Path, command: Command) -> None:
    code, said = run(copy, command)
    assert code == 0, said[-2000:]


@pytest.mark.usefixtures("looking_at_the_copy")
@pytest.mark.parametrize("wall", READ, ids=lambda wall: wall.__name__.removeprefix("test_"))
def test_a_wall_stands_on_the_untouched_copy(wall: Wall) -> None:
    wall()


@pytest.mark.usefixtures("looking_at_the_copy")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_planted_fault_is_caught(copy: Path, fault: Fault) -> None:
    file = copy / "src" / "chaveiro" / fault.file
    before = file.read_bytes() if file.exists() else None
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((before or b"") + f"\n\n{fault.text}\n".encode())
    try:
        for check, expected in fault.caught:
            if isinstance(check, tuple):
                code, said = run(copy, check)
                assert code == 1, f"not caught: {said[-2000:]}"
                assert expected in said
            else:
                with pytest.raises(AssertionError, match=re.escape(expected)):
                    check()
    finally:
        if before is not None:
            file.write_bytes(before)
        elif file.name == "__init__.py":
            shutil.rmtree(file.parent)
        else:
            file.unlink()
