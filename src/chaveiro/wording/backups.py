"""The words for backups that are not whole, do not belong here, or do not open."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.wording.words import Words

BACKUPS: Mapping[str, Words] = {
    "backup_damaged": Words(
        _("Backup not whole"),
        _("This file is no whole backup that was signed by a known key."),
        _("Take another copy of it, or an earlier backup."),
    ),
    "backup_locked": Words(
        _("Backup encrypted"),
        _("The backup is encrypted, and what was given does not open it."),
        _("Give the identity or the passphrase that it was made for."),
    ),
    "backup_of_another": Words(
        _("Backup of something else"),
        _("The backup does not belong to what is here, and nothing was changed."),
        _("Put the secrets and the data keys of the backup's installation in their places, then try again."),
    ),
    "database_not_empty": Words(
        _("Database not empty"),
        _("A backup comes back into an empty database only, and nothing was changed."),
        _("Name another folder or another database."),
    ),
}
