"""The walls of the house: who may know whom, what no rule may touch, how large a thing may grow.

Read from the tree and from the models; no database is asked. `test_planted_faults` breaks each on a copy.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import django.apps
from django.conf import settings
from django.db.models import Field, Model

from tests.architecture import tree

STANDARD_LIBRARY = sys.stdlib_module_names
# Parts of the standard library that reach outside: no rule opens a file, a socket, a process, or the environment.
WORLD = {"os", "io", "pathlib", "socket", "ssl", "subprocess", "threading", "random", "secrets", "tempfile", "shutil"}
WORLD |= {"urllib.request", "http.client", "smtplib", "sqlite3", "asyncio", "multiprocessing", "time", "uuid.uuid4"}

# The rule's verdict and the limit's refusal ask the same of whoever gets it: come back later.
SHARED_CODES = {"try_later": ["Contention", "TooMany"]}
CARRIERS = {"Fault"}  # says the code of the refusal that it carries


def test_every_import_contract_holds() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(tree.ROOT / "src")}
    done = subprocess.run(
        [program, "--no-cache"], cwd=tree.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_settings_and_the_contract_name_the_same_rooms() -> None:
    assert tree.rooms()[::-1] == settings.ROOMS, "from the lowest to the highest"
    folders = {path.name for path in tree.ROOMS.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(tree.rooms())


# ── relations ──


def relations(model: type[Model]) -> Iterator[tuple[str, type[Model]]]:
    """The rows that a model points to, by foreign key, one to one, or many to many, with the field's name."""
    for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
        if isinstance(field, Field) and field.remote_field is not None:
            yield field.name, field.remote_field.model
            through = getattr(field.remote_field, "through", None)
            if through is not None:
                yield field.name, through


def test_relations_point_downhill() -> None:
    height = {room: place for place, room in enumerate(reversed(tree.rooms()))}
    uphill, seen = [], 0
    for room in tree.rooms():
        for model in django.apps.apps.get_app_config(room).get_models(include_auto_created=True):
            for field, target in relations(model):
                seen += 1
                # A relation that names a model which does not exist stays a piece of text.
                named = target if isinstance(target, str) else target._meta.app_label
                if height.get(named, len(height)) > height[room]:
                    uphill.append(f"{room}.{model.__name__}.{field} points up to {named}")
    assert not uphill
    assert seen > 20, "the models are not where this test looks"


# ── the rulebook ──


def test_the_rulebook_knows_nothing_but_itself_and_the_standard_library() -> None:
    faults = []
    for path in tree.modules(tree.SOURCE / "rules"):
        for imported, line in tree.imported(tree.parsed(path)):
            if imported == "chaveiro.rules" or imported.startswith("chaveiro.rules."):
                continue
            if imported.partition(".")[0] not in STANDARD_LIBRARY:
                faults.append(f"{tree.name(path)}:{line} imports {imported}")
            elif imported in WORLD or imported.partition(".")[0] in WORLD:
                faults.append(f"{tree.name(path)}:{line} imports {imported}, which reaches outside")
    assert not faults


def test_the_rulebook_loads_without_django() -> None:
    places = [path.relative_to(tree.SOURCE.parent).with_suffix("") for path in tree.modules(tree.SOURCE / "rules")]
    names = [".".join(place.parts).removesuffix(".__init__") for place in places]
    program = f"import sys; sys.path.insert(0, {str(tree.ROOT / 'src')!r}); "
    program += f"[__import__(name) for name in {names!r}]; print('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_nothing_but_the_clock_adapter_reads_the_clock() -> None:
    clock = tree.SOURCE / "adapters" / "clock.py"
    reads = {path: list(tree.clock_reads(tree.parsed(path))) for path in tree.modules()}
    assert reads.pop(clock), "the clock itself is not where this test looks"
    assert [f"{tree.name(path)}:{line}" for path, lines in reads.items() for line in lines] == []


