"""`chaveiro check` over what was erased: silent over true rows, and each assertion catches what was planted for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaveiro import wiring
from chaveiro.apps.closing.queries import broken
from chaveiro.apps.closing.queries.erased import ERASED
from tests.apps.erased_faults import PLANTED, erased
from tests.apps.erasing_scene import Ended
from tests.apps.house_of_cards import found, ground
from tests.cast import build_world

pytestmark = pytest.mark.django_db


def caught() -> set[str]:
    """The assertions about erasures that do not hold."""
    whole = replace(ground(), keys=wiring.data_keys())
    return {f"{assertion.id} {assertion.name}" for assertion in ERASED if broken(assertion, whole)}


@pytest.fixture
def scene() -> Ended:
    return erased(build_world())


def test_what_was_erased_by_the_rules_breaks_nothing(scene: Ended) -> None:
    assert caught() == set()
    assert found() == {}


@pytest.mark.parametrize(("plant", "names"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_fault_is_caught(scene: Ended, plant: Callable[[Ended], None], names: frozenset[str]) -> None:
    plant(scene)
    assert names <= caught()


def test_each_assertion_has_a_fault_that_it_catches() -> None:
    planted = frozenset().union(*(names for _, names in PLANTED))
    assert {f"{assertion.id} {assertion.name}" for assertion in ERASED} == planted
