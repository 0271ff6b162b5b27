"""The operator's first page: what needs doing, how much there is, and what was redeemed of late."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chaveiro import wiring
from chaveiro.apps.closing.queries import desk, renewals
from chaveiro.apps.customers.queries import same_tax_number
from chaveiro.web import renewal_charts
from chaveiro.web.pages import language
from chaveiro.wording import figures

LATEST = 10
PAIRS_AT_MOST = 10


def context(step: str) -> dict[str, Any]:
    """What the page shows, with redemptions counted by `step`; call it while acting as an operator."""
    day, wanted = wiring.means().day, renewal_charts.usual_wanted()
    waiting, pairs = desk.waiting(), same_tax_number(limit=PAIRS_AT_MOST)
    month = renewal_charts.redemptions(renewal_charts.USUAL, day=day)
    return {
        "tasks": list(_tasks(waiting, len(pairs))),
        "same_tax_number": pairs,
        "customers": waiting.customers,
        "keys_for_sale": desk.keys_for_sale(),
        "redeemed": month.total,
        "steps": renewals.steps(wanted, day=day).values(),
        "chart": month if step in ("", renewal_charts.USUAL) else renewal_charts.redemptions(step, day=day),
        "chart_steps": renewal_charts.steps("/home", step),
        "months": renewal_charts.months(wanted, day=day, csv="/charts/renewals.csv"),
        "redemptions": desk.redemptions(desk.Wanted(), limit=LATEST),
    }


def _tasks(waiting: desk.Waiting, pairs: int) -> Iterator[dict[str, str]]:
    """What waits for somebody's decision; nothing where nothing does."""
    write = figures(language()).number
    if waiting.approvals:
        said = ngettext("%(n)s batch waits for approval", "%(n)s batches wait for approval", waiting.approvals) % {
            "n": write(waiting.approvals)
        }
        yield _task("/desk/batches", said, _("More than 1,000 keys need a second person."), "warn")
    if waiting.corrections:
        said = ngettext(
            "%(n)s correction waits for approval", "%(n)s corrections wait for approval", waiting.corrections
        ) % {"n": write(waiting.corrections)}
        yield _task("/desk/corrections", said, _("A redemption shall move to the right customer."), "warn")
    if waiting.letters_given_up:
        said = ngettext("%(n)s letter was given up", "%(n)s letters were given up", waiting.letters_given_up) % {
            "n": write(waiting.letters_given_up)
        }
        yield _task("/desk/state#letters", said, _("No mail server took it. Somebody was not told."), "bad")
    if waiting.notices_bounced:
        said = ngettext("%(n)s notice did not arrive", "%(n)s notices did not arrive", waiting.notices_bounced) % {
            "n": write(waiting.notices_bounced)
        }
        hint = _("A customer or its partner was not told. Others were; look at the address.")
        yield _task("/desk/notices?state=bounced", said, hint, "bad")
    if waiting.failed_operations:
        said = ngettext("%(n)s long operation failed", "%(n)s long operations failed", waiting.failed_operations) % {
            "n": write(waiting.failed_operations)
        }
        yield _task("/desk/state#operations", said, _("Look at why, and begin it again where it is needed."), "bad")
    if pairs:
        said = ngettext(
            "%(n)s tax number has more than one organisation",
            "%(n)s tax numbers have more than one organisation",
            pairs,
        ) % {"n": write(pairs)}
        yield _task("/home#pairs", said, _("It may be meant, or somebody was opened twice."), "warn")


def _task(href: str, title: str, hint: str, kind: str) -> dict[str, str]:
    status = _("To decide") if kind == "warn" else _("To mend")
    return {"href": href, "title": title, "hint": hint, "status": status, "kind": kind}
