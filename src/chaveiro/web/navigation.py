"""What stands at the left of the pages for those who are signed in: a table for each kind of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chaveiro.rules.actors import ANONYMOUS, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES

Link = tuple[str, object]  # address without the account's prefix, what it is called
Section = tuple[object, tuple[Link, ...]]  # what the links have in common, "" where nothing need be said

YOURS: Section = (
    _("Your account"),
    (
        ("/settings", _("Settings")),
        ("/settings/security", _("Sign-in and security")),
        ("/settings/sessions", _("Where you are signed in")),
    ),
)

NAVIGATION: Mapping[Kind, tuple[Section, ...]] = {
    Kind.CUSTOMER: (
        (
            "",
            (
                ("/home", _("Overview")),
                ("/notices", _("Notices")),
                ("/redeem", _("Redeem product keys")),
                ("/receipts", _("Receipts")),
                ("/partner", _("Partner of record")),
                ("/history", _("History")),
            ),
        ),
        YOURS,
    ),
    Kind.CHANNEL: (
        (
            "",
            (
                ("/home", _("Overview")),
                ("/notices", _("Notices")),
                ("/redeem", _("Redeem product keys")),
                ("/customers", _("Customers")),
                ("/renewals", _("Renewals")),
                ("/receipts", _("Redemptions")),
                ("/stock", _("Keys in stock")),
                ("/clocks", _("Test clocks")),
                ("/history", _("History")),
            ),
        ),
        YOURS,
    ),
    Kind.OPERATOR: (
        ("", (("/home", _("Overview")), ("/desk/search", _("Search")), ("/desk/feedback", _("What readers say")))),
        (
            _("Keys"),
            (
                ("/desk/products", _("Products")),
                ("/desk/policies", _("Policies")),
                ("/desk/batches", _("Batches")),
            ),
        ),
        (
            _("Customers and partners"),
            (
                ("/desk/redemptions", _("Redemptions")),
                ("/desk/corrections", _("Corrections")),
                ("/desk/customers", _("Customers")),
                ("/desk/renewals", _("Renewals")),
                ("/desk/notices", _("Notices")),
                ("/desk/blocks", _("Blocks")),
                ("/desk/erasures", _("Erasures")),
                ("/desk/partners", _("Partners")),
            ),
        ),
        (
            _("Installation"),
            (
                ("/desk/journal", _("Journal")),
                ("/desk/operators", _("Operators")),
                ("/desk/clocks", _("Test clocks")),
                ("/desk/state", _("State")),
            ),
        ),
        YOURS,
    ),
}


# Redeeming stands in the menu of those who may.
CLOCKS = ("/clocks", "/desk/clocks")  # in the menu of a sandbox only
NEEDED = {Kind.CUSTOMER: CUSTOMER_ROLES, Kind.CHANNEL: PARTNER_ROLES}


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the navigation, and whether the page that is shown stands under it."""

    path: str
    label: object
    current: bool


def navigation(request: HttpRequest) -> list[tuple[object, list[Entry]]]:
    """The sections for whoever is signed in, the entry of this page marked; empty for a stranger."""
    actor = getattr(request, "actor", ANONYMOUS)
    sections = NAVIGATION.get(actor.kind, ())
    if actor.roles.isdisjoint(NEEDED.get(actor.kind, actor.roles)):
        sections = tuple((title, tuple(link for link in links if link[0] != "/redeem")) for title, links in sections)
    if not (settings.DEMO or settings.SANDBOX):
        sections = tuple((title, tuple(link for link in links if link[0] not in CLOCKS)) for title, links in sections)
    at = _current(request.path_info, [path for _title, links in sections for path, _label in links])
    return [(title, [Entry(path, label, path == at) for path, label in links]) for title, links in sections]


def _current(here: str, paths: Sequence[str]) -> str:
    """The longest of the paths that the page is, or stands under."""
    return max((path for path in paths if here == path or here.startswith(path + "/")), key=len, default="")
