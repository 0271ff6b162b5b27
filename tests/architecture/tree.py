"""The source tree as text and syntax: what the walls that no import linter sees are looked for in."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "chaveiro"
ROOMS = SOURCE / "apps"
TESTS = ROOT / "tests"

# From 3-architecture.md.
FUNCTION_LINES_AT_MOST = 50
FILE_LINES_AT_MOST = 400
NOUNLESS = {"utils", "util", "helpers", "helper", "common", "constants", "misc"}

# Reading either is for adapters/clock.py alone; `time.monotonic` measures a wait and tells no day.
CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "localtime"),
    ("time", "gmtime"),
    ("timezone", "now"),
    ("timezone", "localdate"),
    ("timezone", "localtime"),
}


def modules(folder: Path | None = None) -> list[Path]:
    """Every module below a folder (ours all), migrations aside: those are written once and never read again."""
    folder = folder or SOURCE
    return sorted(path for path in folder.rglob("*.py") if "migrations" not in path.relative_to(folder).parts)


def migrations() -> list[Path]:
    """Every migration of ours."""
    return sorted(path for path in ROOMS.glob("*/migrations/*.py") if path.stem != "__init__")


@cache
def parsed(path: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    """A path as people read it, from the root of the tree."""
    return path.relative_to(ROOT).as_posix()


def plan() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def contract(wanted: str) -> dict[str, Any]:
    """One import contract by its id."""
    contracts = plan()["tool"]["importlinter"]["contracts"]
    found: dict[str, Any] = next(one for one in contracts if one["id"] == wanted)
    return found


def rooms() -> list[str]:
    """The rooms from top to bottom, as the contract has them."""
    found: list[str] = contract("rooms")["layers"]
    return found


def imported(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Every import of a module with its line: at the top, in a function, under TYPE_CHECKING, by importlib's names."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module or ''}", node.lineno
        elif isinstance(node, ast.Call) and called(node)[1] in {"import_module", "__import__"}:
            first = node.args[0] if node.args else None
            yield str(first.value) if isinstance(first, ast.Constant) else "something unsaid", node.lineno


def called(node: ast.Call) -> tuple[str, str]:
    """What stands before the last point of a call, and what after it: `datetime.datetime.now()` is (datetime, now)."""
    match node.func:
        case ast.Attribute(value=ast.Attribute(attr=before), attr=after):
            return before, after
        case ast.Attribute(value=ast.Name(id=before), attr=after):
            return before, after
        case ast.Name(id=after):
            return "", after
    return "", ""


def clock_reads(module: ast.Module) -> Iterator[int]:
    """The lines on which a clock is read, or its reading function is handed on."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            value = node.value
            before = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
            if (before, node.attr) in CLOCKS:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for alias in node.names if ("time", alias.name) in CLOCKS)


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, inner ones too."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public_functions(path: Path) -> list[str]:
    """The functions that a module offers."""
    return [
        node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


@cache
def names_used(path: Path) -> frozenset[str]:
    """Every name that a module uses, as a plain name or after a point; not those that it only imports or defines."""
    used = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Name):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
    return frozenset(used)


def identifiers(path: Path) -> Iterator[tuple[str, int]]:
    """Every name that a module gives, to modules, classes, functions, arguments, variables and fields."""
    yield path.stem, 1
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def words(identifier: str) -> list[str]:
    """`openCustomer_prefix` is open, customer, prefix."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)]
