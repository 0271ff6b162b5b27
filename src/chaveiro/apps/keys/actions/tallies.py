"""Folding the tallies of batches: of many rows that say by how much a count changed, one row for each state."""

from __future__ import annotations

from django.db import connection

from chaveiro.apps.identity.actions import acting
from chaveiro.rules.actors import SYSTEM

ROWS_LEFT_ALONE = 16  # of one batch: so few are read as fast as one
FOLD = """
WITH many AS (SELECT batch_id FROM keys_tally WHERE seen_by_house() GROUP BY batch_id HAVING count(*) > %s),
folded AS (DELETE FROM keys_tally t USING many WHERE t.batch_id = many.batch_id
    RETURNING t.batch_id, t.state, t.amount)
INSERT INTO keys_tally (batch_id, state, amount)
SELECT batch_id, state, sum(amount) FROM folded GROUP BY batch_id, state HAVING sum(amount) <> 0
"""


def fold_tallies(*, left_alone: int = ROWS_LEFT_ALONE) -> None:
    """Put the tallies of every batch that has more rows than `left_alone` together; the counts stay what they are.

    Any number of workers may do it at once: each row is folded by one of them.
    """
    with acting(SYSTEM):
        connection.connection.execute(FOLD, (left_alone,))
