"""A new password, typed twice: what stands against it, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from chaveiro.apps.identity.queries import AccountCard
from chaveiro.web.pages import Problem

LENGTH_AT_MOST = 1024  # more would only keep the server busy


def sent(request: Any, field: str = "password") -> str:
    """The password in a form, cut to what is looked at."""
    return str(request.POST.get(field, "")[:LENGTH_AT_MOST])


def problems(request: Any, person: AccountCard) -> list[Problem]:
    """Everything that stands against the fields `password` and `again` of a form, told at once."""
    password = sent(request)
    found = [Problem("password", text, _("Choose another password.")) for text in _weaknesses(password, person)]
    if not found and password != sent(request, "again"):
        found.append(Problem("again", _("The two passwords are not the same."), _("Enter the same password twice.")))
    return found


def no_name() -> Problem:
    """The field for the name was left empty."""
    return Problem("name", _("Enter your e-mail address or your user name."), "")


def left_empty(request: Any) -> list[Problem]:
    """What of name and password was not filled in; nothing is looked up for it."""
    found = [] if request.POST.get("name", "").strip() else [no_name()]
    return found if sent(request) else [*found, Problem("password", _("Enter the password."), "")]


def _weaknesses(password: str, person: AccountCard) -> list[str]:
    try:
        validate_password(password, _Named(person))  # type: ignore[arg-type]
    except ValidationError as fault:
        return list(fault.messages)
    return []


class _Named:
    """A person as the check for passwords like their own name knows them, with the names of those facts."""

    def __init__(self, person: AccountCard) -> None:
        self.username, self.email = person.login_name, person.email
        self.first_name, self.last_name = person.given_name, person.family_name
        self._meta = self

    def get_field(self, name: str) -> SimpleNamespace:
        """A fact's name for people."""
        names = {
            "username": _("user name"),
            "email": _("e-mail address"),
            "first_name": _("given name"),
            "last_name": _("family name"),
        }
        return SimpleNamespace(verbose_name=names[name])
