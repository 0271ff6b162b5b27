"""What is written about the house agrees with the house: licences, settings, map, words, decisions, links."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

import django.apps
import pytest
from django.conf import settings

from chaveiro.adapters.database_roles import KEEPER, LOGIN_ROLES
from chaveiro.config.environment import SETTINGS
from chaveiro.console.main import COMMANDS
from chaveiro.web import health
from tests.architecture import tree
from tests.architecture.tree import ROOT

DOCS = ROOT / "docs"
LOCKS = ("requirements.txt", "requirements-test.txt", "script/uv.txt")
# The documents of the house. What is generated, and help for people, has tests of its own.
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(DOCS / "decisions").glob("*.md")])


def read(path: Path) -> str:
    """A file's text."""
    return path.read_text(encoding="utf-8")


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading that begins so, without its own heading."""
    _, found, after = text.partition(f"\n{heading}")
    assert found, f"there is no {heading!r}"
    rows = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert rows is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]


# ── licences ──

ACCEPTED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0"}
SENTENCES = {
    "Permission is hereby granted, free of charge": "MIT",
    "Neither the name": "BSD-3-Clause",
    "Licensed under the Apache License, Version 2.0": "Apache-2.0",
    "Mozilla Public License Version 2.0": "MPL-2.0",
}
TWO_CLAUSES = "Redistributions in binary form must reproduce"  # and no third one that begins "Neither the name"


def locked() -> list[str]:
    """The packages of the runtime lock."""
    return re.findall(r"^([a-z0-9-]+)==", read(ROOT / "requirements.txt"), re.MULTILINE)


def licence_said_by(package: Distribution) -> str:
    """A package's licence as it says it: by expression, in a word, or by its licence's own sentences."""
    words = package.metadata.json
    said = str(words.get("license_expression") or words.get("license") or "")
    if set(re.split(r" (?:OR|AND) ", said)) <= ACCEPTED:
        return said
    own = [file for file in package.files or () if ".dist-info" in str(file.parent)]
    files = [file for file in own if file.name.upper().startswith(("LICENSE", "COPYING"))]
    texts = " ".join(" ".join(Path(str(package.locate_file(file))).read_text("utf-8").split()) for file in files)
    found = [name for sentence, name in SENTENCES.items() if sentence in texts]
    if TWO_CLAUSES in texts and "BSD-3-Clause" not in found:
        found.append("BSD-2-Clause")
    return " AND ".join(dict.fromkeys(found))


def test_every_dependency_is_on_the_page_of_licences_as_it_says_itself() -> None:
    page = {row[0]: row[1] for row in table(read(DOCS / "licences.md"), "Accepted:")}
    assert len(page) > 20
    assert page == {name: licence_said_by(distribution(name)) for name in locked()}


def test_every_licence_is_one_that_apache_2_may_stand_on() -> None:
    page = table(read(DOCS / "licences.md"), "Accepted:")
    assert {part for row in page for part in re.split(r" (?:OR|AND) ", row[1])} <= ACCEPTED


def test_the_licence_of_the_house_is_whole() -> None:
    text = read(ROOT / "LICENSE")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert len(text.split()) > 1500, "the whole text, its appendix too"
    assert tree.plan()["project"]["license"] == "Apache-2.0"


# ── locks and addresses ──


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_a_hash_for_everything_and_no_address(lock: str) -> None:
    text = read(ROOT / lock)
    assert "://" not in text
    for requirement in re.split(r"\n(?=[a-z0-9])", text.strip()):
        if not requirement.startswith("#"):
            assert "--hash=sha256:" in requirement, requirement.partition(" ")[0]


# Names of a vocabulary, which nothing fetches.
NAMESPACES = ("http://www.w3.org/",)


def foreign_addresses(text: str) -> list[str]:
    """Addresses of other hosts, with a scheme or without."""
    with_scheme = re.findall(r"""[a-z]+://[^\s"'<>)]+""", text)
    without = re.findall(r"""(?:src|href|action|url)\s*[=(]\s*["']?(//[^\s"'<>)]+)""", text)
    return [address for address in (*with_scheme, *without) if not address.startswith(NAMESPACES)]


