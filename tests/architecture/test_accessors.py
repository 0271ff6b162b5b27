"""The second layer of isolation: what a room reads, changes or deletes goes through the table's accessor.

Read from the tree: the ORM by `seen(Model)`, SQL by a `seen_…()` that names the columns of the very table. That they
say the right thing is tests/isolation.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator

import django.apps
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Model

from tests.architecture import tree

# Tables that tell the same to everybody who has any scope at all, or that no door's role may read.
OPEN = {
    "catalog_policy": "what is published",
    "catalog_product": "what is published",
    "catalog_productversion": "what is published",
    "journal_checkpoint": "signed, and sent outside",
    "journal_node": "hashes of hashes",
    "keys_pepper": "fingerprints",
    "identity_challenge": "no door's role may read it; functions of the keeper do",
}
# What adds rows reads none.
ADDS = {"create", "bulk_create", "get_or_create"}
# The house's own statements, which no door runs, and beginnings of statements: file, function or constant.
EXCEPTED = {
    "journal/queries.py sealed_size: journal_seal": "the length of the log: a number",
    "journal/queries.py stored_nodes: journal_seal": "hashes, of leaves too",
    "journal/queries.py prove: journal_seal": "the seal of the one entry, which has its accessor",
    "journal/queries.py sealed_until: journal_seal": "the sealer",
    "journal/queries.py sealed_until: journal_entry": "the sealer",
    "journal/queries.py final_entries: journal_entry": "the sealer",
    "journal/queries.py restored_elsewhere: journal_entry": "asked at every start, before anybody acts",
    "journal/queries.py _sealed_rows: journal_seal": "the verification of the whole log",
    "journal/queries.py _sealed_rows: journal_entry": "the verification of the whole log",
    "journal/queries.py _forgotten: journal_entry": "the verification of the whole log",
    "journal/queries.py _forgotten: journal_seal": "the verification of the whole log",
    "journal/queries.py _nodes_beyond: journal_seal": "the verification of the whole log",
    "journal/actions.py begin_era: journal_entry": "the command line",
    "redemption/actions/drafting.py sweep: keys_hold": "the clock",
    "redemption/actions/drafting.py sweep: redemption_draft": "the clock",
    "redemption/actions/drafting.py sweep: redemption_draftkey": "the clock",
    "redemption/actions/drafting.py sweep: redemption_draftlink": "the clock",
    "notices/actions/letters.py CLAIM: notices_owed": "the relay",
    "notices/actions/letters.py once: notices_owed": "the relay",
    "notices/actions/letters.py attempt: notices_letter": "the worker",
    "notices/actions/letters.py sweep: notices_owed": "the clock",
    "notices/actions/letters.py sweep: notices_letter": "the clock",
    **{
        f"closing/actions/sweeping.py {name}: {table}": "the clock"
        for name, table in (
            ("CLAIM", "subscriptions_subscription"),
            ("SETTLE", "subscriptions_subscription"),
            ("SETTLE", "subscriptions_block"),
            ("SETTLE", "subscriptions_ledgerrow"),
            ("SETTLE", "customers_customer"),
            ("SETTLE", "notices_notice"),
        )
    },
    "delegation/queries.py CARD: subscriptions_subscription": "a beginning: each statement made of it has the accessor",
    "delegation/queries.py CARD: customers_customer": "a beginning: each statement made of it has the accessor",
}
# `chaveiro check` looks at everything, in a role of its own that can only read.
CHECK = re.compile(r"closing/queries/(backing_up|keys|ledger|licences|secrets|journal|erased|life)\.py")
READS = re.compile(r"\b(?:FROM|JOIN|UPDATE|USING)\s+([a-z]+_[a-z]+)\b(?!\()(?:\s+(?:AS\s+)?([a-z]+)\b)?")
NOT_ALIASES = {"where", "set", "on", "order", "limit", "group", "join", "left", "cross", "for", "union", "using", "as"}


def models() -> Iterator[type[Model]]:
    for room in settings.ROOMS:
        yield from django.apps.apps.get_app_config(room).get_models(include_auto_created=True)


def walled() -> set[str]:
    """The tables that have an accessor."""
    return {model._meta.db_table for model in models() if hasattr(model, "SEEN")}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """The queries and actions of every room, as `room/file`."""
    for path in sorted(tree.ROOMS.rglob("*.py")):
        name = path.relative_to(tree.ROOMS).as_posix()
        if re.match(r"\w+/(queries|actions)\b", name) and not CHECK.fullmatch(name):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


# ── the ORM ──


def managers(module: ast.Module) -> list[str]:
    """Where a manager is used to read, by the model's name."""
    found = []
    for node in ast.walk(module):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Attribute):
            continue
        if node.value.attr in ("objects", "_default_manager", "_base_manager") and node.attr not in ADDS:
            found.append(ast.unparse(node.value.value).rpartition(".")[2])
    return found


