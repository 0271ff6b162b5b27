"""One mint in a process of its own, that the tests kill: `python -m tests.faults.mint_in_a_process MODE WHAT [STEP]`.

MODE is `file` (WHAT: its path), `export` (WHAT: the operation), or `late`: a file that is written after the commit, as
it must never be. With STEP, the process kills itself before the step of that number: a statement, or a call that
changes the file.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import django
import psycopg

django.setup()

from chaveiro import wiring  # noqa: E402 Django comes first
from chaveiro.apps.keys.actions import exports, files, mint_to_file, minting, run_mint  # noqa: E402
from tests import cast  # noqa: E402
from tests.apps import stock  # noqa: E402

CHUNK_KEYS = 7
QUANTITY = 20


class LateFile(files.InFile):
    """The planted fault: digests first, texts afterwards."""

    def keep(self, chunk: Any) -> None:
        self.late = chunk.rows

    def append_late(self, *_: int) -> None:
        self._file.append(self.late)


def killed_at(step: int) -> None:
    """Kill this process before its `step`-th statement or change of a file."""
    steps = itertools.count(1)

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def before(*arguments: Any, **named: Any) -> Any:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return before

    for name in ("write", "fsync", "ftruncate", "link", "unlink"):
        setattr(os, name, watched(getattr(os, name)))
    for cursor in (psycopg.Cursor, psycopg.ClientCursor):
        cursor.execute = watched(cursor.execute)  # type: ignore[method-assign]
    psycopg.Connection.commit = watched(psycopg.Connection.commit)  # type: ignore[method-assign]


def main(mode: str, what: str, step: str = "0") -> None:
    for module in (minting, files, exports):
        module.CHUNK_KEYS = CHUNK_KEYS  # type: ignore[attr-defined]
    if int(step):
        killed_at(int(step))
    if mode == "export":
        run_mint(operation=UUID(what), vault=wiring.vault(), locksmith=stock.LOCKSMITH, means=cast.means())
        return
    order, file = stock.order(quantity=QUANTITY), stock.file_at(Path(what).parent, Path(what).name)
    if mode == "file":
        mint_to_file(order=order, file=file, house=stock.HOUSE, means=cast.means())
        return
    file.begin(cast.new_id())
    batch = stock.planned(quantity=QUANTITY)
    texts = LateFile(file, cast.means())
    minting.mint(batch=batch.id, texts=texts, means=cast.means(), progress=texts.append_late)
    file.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
