"""Every invariant as a list of assertions (`chaveiro check`), and the snapshot in which they are held.

The rooms below are read as they stand in the database, past their own queries: what is checked here is that no code,
ours included, has left anything behind that must never be.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from django.db import connection, transaction

from chaveiro.apps.closing.queries.assertions import Assertion, Ground, Violation
from chaveiro.apps.closing.queries.erased import ERASED
from chaveiro.apps.closing.queries.journal import H1
from chaveiro.apps.closing.queries.keys import K1, K2, K3, K4, K5
from chaveiro.apps.closing.queries.ledger import L1, L2
from chaveiro.apps.closing.queries.licences import A1
from chaveiro.apps.closing.queries.life import N1, N2, P1_DATES
from chaveiro.apps.closing.queries.secrets import S1

__all__ = ["ASSERTIONS", "TOLD_AT_MOST", "Assertion", "Ground", "Violation", "broken", "snapshot"]

ASSERTIONS: tuple[Assertion, ...] = (*K1, *K2, *K3, *K4, *K5, *L1, *L2, *A1, *H1, *S1, *N1, *N2, *P1_DATES, *ERASED)
# Of each assertion: who has seen a hundred breaches has seen the breach.
TOLD_AT_MOST = 100


@contextmanager
def snapshot() -> Iterator[None]:
    """One moment of the database, read only: nothing that happens meanwhile makes a check contradict itself."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def broken(assertion: Assertion, ground: Ground) -> list[Violation]:
    """What breaks an assertion, at most TOLD_AT_MOST of it; needs a standing transaction."""
    return list(islice(assertion.violations(ground), TOLD_AT_MOST))
