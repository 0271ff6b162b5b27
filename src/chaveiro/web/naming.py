"""What a new passkey is called where its person did not say: by the browser and the device that made it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from chaveiro.rules.factors import NAME_LENGTH_AT_MOST
from chaveiro.rules.sessions import agent_of, browser_name, system_name


def name_for_passkey(request: Any) -> str:
    """`Chrome on Windows`, or what is known of it."""
    agent = agent_of(request.headers.get("User-Agent", ""))
    names = {"browser": browser_name(agent), "system": system_name(agent)}
    found = _("%(browser)s on %(system)s") % names if all(names.values()) else names["browser"] or names["system"]
    return (found or _("A passkey"))[:NAME_LENGTH_AT_MOST]
