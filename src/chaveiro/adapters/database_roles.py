"""The five database roles and how each process reaches the database as its own.

owner    migrations only; subject to row-level security like everybody (FORCE)
web      pages and API; sees what the scope of its transaction allows, unset sees nothing
system   worker, sealer, clock, the command line on the machine
check    reads everything, writes nothing
keeper   cannot log in; owns the few SECURITY DEFINER functions by which `web` touches keys

The passwords are derived from the installation's secret key, so that any machine with the same settings gets in,
and nothing has to be copied about.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

LOGIN_ROLES = ("owner", "web", "system", "check")
KEEPER = "keeper"


def role_name(prefix: str, role: str) -> str:
    """The name in PostgreSQL of one of the five roles."""
    return f"{prefix}_{role}"


def role_password(secret: str, prefix: str, role: str) -> str:
    """The derived password of a login role; changes with the secret key."""
    digest = hmac.digest(secret.encode(), f"database role {prefix}_{role}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def connection_facts(
    *, url: str, socket_folder: str, database: str, roles: str, process: str, secret: str
) -> dict[str, Any]:
    """Django's connection settings for a process of the role `process`.

    `url` names server and database (its own user is used by `init` alone); without it the embedded server's socket is.
    """
    facts: dict[str, Any] = {
        "USER": role_name(roles, process),
        "PASSWORD": role_password(secret, roles, process) if secret else "",
        "NAME": database,
        "HOST": socket_folder,
        "PORT": "",
        # Binding on the server lets it keep the plans of what is asked again and again.
        "OPTIONS": {"connect_timeout": 5, "application_name": f"chaveiro {process}", "server_side_binding": True},
    }
    if url:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        facts["NAME"] = unquote(parts.path.lstrip("/")) or database
        facts["HOST"] = query.pop("host", unquote(parts.hostname or ""))
        facts["PORT"] = str(parts.port or "")
        facts["OPTIONS"] |= query
    return facts