OPEN_MODELS = {"ProductRow", "ProductVersion", "PolicyRow", "CheckpointRow", "PepperVersion"}


def test_every_table_has_an_accessor_or_is_open() -> None:
    without = {model._meta.db_table for model in models() if not hasattr(model, "SEEN")}
    assert without == set(OPEN)
    assert len(walled()) > 25, "the models are not where this test looks"


def test_no_room_reads_by_a_bare_manager() -> None:
    bare = {f"{name}: {model}" for name, module in sources() for model in managers(module) if model not in OPEN_MODELS}
    assert bare == set()


def test_a_bare_manager_would_be_found() -> None:
    planted = "def card(x): return Customer.objects.filter(id=x).first(), rows.Batch.objects.get(pk=x)"
    assert set(managers(ast.parse(planted))) == {"Customer", "Batch"}
    assert managers(ast.parse("Letter.objects.bulk_create([]); seen(Letter).filter(id=1)")) == []


# ── SQL ──


def statements(name: str, module: ast.Module) -> Iterator[tuple[str, str]]:
    """Every text of a module with the function or constant in which it stands; constants in it are filled in."""
    dotted = "chaveiro.apps." + name.removesuffix(".py").replace("/__init__", "").replace("/", ".")
    known = vars(importlib.import_module(dotted))
    for top in module.body:
        where = _name_of(top)
        inside = {id(part) for node in ast.walk(top) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(top):
            if isinstance(node, ast.JoinedStr):
                yield where, "".join(_filled(part, known) for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
                yield where, node.value


def _name_of(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    return ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else ""


def _filled(part: ast.expr, known: dict[str, object]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    return str(known.get(ast.unparse(part.value), "…"))


def unguarded(text: str, tables: set[str]) -> list[str]:
    """The tables that a statement reads, changes or deletes from without asking their accessor."""
    found = []
    for table, alias in READS.findall(text):
        if table not in tables:
            continue
        named = alias if alias and alias not in NOT_ALIASES else ""
        asked = rf"\bseen_\w+\([^()]*\b{named}\.\w+" if named else r"\bseen_\w+\("
        if not re.search(asked, text) and not re.search(r"\bseen_by_(operator|house)\(\)", text):
            found.append(table)
    return found


def test_no_statement_reads_a_table_without_its_accessor() -> None:
    tables = walled()
    found = {
        f"{name} {where}: {table}"
        for name, module in sources()
        for where, text in statements(name, module)
        for table in unguarded(text, tables)
    }
    assert found - set(EXCEPTED) == set()
    assert set(EXCEPTED) - found == set(), "an exception that nothing needs"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1 FROM customers_customer c WHERE c.id = %s", ["customers_customer"]),
        ("SELECT 1 FROM customers_customer c WHERE c.id = %s AND seen_customer(c.id)", []),
        ("SELECT 1 FROM closing_customers_found(%s)", []),
        (
            "SELECT 1 FROM redemption_redemption r JOIN customers_customer c ON true WHERE seen_customer(c.id)",
            ["redemption_redemption"],
        ),
        ("UPDATE identity_token SET revoked_at = %s WHERE id = %s", ["identity_token"]),
        ("UPDATE identity_token SET revoked_at = %s WHERE id = %s AND seen_own(account_id)", []),
        ("DELETE FROM keys_export WHERE batch_id = %s", ["keys_export"]),
    ],
)
def test_what_a_statement_lacks_is_found(text: str, expected: list[str]) -> None:
    assert unguarded(text, walled()) == expected


# ── the functions ──


@pytest.mark.django_db
def test_no_accessor_leans_on_the_other_layer() -> None:
    """They run with the rights of whoever asks, ask no keeper's function, and say nothing to whoever has no scope."""
    connection.ensure_connection()
    found = connection.connection.execute(
        "SELECT proname::text, pronargs, prosecdef, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        " AND proname LIKE 'seen\\_%'"
    ).fetchall()
    named = {model.SEEN[0] for model in models() if hasattr(model, "SEEN")}
    assert named <= {name for name, *_rest in found}
    keepers = connection.connection.execute("SELECT proname::text FROM pg_proc WHERE prosecdef").fetchall()
    for name, arguments, keeper, source in found:
        assert not keeper, name
        assert not any(function in source for (function,) in keepers), name
        nothing = ", ".join(["gen_random_uuid()"] * arguments)
        answer = connection.connection.execute(f"SELECT {name}({nothing})").fetchone()
        assert answer[0] in (None, False), name