# ── sizes and names ──


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = []
    for path in tree.modules():
        for function in tree.functions(tree.parsed(path)):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > tree.FUNCTION_LINES_AT_MOST:
                long.append(f"{tree.name(path)}:{function.lineno} {function.name} has {lines}")
    assert not long


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    sizes = {tree.name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in tree.modules()}
    assert {file: lines for file, lines in sizes.items() if lines > tree.FILE_LINES_AT_MOST} == {}


def test_no_module_is_a_drawer() -> None:
    assert [tree.name(path) for path in tree.modules() if path.stem in tree.NOUNLESS] == []
    folders = [path for path in tree.SOURCE.rglob("*") if path.is_dir() and path.name in tree.NOUNLESS]
    assert [tree.name(path) for path in folders] == []


def test_every_module_but_an_empty_one_opens_with_a_sentence() -> None:
    silent = [path for path in tree.modules() if not ast.get_docstring(tree.parsed(path))]
    assert [tree.name(path) for path in silent if path.read_text(encoding="utf-8").strip()] == []


# ── refusals ──


def bases_of(kind: ast.ClassDef) -> set[str]:
    """The names of the classes that a class stands on, without their modules."""
    return {ast.unparse(base).rpartition(".")[2] for base in kind.bases}


def refusals() -> list[ast.ClassDef]:
    """Every class of the program that is a refusal, the families (KeyRefused) among them."""
    trees = [tree.parsed(path) for path in tree.modules()]
    classes = [node for module in trees for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    names = {"Refusal"}
    while True:
        below = [kind for kind in classes if bases_of(kind) & names]
        if {kind.name for kind in below} <= names:
            return below
        names |= {kind.name for kind in below}


def code_of(kind: ast.ClassDef) -> str | None:
    """The code that a refusal gives itself."""
    for node in kind.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                return code
            case ast.AnnAssign(target=ast.Name(id="code"), value=ast.Constant(value=str(code))):
                return code
    return None


def test_every_refusal_has_a_code_of_its_own_and_a_sentence() -> None:
    found = refusals()
    families = set().union(*(bases_of(kind) for kind in found))
    codes: dict[str | None, list[str]] = defaultdict(list)
    for kind in found:
        summary = (ast.get_docstring(kind) or "").partition("\n")[0]
        assert summary.endswith((".", ")")), f"{kind.name} does not say what it means in a sentence"
        if kind.name not in families | CARRIERS:
            codes[code_of(kind)].append(kind.name)
    assert len(codes) > 60, "the refusals are not where this test looks"
    assert {code: sorted(names) for code, names in codes.items() if len(names) > 1 or code is None} == SHARED_CODES


# ── actions and their tests ──


def test_every_action_is_named_by_a_test() -> None:
    """By a test that imports from the action's room. Its own room may name it instead: a part of an action that is."""
    tests = [path for path in tree.modules(tree.TESTS) if path.parent.name != "architecture"]
    imports = {path: [module for module, _ in tree.imported(tree.parsed(path))] for path in tests}
    forgotten = []
    for room in tree.rooms():
        within = [tree.ROOMS / room / "actions.py", *(tree.ROOMS / room / "actions").glob("*.py")]
        written = [path for path in within if path.is_file()]
        home = f"chaveiro.apps.{room}"
        looking = [path for path in tests if any(module.startswith(home) for module in imports[path])]
        named = set().union(*(tree.names_used(path) for path in (*written, *looking)))
        forgotten += [f"{room}.{name}" for path in written for name in tree.public_functions(path) if name not in named]
    assert not forgotten


# ── migrations ──


def test_every_migration_says_what_it_does_and_knows_no_code_of_ours() -> None:
    found = tree.migrations()
    assert len(found) > 20, "the migrations are not where this test looks"
    unnamed = [tree.name(path) for path in found if not re.fullmatch(r"\d{4}_[a-z]+(_[a-z]+)*", path.stem)]
    unnamed += [tree.name(path) for path in found if "_auto" in path.stem]
    assert not unnamed
    tied = [
        f"{tree.name(path)}:{line} imports {imported}"
        for path in found
        for imported, line in tree.imported(tree.parsed(path))
        if imported.startswith((".", "chaveiro"))
    ]
    assert not tied
