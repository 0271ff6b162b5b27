"""Figures in the language of the page, and the small marks that pages repeat: `{% load words %}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django import template
from django.utils.timezone import get_current_timezone_name

from chaveiro.rules import identifiers, serials
from chaveiro.web.pages import language
from chaveiro.wording import Figures, figures

register = template.Library()


def _write() -> Figures:
    return figures(language())


@register.filter
def day(value: date | str) -> str:
    """A day, as a date or ISO 8601."""
    return _write().day(_day(value))


@register.filter
def last_day(value: date | str) -> str:
    """The last covered day of what ends on the first day not covered."""
    return _write().last_day(_day(value))


@register.filter
def instant(value: datetime | str) -> str:
    """An instant in the reader's time zone, which is named."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return _write().instant(moment, get_current_timezone_name())


@register.filter
def moment(value: datetime | str) -> str:
    """An instant in the reader's time zone, short: for tables."""
    given = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return _write().moment(given, get_current_timezone_name())


@register.filter
def number(value: int) -> str:
    """A whole number with its thousands set apart."""
    return _write().number(int(value))


@register.filter
def decimal(value: float) -> str:
    """A number with one digit after the mark."""
    return _write().decimal(value)


@register.filter
def country(code: str) -> str:
    """The name of a country or region."""
    return _write().country(code)


@register.filter
def countries(codes: list[str]) -> str:
    """The names of several, as one enumeration."""
    return _write().joined(sorted(_write().country(code) for code in codes))


@register.filter
def named(names: Mapping[str, str]) -> str:
    """A product's name in the language of the page."""
    wanted = language().partition("-")[0]
    return names.get(wanted) or next(iter(names.values()), "")


@register.filter
def serial(key_number: int) -> str:
    """The serial of a key, in groups."""
    return serials.group(serials.write(int(key_number)))


@register.filter
def get(mapping: Mapping[str, Any], name: Any) -> Any:
    """The value of a name that is known only while the page is made."""
    return mapping.get(name, "") if mapping else ""


def _day(value: date | str) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


@register.filter
def public(identifier: UUID | str, noun: str) -> str:
    """The public form of an id, which may still be a text: `card.id|public:"subscription"`."""
    return identifiers.write(noun, UUID(str(identifier)))
