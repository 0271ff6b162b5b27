"""Foreign is absent, byte for byte: every route and method, as everybody, about everything that an address can name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from chaveiro import wiring
from chaveiro.console.catalogues import compile_stale
from tests.cast import means
from tests.isolation.matrix import Matrix
from tests.isolation.table import TABLE
from tests.isolation.table_of_api import TABLE_OF_API
from tests.isolation.world import build

EVERYTHING = [*TABLE, *TABLE_OF_API]


@pytest.fixture
def matrix(real_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Matrix]:
    compile_stale()
    monkeypatch.setattr(wiring, "means", means)
    monkeypatch.setattr(wiring, "now", lambda: means().now)
    ground = build()
    with transaction.atomic():
        yield Matrix(ground)
        transaction.set_rollback(True)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("half", [0, 1])
def test_foreign_is_absent(matrix: Matrix, half: int) -> None:
    import time

    t = time.time()
    report = matrix.ask(EVERYTHING[half::2])
    print(time.time() - t, report.asked.total(), report.asked)
    assert not report.faults, "\n".join(report.faults)
