"""The living page of all parts, in every state: to look at, to test against. Under the demo flag only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.web.pages import Problem, page

PRODUCT = {"pt": "Escritório Tejo Completo", "en": "Tagus Office Complete"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A made-up subscription, as far as its card and its strip look at one."""

    stage: str
    ends_on: date
    names: dict[str, str]
    customer_name: str = "Padaria Sol, Lda."
    assigned: int = 3
    seats: int = 5
    credit: int = 4
    paid_by: str = "key"
    next_change: Any = None

    @property
    def access_stops_on(self) -> date:
        """The first day without access."""
        return self.ends_on + timedelta(days=30)

    @property
    def erasure_on(self) -> date:
        """The first day on which the data may be erased."""
        return self.ends_on + timedelta(days=120)


@require_safe
def parts(request: HttpRequest) -> HttpResponse:
    """Every part that pages share, with made-up content; `?quiet` leaves the problems out."""
    if not settings.DEMO:
        raise Http404
    problems = [] if "quiet" in request.GET else _problems()
    return page(request, "demo/parts.html", _context(), problems=problems)


def _context() -> dict[str, Any]:
    today = wiring.means().day
    ends = {"active": 200, "grace": -12, "retained": -70, "deleted": -130}
    return {
        "lives": [Sample(stage, today + timedelta(days=days), PRODUCT) for stage, days in ends.items()],
        "countries": [("PT", _("Portugal")), ("ES", _("Spain"))],
        "purposes": [
            ("open", _("Open a subscription"), _("For a customer that has none of this product yet.")),
            ("extend", _("Extend a subscription"), _("Its licences stay, its end moves.")),
        ],
        "tasks": [
            {
                "href": "/demo/parts#table",
                "title": _("Confirm the partner of record"),
                "hint": _("They see your subscriptions and are told before they end."),
                "status": _("To do"),
                "kind": "warn",
            },
            {
                "href": "/demo/parts#forms",
                "title": _("Take ownership"),
                "hint": "",
                "status": _("Done"),
                "kind": "good",
            },
            {"href": "", "title": _("Move the mail"), "hint": _("After the domain."), "status": _("Later"), "kind": ""},
        ],
        "facts": [
            (_("Organisation"), "Padaria Sol, Lda.", "/demo/parts#forms", _("the organisation")),
            (_("Country or region"), "Portugal", "", ""),
        ],
        "steps": [
            {"path": "/demo/parts", "title": _("Keys"), "state": "done"},
            {"path": "/demo/parts", "title": _("Organisation"), "state": "now"},
            {"path": "/demo/parts", "title": _("Check and redeem"), "state": ""},
        ],
        "step": 2,
        "step_count": 3,
        "step_title": _("Organisation"),
        "for_whom": "Padaria Sol, Lda.",
        "resume_code": "7KQ2M-9F3XH-C4TPA",
        "draft_ends": today + timedelta(days=14),
    }


def _problems() -> list[Problem]:
    todo = _("Compare the key with the card.")
    return [
        Problem("sample-text", _("Enter the name of the organisation."), ""),
        Problem("sample-key", _("Check character 13 (group 3) of the key."), todo),
        Problem("sample-choice", _("Select what the keys are for."), ""),
    ]
