"""`chaveiro renewals list`: the pipeline at the command line."""

from __future__ import annotations

from chaveiro.rules import identifiers
from tests.apps.test_renewals import spread
from tests.cast import World
from tests.console.desk import Desk


def test_each_bucket_is_listed_and_all_of_them_together(world: World, desk: Desk) -> None:
    made = spread(world, ["60", "7", "grace", "later"])
    together = desk.does("renewals", "list")
    assert [one["bucket"] for one in together] == ["grace", "7", "60"]
    (found,) = desk.does("renewals", "list", "--bucket", "7")
    assert found["subscription"] == identifiers.write("subscription", made["7"])
    assert [one["bucket"] for one in desk.does("renewals", "list", "--sort", "-end", "--limit", "1")] == ["60"]


def test_filters_narrow_it(world: World, desk: Desk) -> None:
    spread(world, ["7"])
    assert len(desk.does("renewals", "list", "--country", "PT", "--product", "office-basic", "--paid-by", "key")) == 1
    assert desk.does("renewals", "list", "--test", "yes") == []
    assert desk.does("renewals", "list", "--partner", "1234567") == []