def test_no_page_fetches_anything_from_another_host() -> None:
    folders = [*tree.SOURCE.rglob("templates"), *tree.SOURCE.rglob("static")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5, "templates and static files are not where this test looks"
    found = {tree.name(path): foreign_addresses(read(path)) for path in files}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


def test_a_foreign_address_would_be_seen() -> None:
    assert foreign_addresses('<script src="//elsewhere.example/x.js">') == ["//elsewhere.example/x.js"]
    assert foreign_addresses("@import url(https://elsewhere.example/font.css)") == [
        "https://elsewhere.example/font.css"
    ]
    assert foreign_addresses('<svg xmlns="http://www.w3.org/2000/svg"><a href="/home">') == []


# ── settings ──


def test_every_setting_is_on_its_page() -> None:
    text = read(DOCS / "settings.md")
    assert [setting.variable for setting in SETTINGS if f"| `{setting.variable}` |" not in text] == []


def test_every_variable_that_is_read_is_written_about() -> None:
    known = {setting.variable for setting in SETTINGS}
    written = known | {f"{variable}_FILE" for variable in known}
    written |= set(re.findall(r"CHAVEIRO_[A-Z_]+[A-Z]", read(DOCS / "operate.md") + read(ROOT / "CONTRIBUTING.md")))
    scripts = [path for path in (ROOT / "script").iterdir() if path.suffix != ".txt"]
    used = {
        variable
        for path in (*tree.modules(), *scripts)
        for variable in re.findall(r"CHAVEIRO_[A-Z_]+[A-Z]", read(path))
    }
    assert len(used) > 10
    assert used - written == set()


# ── the map ──


def test_the_map_names_every_floor_room_role_and_table() -> None:
    text = read(DOCS / "map.md")
    floors = [name.strip() for layer in tree.contract("floors")["layers"] for name in layer.split("|")]
    tables = [
        model._meta.db_table
        for room in settings.ROOMS
        for model in django.apps.apps.get_app_config(room).get_models(include_auto_created=True)
    ]
    names = [*floors, *tree.rooms(), *LOGIN_ROLES, KEEPER, *tables]
    assert len(tables) > 25, "the models are not where this test looks"
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_the_map_s_functions_exist() -> None:
    """In the table of a key's journey, what is written as `module.function` or `sql_function` is there."""
    journey = "\n".join(" ".join(row[1:]) for row in table(read(DOCS / "map.md"), "## The journey of a key"))
    written = re.findall(r"`([a-z_]+(?:\.[a-z_]+)*)`", journey)
    assert len(written) > 10
    python = {
        f"{path.stem if path.stem != '__init__' else path.parent.name}.{name}"
        for path in tree.modules()
        for name in tree.public_functions(path)
    }
    python |= {
        f"{path.parent.parent.name}.{name}"
        for path in tree.ROOMS.glob("*/actions/*.py")
        for name in tree.public_functions(path)
    }
    python |= {
        f"{path.parent.name}.{name}" for path in tree.ROOMS.glob("*/*.py") for name in tree.public_functions(path)
    }
    sql = {name for path in tree.migrations() for name in re.findall(r"CREATE FUNCTION (\w+)\(", read(path))}
    rules = {
        f"{path.parent.name}.{name}"
        for path in (tree.SOURCE / "rules").glob("*/*.py")
        for name in tree.public_functions(path)
    }
    assert [name for name in written if name not in python | sql | rules] == []


# ── words ──


def test_no_name_in_the_code_is_a_word_that_the_glossary_forbids() -> None:
    forbidden = {row[0].strip("`"): row[1] for row in table(read(DOCS / "glossary.md"), "## Not in code")}
    assert len(forbidden) > 5
    found = [
        f"{tree.name(path)}:{line} {identifier}: say {forbidden[word]}"
        for path in tree.modules()
        for identifier, line in tree.identifiers(path)
        for word in tree.words(identifier)
        if word in forbidden
    ]
    assert found == []


def test_no_sentence_in_portuguese_has_a_word_that_the_glossary_forbids() -> None:
    rows = table(read(DOCS / "glossary.md"), "## Never in Portuguese")
    forbidden = [word.strip() for row in rows for word in row[0].split(",")]
    assert len(forbidden) > 10
    pattern = re.compile(rf"\b({'|'.join(forbidden)})\b", re.IGNORECASE)
    catalogues = list((tree.SOURCE / "locale").glob("pt*/LC_MESSAGES/*.po"))
    assert catalogues, "the Portuguese catalogue is not where this test looks"
    found = []
    for path in catalogues:
        for block in re.findall(r'^msgstr(?:\[\d\])? ("(?:.|\n)*?")\n(?=\n|msg|#|\Z)', read(path), re.MULTILINE):
            found += pattern.findall("".join(re.findall(r'"(.*)"', block)))
    assert found == []


# ── decisions and links ──

PARTS = ["Context", "Decision", "Consequences", "Alternatives"]


def test_every_decision_has_its_number_its_status_and_its_four_parts() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    assert len(decisions) > 10
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = read(path)
        assert re.fullmatch(r"\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.md", path.name), path.name
        assert re.match(r"# .+\n\nStatus: (accepted|superseded by \[?\d{4}.*)\n\n", text), path.name
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS, path.name


def test_a_decision_that_the_code_names_exists() -> None:
    numbers = {path.name[:4] for path in (DOCS / "decisions").glob("*.md")}
    named = {
        (tree.name(path), number) for path in tree.modules() for number in re.findall(r"decision (\d{4})", read(path))
    }
    assert {one for one in named if one[1] not in numbers} == set()


def anchor(heading: str) -> str:
    """How a heading is named in a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=tree.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, part = target.partition("#")
        wanted = (page.parent / path).resolve() if path else page
        assert wanted.exists(), f"{tree.name(page)} links to {target}"
        if part:
            headings = re.findall(r"^#+ (.+)$", read(wanted), re.MULTILINE)
            assert part in map(anchor, headings), f"{tree.name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=tree.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|script|\.ci|[a-z]+)/[\w./-]*\w)`", read(page))
    lost = [name for name in named if not (ROOT / name).exists() and not (tree.SOURCE / name).exists()]
    assert [name for name in lost if name.partition("/")[0] not in {"pginstall"}] == []


@pytest.mark.parametrize("page", PAGES, ids=tree.name)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    verbs = {place.words for place in COMMANDS}
    nouns = {words[0] for words in verbs if len(words) > 1}
    for noun, verb in re.findall(
        r"(?:^ {4,}|`|script/|NEW )chaveiro ([a-z]+)(?: ([a-z-]+))?", read(page), re.MULTILINE
    ):
        assert ((noun, verb) if noun in nouns else (noun,)) in verbs, f"chaveiro {noun} {verb}"


def test_every_reason_and_figure_is_on_the_operators_page() -> None:
    text = read(DOCS / "operate.md")
    assert [reason for reason in health.REASONS if f"`{reason}`" not in text] == []
    alarms = set(re.findall(r"`chaveiro_([a-z_]+)", text))
    assert len(alarms) > 4
    assert alarms - set(health.FIGURES) == {"database_up"}


def test_the_readme_says_in_its_first_lines_what_this_is_not() -> None:
    first = " ".join(read(ROOT / "README.md").splitlines()[:14])
    assert "does not talk to Microsoft" in first
    for command in ("script/demo", "script/test"):
        assert command in read(ROOT / "README.md")
        assert (ROOT / command).is_file()
