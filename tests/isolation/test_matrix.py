"""Foreign is absent, byte for byte: every route and method, as everybody, about everything that an address can name.

It passes three times: behind both layers, with every accessor saying yes (row-level security alone), and with row-level
security off (the accessors alone). A usual run asks a part of the table, sampled by a printed seed; `script/prove` all.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, transaction

from chaveiro import wiring
from chaveiro.console.catalogues import compile_stale
from tests.cast import means
from tests.isolation.asking import tables
from tests.isolation.matrix import Matrix
from tests.isolation.routes import routes
from tests.isolation.table import TABLE, Row
from tests.isolation.table_of_api import TABLE_OF_API
from tests.isolation.world import build

EVERYTHING = [*TABLE, *TABLE_OF_API]
LAYERS = ("both", "row-level security alone", "accessors alone")
SEED = int(os.environ["CHAVEIRO_SEED"])
SAMPLED = 4  # of so many rows a usual run asks one in each of the three ways: three quarters of the table in all


@pytest.fixture
def matrix(real_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Matrix]:
    compile_stale()
    monkeypatch.setattr(wiring, "means", means)
    monkeypatch.setattr(wiring, "now", lambda: means().now)
    monkeypatch.setattr(settings, "SANDBOX", True)  # where partners have test clocks
    ground = build()
    with transaction.atomic():
        yield Matrix(ground)
        transaction.set_rollback(True)


def do(sql: str) -> None:
    connection.connection.execute(sql)


def accessors_say_yes() -> None:
    """Every accessor lets everything through, until the transaction ends."""
    found = connection.connection.execute(
        "SELECT format('%s(%s)', proname, pg_get_function_identity_arguments(oid)) FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'seen\\_%'"
    ).fetchall()
    assert len(found) > 15, "the accessors are not where this test looks"
    for (signature,) in found:
        do(f"CREATE OR REPLACE FUNCTION {signature} RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'")


def without_row_level_security() -> None:
    """No policy of any table is asked, until the transaction ends."""
    do("SET CONSTRAINTS ALL IMMEDIATE")
    for table in tables():
        do(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')


TAKE_AWAY = {LAYERS[1]: accessors_say_yes, LAYERS[2]: without_row_level_security}


# ── the table is whole ──


def names(table: list[Row]) -> set[tuple[str, str]]:
    return {(row.route, row.method) for row in table}


def missing_and_stale(table: list[Row]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Routes without a row, and rows without a route."""
    return routes() - names(table), names(table) - routes()


def test_every_route_and_method_has_a_row_and_every_row_a_route() -> None:
    missing, stale = missing_and_stale(EVERYTHING)
    assert (missing, stale) == (set(), set())
    assert len(names(EVERYTHING)) == len(EVERYTHING), "two rows for one"


def test_a_row_that_is_gone_or_left_over_is_found() -> None:
    gone = EVERYTHING[7]
    without = [row for row in EVERYTHING if row is not gone]
    assert missing_and_stale(without) == ({(gone.route, gone.method)}, set())
    assert missing_and_stale([*EVERYTHING, Row("nowhere", "GET", None, frozenset())])[1] == {("nowhere", "GET")}


# ── the matrix ──


def sample(layers: str) -> list[Row]:
    """A part of the table, another one for each way."""
    shuffled = random.Random(SEED).sample(EVERYTHING, len(EVERYTHING))
    return shuffled[LAYERS.index(layers) :: SAMPLED]


def hold(matrix: Matrix, layers: str, table: list[Row]) -> None:
    TAKE_AWAY.get(layers, lambda: None)()
    report = matrix.ask(table)
    print(f"CHAVEIRO_SEED={SEED}, {len(table)} rows, {report.asked.total()} requests compared: {dict(report.asked)}")
    assert not report.faults, "\n".join(report.faults)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("layers", LAYERS)
def test_foreign_is_absent(matrix: Matrix, layers: str) -> None:
    hold(matrix, layers, sample(layers))


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("layers", LAYERS)
def test_foreign_is_absent_on_every_route(matrix: Matrix, layers: str) -> None:
    hold(matrix, layers, EVERYTHING)
    writes = {row.name for row in EVERYTHING if row.method != "GET"}
    assert len(matrix.report.done) > len(writes) / 3, "the bodies do nothing: a leak would not show"


# ── either layer is looked at ──

SUBSCRIPTION = [row for row in EVERYTHING if row.route == "subscriptions/<str:subscription>"]


def test_a_weak_policy_shows_where_the_accessors_are_off(matrix: Matrix) -> None:
    do("CREATE POLICY planted ON subscriptions_subscription FOR SELECT USING (true)")
    do("CREATE POLICY planted ON customers_customer FOR SELECT USING (true)")
    assert matrix.ask(SUBSCRIPTION).faults == [], "the accessors hold it alone"
    accessors_say_yes()
    assert any("foreign" in fault for fault in matrix.ask(SUBSCRIPTION).faults)


def test_a_weak_accessor_shows_where_row_level_security_is_off(matrix: Matrix) -> None:
    for signature in ("seen_subscription(customer uuid, subscription uuid)", "seen_customer(customer uuid)"):
        do(f"CREATE OR REPLACE FUNCTION {signature} RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'")
    assert matrix.ask(SUBSCRIPTION).faults == [], "row-level security holds it alone"
    without_row_level_security()
    assert any("foreign" in fault for fault in matrix.ask(SUBSCRIPTION).faults)


# Where nothing but the two layers stands between a reader and what is foreign. Elsewhere a third thing does: the
# account in the query itself, or a function of the keeper that says whom it answers.
BY_THE_LAYERS_ALONE = {
    "GET /subscriptions/<str:subscription>",
    "GET /subscriptions/<str:subscription>.ics",
    "GET /subscriptions/<str:subscription>.csv",
    "GET /customers/<str:customer>",
    "GET /api/v1/subscriptions",
    "GET /api/v1/subscriptions/<subscription>",
    "GET /api/v1/subscriptions/<subscription>/ledger",
    "GET /api/v1/redemptions",
    "GET /api/v1/corrections",
    "GET /api/v1/operations/<operation>",
}


def test_with_neither_layer_the_matrix_tells_where(matrix: Matrix) -> None:
    accessors_say_yes()
    without_row_level_security()
    faults = matrix.ask([row for row in EVERYTHING if row.name in BY_THE_LAYERS_ALONE]).faults
    assert {fault.partition(" as ")[0] for fault in faults} == BY_THE_LAYERS_ALONE


def test_an_answer_that_tells_foreign_from_absent_is_found(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault that all this is for, planted in the table: somebody may whom the pages refuse, and the other way."""
    too_wide = Row(SUBSCRIPTION[0].route, "GET", "subscription", frozenset({"stranger", "user"}))
    faults = matrix.ask([too_wide]).faults
    assert any("as administrator, own" in fault and "told from absent" in fault for fault in faults)
    monkeypatch.setattr(matrix, "before", ())
    written = [row for row in EVERYTHING if row.name == "POST /feedback"]
    matrix.ask([Row(written[0].route, "POST", None, frozenset(), body=written[0].body)])
    assert any("POST /feedback as stranger" in fault and "changed something" in fault for fault in matrix.report.faults)
