"""The words for what can stand against test clocks."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.wording.words import Words

CLOCKS: Mapping[str, Words] = {
    "no_sandbox": Words(
        _("Only in a sandbox"),
        _("Days are played in a sandbox only; this installation has real customers."),
        _("Use the vendor's sandbox, or ask the operator."),
    ),
    "not_a_test_customer": Words(
        _("No test customer"),
        _("This customer is a real one and lives by the real calendar."),
        _("Choose a customer that is marked as test, or open a new one on the clock."),
    ),
    "clock_goes_back": Words(
        _("A clock never goes back"),
        _("The day %(day)s lies before %(lived)s, which was lived already."),
        _("Choose a later day, or begin with another clock and another test customer."),
    ),
    "too_many_days": Words(
        _("Too far at once"),
        _("One move takes at most %(most)s days; this would be %(days)s."),
        _("Move the clock several times."),
    ),
    "too_many_clocks": Words(
        _("Too many clocks"),
        _("You have %(most)s test clocks that go on, and more are not made."),
        _("End one that you need no more."),
    ),
    "clock_full": Words(
        _("The clock is full"),
        _("%(most)s customers live on this clock, and it takes no more."),
        _("Make another clock."),
    ),
    "clock_moving": Words(
        _("The clock is moving"),
        _("The clock is on its way to %(until)s."),
        _("Wait until it is there, then move it on."),
    ),
    "clock_ended": Words(
        _("The clock was ended"),
        _("This clock was ended, and stays at %(day)s."),
        _("Make another clock."),
    ),
    "day_went_back": Words(
        _("The clock went back"),
        _("The machine's clock shows %(day)s, and %(mark)s was begun already. Nothing is done until it is right."),
        _("Set the machine's clock. If it was wrong before, run `chaveiro daily --clock-was-wrong`."),
    ),
    "malformed:clock": Words(_("Not in the right form"), _("Choose one of your test clocks that still go on."), ""),
}
