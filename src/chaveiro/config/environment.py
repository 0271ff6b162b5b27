"""Settings come from the environment, and only from there. Each has a `_FILE` twin, one line of meaning, one place.

`SETTINGS` is the whole list: the generated page `docs/settings.md` and the start-up checks read it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingRefused(Exception):
    """A setting has a value that cannot work; the message names it, says why, and how to cure it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its name without prefix, what it means, its default as text, whether it is a secret."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False

    @property
    def variable(self) -> str:
        return f"CHAVEIRO_{self.name}"


SETTINGS = (
    Setting("DATA", "Folder for the embedded database, its secrets and the demo's mail.", "data"),
    Setting(
        "DATABASE_URL",
        "PostgreSQL 15 or newer, `postgresql://user:password@host:port/name`. Absent: embedded.",
        "",
        True,
    ),
    Setting(
        "DATABASE_ROLES", "Prefix of the database roles (`chaveiro_web`, …); change it to share one server.", "chaveiro"
    ),
    Setting(
        "SECRET_KEY", "Signs sessions and derives the passwords of the database roles. 32 characters or more.", "", True
    ),
    Setting(
        "KEY_PEPPERS", "Peppers of the key digests, `version:base64` separated by commas; the highest mints.", "", True
    ),
    Setting(
        "VAULT_KEYS", "Keys that wrap lent secrets, `version:base64` separated by commas; the highest wraps.", "", True
    ),
    Setting(
        "SIGNING_KEYS", "Ed25519 private keys (PEM), one after another; the first signs, all stay published.", "", True
    ),
    Setting(
        "DATA_KEYS",
        "Folder of the data keys, one for each customer and subscription; never in the database's backups, and its own "
        "are kept for 30 days at most. All machines share it. Absent: `data-keys` in DATA.",
        "",
    ),
    Setting(
        "OPENID_KEYS",
        "RSA private keys (PEM) that sign what services are told of who signed in; the first signs, all stay "
        "published. Absent: nobody signs in to services here.",
        "",
        True,
    ),
    Setting("BASE_URL", "Where people reach this installation; links in mails begin with it.", "http://localhost:8000"),
    Setting(
        "EMAIL_URL",
        "`smtp://user:password@host:587`, `smtps://…:465`, or `folder:PATH` (the demo). Absent: refuses to serve.",
        "",
        True,
    ),
    Setting("EMAIL_FROM", "Sender of outgoing mail.", "Chaveiro <no-reply@localhost>"),
    Setting(
        "RETURN_ADDRESS",
        "Where delivery reports on notices come back, `bounces@vendor.example`; its mail, and that to the same name "
        "with `+…`, goes to `chaveiro bounces` or to BOUNCE_LISTEN. Absent: reports go to EMAIL_FROM and are not read.",
        "",
    ),
    Setting(
        "BOUNCE_LISTEN",
        "`host:port` on which the worker itself takes delivery reports by SMTP. Absent: it does not listen.",
        "",
    ),
    Setting(
        "SUPPORT_EMAIL",
        "Mailbox of the people who give help: questions and answers to letters go there. Absent: to the operators.",
        "",
    ),
    Setting("TRAINING_URL", "Where courses are found; the help pages link to it. Absent: no link.", ""),
    Setting("COMMUNITY_URL", "Where customers and partners talk; the help pages link to it. Absent: no link.", ""),
    Setting("TIME_ZONE", "The platform's time zone: whose midnight ends a day.", "UTC"),
    Setting(
        "INITIAL_DOMAIN", "Domain under which every customer's user names begin, `<prefix>.<this>`.", "example.net"
    ),
    Setting("VENDOR_NAME", "The vendor's name, as pages and mails show it.", "Chaveiro"),
    Setting(
        "OIDC",
        "OpenID Connect providers by which people may sign in: a JSON list of objects with `name`, `issuer`, "
        "`client_id`, and where needed `client_secret`, `label`, `second_factor` (true where the provider asks "
        "for one).",
        "",
        True,
    ),
    Setting("ALLOWED_HOSTS", "Host names that are answered, separated by commas. Absent: the host of BASE_URL.", ""),
    Setting("TRUSTED_PROXIES", "How many proxies stand before the web server; their X-Forwarded-For is believed.", "0"),
    Setting("DEMO", "1 for a demonstration: made-up data, one-time links, /demo pages. Never with real data.", "0"),
    Setting("SANDBOX", "1 where days may be simulated; never with real customers.", "0"),
    Setting(
        "ONE_PERSON",
        "1 where one person runs the installation: step-up and 24 hours' delay replace the second person.",
        "0",
    ),
    Setting("LOG_LEVEL", "debug, info, warning or error.", "info"),
    Setting(
        "PROCESS", "Which database role this process has: web, system, owner or check. Set by the command line.", "web"
    ),
    Setting("DATABASE_SOCKET", "Socket folder of the embedded database. Set by the command line.", ""),
    Setting("DATABASE_NAME", "Name of the embedded database.", "chaveiro"),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}


def text(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The value of a setting, from its variable, from the file its `_FILE` twin names, or its default.

    Raises SettingRefused when both are given or the file cannot be read.
    """
    setting = BY_NAME[name]
    value, file = environ.get(setting.variable), environ.get(f"{setting.variable}_FILE")
    if value is not None and file is not None:
        raise SettingRefused(f"{setting.variable} and {setting.variable}_FILE are both set; keep one of them.")
    if file is None:
        return setting.default if value is None else value
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except OSError as fault:
        raise SettingRefused(
            f"{setting.variable}_FILE cannot be read: {fault.strerror}. Check path and mode."
        ) from fault


def flag(name: str) -> bool:
    """A setting that is 1 or 0."""
    value = text(name).strip().lower()
    if value not in {"0", "1", "", "true", "false"}:
        raise SettingRefused(f"CHAVEIRO_{name} is neither 1 nor 0.")
    return value in {"1", "true"}


def number(name: str) -> int:
    """A setting that is a whole number, zero or more."""
    value = text(name).strip()
    if not value.isdecimal():
        raise SettingRefused(f"CHAVEIRO_{name} is not a whole number.")
    return int(value)
