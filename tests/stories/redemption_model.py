"""Drafts and redemption as one person would keep them in a notebook: no database, no lock, one thing after another.

It is written from the rules' text. Where the house and the notebook disagree, one of the two is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chaveiro.rules import terms
from chaveiro.rules.policies import Policy
from chaveiro.rules.seat_time import Standing

HOLD = timedelta(hours=72)
HOLD_AT_MOST = timedelta(days=14)
DRAFT_LIFE = timedelta(days=14)
REVERSAL_DAYS = 3
MAXIMUM_SEATS = 300


@dataclass(frozen=True, slots=True)
class Typed:
    """One line of a basket: a key of the notebook, written rightly or with one wrong symbol; its place in the draft."""

    key: int
    wrong: bool = False
    position: int = 0


@dataclass(slots=True)
class Key:
    """A key; `owner` is the customer that redeemed it."""

    text: str
    product: str
    seats: int
    months: int
    owner: int | None = None


@dataclass(slots=True)
class Hold:
    draft: int
    since: datetime
    until: datetime


@dataclass(slots=True)
class Draft:
    begun: datetime
    used: datetime
    state: str = "open"
    basket: list[Typed] = field(default_factory=list)
    redemption: int | None = None


@dataclass(slots=True)
class Subscription:
    """What one has; `rows` are the redemptions that wrote its ledger, None for a reversal."""

    customer: int
    product: str
    standing: Standing
    rows: list[int | None]
    closed: bool = False


@dataclass(slots=True)
class Redemption:
    """One commit: which keys, what each subscription had before (None where it was opened)."""

    at: datetime
    by_ana: bool
    keys: list[int]
    before: dict[int, Standing | None]
    rows: dict[int, int]
    reversed: bool = False


@dataclass(slots=True)
class Notebook:
    """Everything that should be true."""

    keys: list[Key] = field(default_factory=list)
    holds: dict[int, Hold] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    redemptions: list[Redemption] = field(default_factory=list)
    customers: int = 0

    # --- what is told ---

    def verdicts(
        self, basket: Sequence[Typed], draft: int | None, now: datetime, target: int | None = None
    ) -> list[str]:
        """The code of each line of a basket; `draft` is whose hold does not count."""
        seen: set[int] = set()
        told = []
        for line in basket:
            told.append(self._verdict(line, draft, now, target, seen))
            if not line.wrong:
                seen.add(line.key)
        return told

    def _verdict(self, line: Typed, draft: int | None, now: datetime, target: int | None, seen: set[int]) -> str:
        key, hold = self.keys[line.key], self.holds.get(line.key)
        if line.wrong:
            return "key_checksum"
        if line.key in seen:
            return "key_duplicate"
        if key.owner is not None:
            mine = target is not None and self.subscriptions[target].customer == key.owner
            return "key_redeemed_by_you" if mine else "key_redeemed"
        if hold is not None and hold.until > now and hold.draft != draft:
            return "key_held"
        if target is not None and key.product != self.subscriptions[target].product:
            return "key_wrong_product"
        return "ok"

    def open_drafts(self) -> list[int]:
        return [number for number, draft in enumerate(self.drafts) if draft.state == "open"]

    # --- drafts ---

    def begin(self, now: datetime) -> int:
        self.drafts.append(Draft(now, now))
        return len(self.drafts) - 1

    def keep(self, number: int, basket: list[Typed], now: datetime) -> list[str]:
        """The basket takes the place of what was there; its good keys are held, the others let go."""
        told = self.verdicts(basket, number, now)
        good = {line.key for line, code in zip(basket, told, strict=True) if code == "ok"}
        for key in good:
            old = self.holds.get(key)
            since = old.since if old is not None and old.draft == number else now
            self.holds[key] = Hold(number, since, min(now + HOLD, since + HOLD_AT_MOST))
        known = {line.key for line in basket if not line.wrong}
        self._let_go(number, but=known)
        self.drafts[number].basket = [replace(line, position=place) for place, line in enumerate(basket)]
        self.drafts[number].used = now
        return told

    def start_over(self, number: int | None, basket: Sequence[Typed], now: datetime) -> None:
        """Other drafts all of whose held keys are in the basket come to their end."""
        here = {line.key for line in basket if not line.wrong}
        for other in {self.holds[key].draft for key in here & self.holds.keys() if self.holds[key].until > now}:
            theirs = {key for key, hold in self.holds.items() if hold.draft == other}
            if other != number and theirs <= here:
                self.give_up(other)

    def give_up(self, number: int) -> None:
        self._let_go(number)
        self.drafts[number].state, self.drafts[number].basket = "abandoned", []

    def sweep(self, now: datetime) -> None:
        """What is over goes: holds, what was typed wrongly in drafts not used for 72 hours, drafts of 14 days."""
        self.holds = {key: hold for key, hold in self.holds.items() if hold.until > now}
        for draft in self.drafts:
            if draft.used <= now - HOLD:
                draft.basket = [line for line in draft.basket if not line.wrong]
            if draft.state == "open" and draft.begun + DRAFT_LIFE <= now:
                draft.state, draft.basket = "abandoned", []

    def _let_go(self, number: int, but: set[int] | None = None) -> None:
        kept = but or set()
        self.holds = {key: hold for key, hold in self.holds.items() if hold.draft != number or key in kept}

    # --- redemption ---

    def opens(self, keys: Sequence[int], now: datetime, *, by_ana: bool, draft: int | None = None) -> int:
        """A customer with a subscription for each product; answers the redemption."""
        made = Redemption(now, by_ana, list(keys), {}, {})
        self.redemptions.append(made)
        number, self.customers = len(self.redemptions) - 1, self.customers + 1
        for product in dict.fromkeys(self.keys[key].product for key in keys):
            grants = self._grants([key for key in keys if self.keys[key].product == product])
            total = terms.apply("open", now.date(), None, grants, None, Policy(), assigned=1, maximum=MAXIMUM_SEATS)
            self.subscriptions.append(Subscription(self.customers - 1, product, total.after, [number]))
            made.before[len(self.subscriptions) - 1], made.rows[len(self.subscriptions) - 1] = None, 1
        self._spent(keys, self.customers - 1, draft, number)
        return number

    def weigh(
        self, purpose: str, target: int, keys: Sequence[int], seats: int | None, now: datetime
    ) -> tuple[Standing, list[str]]:
        """What these keys would do to a subscription, and the codes of what stands against it."""
        total, against = terms.weigh(
            purpose,
            now.date(),
            self.subscriptions[target].standing,
            self._grants(keys),
            seats,
            Policy(),
            assigned=1,
            maximum=MAXIMUM_SEATS,
        )
        return total.after, [refusal.code for refusal in against]

    def changes(self, target: int, keys: Sequence[int], after: Standing, now: datetime) -> int:
        """Keys act on a subscription that is there; answers the redemption."""
        subscription, number = self.subscriptions[target], len(self.redemptions)
        subscription.rows.append(number)
        before, rows = {target: subscription.standing}, {target: len(subscription.rows)}
        self.redemptions.append(Redemption(now, False, list(keys), dict(before), rows))
        subscription.standing = after
        self._spent(keys, subscription.customer, None, number)
        return number

    def reversal(self, number: int, now: datetime, *, by_ana: bool) -> str:
        """What somebody is told who takes a redemption back; `done` where it was."""
        made = self.redemptions[number]
        if by_ana and not made.by_ana:
            return "not_found"
        if made.reversed:
            return "already_reversed"
        if by_ana and now.date() > made.at.date() + timedelta(days=REVERSAL_DAYS):
            return "reversal_too_late"
        if any(self._stands_on(target, row) for target, row in made.rows.items()):
            return "reversal_blocked"
        made.reversed = True
        for target, before in made.before.items():
            subscription = self.subscriptions[target]
            subscription.rows.append(None)
            subscription.closed = before is None
            subscription.standing = before or subscription.standing
        for key in made.keys:
            self.keys[key].owner = None
        return "done"

    def _stands_on(self, target: int, row: int) -> bool:
        """Whether an act that was not taken back stands on a subscription's row (counted from 1)."""
        later = self.subscriptions[target].rows[row:]
        return any(number is not None and not self.redemptions[number].reversed for number in later)

    def _spent(self, keys: Sequence[int], customer: int, draft: int | None, number: int) -> None:
        for key in keys:
            self.keys[key].owner = customer
            self.holds.pop(key, None)
        if draft is not None:
            self.drafts[draft].state, self.drafts[draft].redemption = "committed", number
            self.drafts[draft].basket = []

    def _grants(self, keys: Sequence[int]) -> list[terms.Grant]:
        return [terms.Grant(self.keys[key].seats, self.keys[key].months) for key in keys]
