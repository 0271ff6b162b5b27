"""Every way in which the embedded PostgreSQL server can say no."""

from __future__ import annotations

from chaveiro.rules.errors import Refusal


class NoServerFound(Refusal):
    """No PostgreSQL program could be run: install requirements.txt, or name one. Facts: looked_in, cure."""

    code = "database_no_server_found"


class WrongServerVersion(Refusal):
    """The data folder was made by a PostgreSQL of another major version. Facts: folder, made_by, found, cure."""

    code = "database_wrong_version"


class NotOurFolder(Refusal):
    """The database's folder is not this launcher's to use. Facts: folder, reason."""

    code = "database_not_our_folder"


class OutOfReach(Refusal):
    """The unprivileged user that runs the server for root cannot reach a folder. Facts: folder, cure."""

    code = "database_out_of_reach"


class PasswordLost(Refusal):
    """The database is there and the superuser's password is not, or is not the right one. Facts: file."""

    code = "database_password_lost"


class NotDurable(Refusal):
    """The running server was started without durability, which is for tests only. Facts: folder."""

    code = "database_not_durable"


class CouldNotMake(Refusal):
    """A new database could not be made; nothing half-made was left. Facts: folder, said."""

    code = "database_could_not_make"


class DidNotStart(Refusal):
    """The server ended while it was starting. Facts: log, said."""

    code = "database_did_not_start"


class NotReadyYet(Refusal):
    """The server, or another launcher, needed longer than we wait; it goes on: try again. Facts: what, seconds."""

    code = "database_not_ready_yet"
