"""What is wrong with an installation and what its operator does about it: the cures of `/readyz`, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

CURES: Mapping[str, Any] = {
    "database_unreachable": _("The database does not answer: start it, or look at CHAVEIRO_DATABASE_URL."),
    "walls_open": _("Row-level security does not hold for this process: run `chaveiro doctor`."),
    "migrations_missing": _("The schema is older than this program: run `chaveiro migrate`."),
    "peppers_missing": _("CHAVEIRO_KEY_PEPPERS is not set or cannot be read: no key could be found."),
    "peppers_wrong": _("Live keys were digested under other peppers: put those back into CHAVEIRO_KEY_PEPPERS."),
    "signing_keys_missing": _("CHAVEIRO_SIGNING_KEYS is not set or cannot be read: no receipt could be signed."),
    "mail_address_missing": _("CHAVEIRO_EMAIL_URL is not set or cannot be used: no letter could be posted."),
}
