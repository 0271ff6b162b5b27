"""A house beside its notebook (`redemption_model`): after every step all rows are compared."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import connection, transaction
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition

from chaveiro.apps.closing.queries import ASSERTIONS, Assertion, broken
from chaveiro.apps.keys.models import Hold, Key
from chaveiro.apps.redemption.models import Draft, DraftKey, Line, Redemption
from chaveiro.apps.subscriptions.models import LedgerRow, Subscription
from chaveiro.rules.actors import Actor
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.seat_time import Standing
from tests.apps.house_of_cards import ground
from tests.cast import DAY
from tests.stories import redemption_model as model

LEDGERS = [assertion for assertion in ASSERTIONS if assertion.id in ("L1", "L2")]


class Compared(RuleBasedStateMachine):
    """The names that the house gave to what stands in the notebook, by number; and what must agree."""

    done: Counter[str] = Counter()
    ends = float("inf")
    failed = False
    chosen = 0

    def __init__(self) -> None:
        super().__init__()
        self.scene = transaction.atomic()
        self.scene.__enter__()
        self.day = DAY
        self.dice = random.Random(Compared.chosen)  # what fails has to fail again: keys, ids and references too
        self.moments = itertools.count(1_790_000_000_000)
        self.agreed = False  # from an act on until all rows were compared
        self.idle = False  # the run's time is up: nothing was done since the rows were compared
        self.book = model.Notebook()
        self.numbers: list[int] = []
        self.codes: list[ResumeCode] = []
        self.holders: list[Actor] = []
        self.redemptions: list[Any] = []
        self.customers: list[Actor] = []
        self.subscriptions: list[Any] = []

    @property
    def is_over(self) -> bool:
        """Whether the time of a run is up. What failed is tried again however long it takes.

        The runner's own time limit, raised in the middle of whatever runs, is not told as what it is: Hypothesis takes
        it for data that are drawn differently the second time, and says that the test is flaky.
        """
        return not Compared.failed and time.monotonic() > Compared.ends

    def hold_true(self, assertions: Sequence[Assertion]) -> None:
        """Nothing breaks these assertions of `chaveiro check` on the day that it is."""
        seen = replace(ground(), day=self.day)
        assert {assertion.name: found for assertion in assertions if (found := broken(assertion, seen))} == {}

    def teardown(self) -> None:
        """The last look, unless something failed before it; then everything goes."""
        Compared.failed = Compared.failed or not self.agreed
        try:
            if self.agreed:
                self.hold_true(ASSERTIONS)
        finally:
            transaction.set_rollback(True)
            self.scene.__exit__(None, None, None)

    # --- what holds always ---

    @precondition(lambda self: not self.idle)
    @invariant()
    def keys_and_holds_are_as_in_the_notebook(self) -> None:
        Compared.done["steps"] += 1
        number = {serial: key for key, serial in enumerate(self.numbers)}
        customers = [actor.customer for actor in self.customers]
        owners = [None if key.owner is None else customers[key.owner] for key in self.book.keys]
        states = [("released" if owner is None else "redeemed", owner) for owner in owners]
        assert list(Key.objects.order_by("number").values_list("state", "customer_id")) == states
        held = {number[h.key_id]: (h.draft_id, h.since, h.until) for h in Hold.objects.all()}
        assert held == {
            key: (self.holders[hold.draft].draft, hold.since, hold.until) for key, hold in self.book.holds.items()
        }
        standing = sorted(number[line.key_id] for line in Line.objects.filter(reversed=False))
        assert standing == [key for key, owner in enumerate(owners) if owner is not None]

    @precondition(lambda self: not self.idle)
    @invariant()
    def drafts_and_redemptions_are_as_in_the_notebook(self) -> None:
        states = dict(Draft.objects.values_list("id", "state"))
        assert states == {
            holder.draft: draft.state for holder, draft in zip(self.holders, self.book.drafts, strict=True)
        }
        rows = dict.fromkeys(states, 0)
        for kept in DraftKey.objects.all():
            rows[kept.draft_id] += 1
        assert list(rows.values()) == [
            len(self.book.drafts[[holder.draft for holder in self.holders].index(draft)].basket) for draft in rows
        ]
        made = {r.id: r.reversed_at is not None for r in Redemption.objects.all()}
        assert made == {
            outcome.id: noted.reversed for outcome, noted in zip(self.redemptions, self.book.redemptions, strict=True)
        }

    @precondition(lambda self: not self.idle)
    @invariant()
    def subscriptions_are_as_in_the_notebook_and_every_seat_day_is_accounted_for(self) -> None:
        rows = {row.id: row for row in Subscription.objects.all()}
        for name, noted in zip(self.subscriptions, self.book.subscriptions, strict=True):
            row = rows.pop(name)
            assert (row.version, row.closed_at is not None) == (len(noted.rows), noted.closed)
            if not noted.closed:
                assert Standing(row.seats, row.ends_on, row.credit) == noted.standing
        assert rows == {}
        assert LedgerRow.objects.count() == sum(len(noted.rows) for noted in self.book.subscriptions)
        self.hold_true(LEDGERS)
        connection.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        connection.connection.execute("SET CONSTRAINTS ALL DEFERRED")
        self.agreed = True
