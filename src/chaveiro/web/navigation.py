"""What stands at the left of the pages for those who are signed in: a table for each kind of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chaveiro.rules.actors import ANONYMOUS, Kind

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
        ("", (("/home", _("Overview")), ("/redeem", _("Redeem product keys")), ("/history", _("History")))),
        YOURS,
    ),
    Kind.CHANNEL: (
        ("", (("/home", _("Overview")), ("/redeem", _("Redeem product keys")))),
        YOURS,
    ),
    Kind.OPERATOR: (
        ("", (("/home", _("Overview")), ("/desk/search", _("Search")))),
        YOURS,
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the navigation, and whether the page that is shown stands under it."""

    path: str
    label: object
    current: bool


def navigation(request: HttpRequest) -> list[tuple[object, list[Entry]]]:
    """The sections for whoever is signed in, the entry of this page marked; empty for a stranger."""
    sections = NAVIGATION.get(getattr(request, "actor", ANONYMOUS).kind, ())
    at = _current(request.path_info, [path for _title, links in sections for path, _label in links])
    return [(title, [Entry(path, label, path == at) for path, label in links]) for title, links in sections]


def _current(here: str, paths: Sequence[str]) -> str:
    """The longest of the paths that the page is, or stands under."""
    return max((path for path in paths if here == path or here.startswith(path + "/")), key=len, default="")
