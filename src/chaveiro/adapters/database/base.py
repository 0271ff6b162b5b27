"""A transaction begins in one message with what is asked first.

Django turns the driver's autocommit off and on again around each transaction, and the driver then sends BEGIN by itself
before the first statement. Here the driver stays in autocommit, and Django says BEGIN, with `opening` behind it.
Everything else is Django's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql import base
from psycopg import ClientCursor
from psycopg.pq import TransactionStatus

NOTHING: tuple[str, Sequence[Any]] = ("", ())


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose next transaction begins with `opening`, statements and their values.

    `opened` then has their results. Both are for whoever opens the transaction, and for nobody after them.
    """

    opening: tuple[str, Sequence[Any]] = NOTHING
    opened: ClientCursor[Any] | None = None

    def _start_transaction_under_autocommit(self) -> None:
        """Django's hook for databases where BEGIN is a statement of its own; called by the outermost atomic block."""
        (text, values), self.opening = self.opening, NOTHING
        try:
            self.opened = ClientCursor(self.connection).execute(f"BEGIN; {text}", values, prepare=False)
        except BaseException:
            # Whether a transaction stands is unknown, and Django believes that none does.
            self.close()
            raise

    def _commit(self) -> None:
        # An act may have ended with its last statement, in one message with COMMIT.
        if self.connection is None or self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            super()._commit()  # type: ignore[misc]

    def _set_autocommit(self, autocommit: bool) -> None:
        if self.connection.autocommit != autocommit:
            super()._set_autocommit(autocommit)  # type: ignore[misc]
