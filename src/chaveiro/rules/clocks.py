"""Test clocks: a day of their own for test customers, moved forward by somebody. Instants stay real.

Every day between is lived, in order: a move is no clock jump. Source: rules, section 4.
"""

from __future__ import annotations

from datetime import date

from chaveiro.rules.errors import Malformed, Refusal

NAME_LENGTH_AT_MOST = 80
CLOCKS_AT_MOST = 50  # that go on, for each organisation of the channel, and for the vendor
CUSTOMERS_AT_MOST = 100  # on one clock
DAYS_AT_MOST = 3_653  # in one move: ten years
# Within these years every date that a policy can lead to is still a date, and people's entries are not slips.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)


class NoSandbox(Refusal):
    """Days are played in a sandbox only, or by the operator with customers that are marked as test."""

    code = "no_sandbox"


class NotATestCustomer(Refusal):
    """This customer is a real one, and lives by the real calendar. Facts: customer."""

    code = "not_a_test_customer"


class ClockGoesBack(Refusal):
    """A test clock never goes back, nor does a customer on it. Facts: day (asked for), lived (already)."""

    code = "clock_goes_back"


class TooManyDays(Refusal):
    """More days than one move may take. Facts: days, most."""

    code = "too_many_days"


class TooManyClocks(Refusal):
    """As many clocks go on as one owner may have; end one. Facts: most."""

    code = "too_many_clocks"


class ClockFull(Refusal):
    """As many customers live on the clock as it takes. Facts: most."""

    code = "clock_full"


class ClockMoving(Refusal):
    """The clock is moving already. Facts: until."""

    code = "clock_moving"


class ClockEnded(Refusal):
    """The clock was ended; its day stays as it is. Facts: day."""

    code = "clock_ended"


def check_name(text: str) -> str:
    """The name as it is kept. Raises Malformed."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_LENGTH_AT_MOST:
        raise Malformed(field="name", reason=f"has 1 to {NAME_LENGTH_AT_MOST} characters")
    return name


def check_start(day: date) -> date:
    """The first day of a clock. Raises Malformed."""
    if not FIRST_DAY <= day < LAST_DAY:
        raise Malformed(field="day", reason=f"must lie between {FIRST_DAY} and {LAST_DAY}")
    return day


def check_move(day: date, until: date) -> int:
    """How many days a move takes from `day` to `until`. Raises ClockGoesBack, TooManyDays, Malformed."""
    check_start(until)
    days = (until - day).days
    if days < 0:
        raise ClockGoesBack(day=until, lived=day)
    if days > DAYS_AT_MOST:
        raise TooManyDays(days=days, most=DAYS_AT_MOST)
    return days
