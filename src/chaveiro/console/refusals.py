"""Every way in which the command line itself can say no, before any rule is asked."""

from __future__ import annotations

from chaveiro.rules.errors import Refusal


class NotInitialised(Refusal):
    """This installation was not made yet. Facts: missing, cure."""

    code = "not_initialised"


class SecretsLost(Refusal):
    """The database is there and secrets that belong to it are not; new ones would not fit. Facts: missing, cure."""

    code = "secrets_lost"


class SecretsUnsafe(Refusal):
    """A secret's file or folder can be read by other users. Facts: path, cure."""

    code = "secrets_unsafe"


class SettingUnusable(Refusal):
    """A setting has a value that cannot work. Facts: reason."""

    code = "setting_refused"


class NotReady(Refusal):
    """This process refuses to serve until what is wrong is put right. Facts: faults (name, what and cure of each)."""

    code = "not_ready"


class DatabaseUnreachable(Refusal):
    """The database does not answer, or does not let us in. Facts: said, cure."""

    code = "database_unreachable"


class NotEmbedded(Refusal):
    """The database server is somebody else's to stop: CHAVEIRO_DATABASE_URL names it."""

    code = "not_embedded"


class DayNotYet(Refusal):
    """Days after today are played in a sandbox only. Facts: day, today."""

    code = "day_not_yet"
