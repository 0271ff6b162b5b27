"""The job engine, Procrastinate, behind our own few words. A job carries the number of an owed effect, nothing else.

    relay ──defer──▶ todo ──fetch──▶ doing ──▶ gone (done)
                      ▲               ├─ a fault ──▶ todo, later
                      └─ taken over ──┘ ─ no more ──▶ failed (kept, counted in the metrics)

Deferring happens on Django's connection, so within the transaction that stands. Working has connections of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import connection
from procrastinate import App, BaseRetryStrategy, RetryDecision
from procrastinate.connector import BaseConnector
from procrastinate.contrib.django import DjangoApp
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.utils import connector_params
from procrastinate.jobs import Job
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.types import JSONDict

from chaveiro.rules.outbox import ATTEMPTS_AT_MOST, KINDS, WAITS, Queue

TASK = "effect"
HEARTBEAT_SECONDS = 10.0
STALLED_SECONDS = 30.0
POLLING_SECONDS = 2.0  # new jobs are notified at once; this is for those that come back after a wait
TAKEN_OVER_AT_ONCE = 100
# A letter counts its own attempts; a job that was killed before it got that far must not use them up.
RUNS_AT_MOST = 2 * ATTEMPTS_AT_MOST
WORKERS: Mapping[Queue, int] = {Queue.SHORT: 2, Queue.LONG: 1}

TAKE_OVER = """
SELECT count(procrastinate_retry_job_v2(stalled.id, now(), NULL, NULL, NULL)) FROM (
    SELECT j.id FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
    WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => %s))
    ORDER BY j.id LIMIT %s FOR UPDATE OF j SKIP LOCKED
) AS stalled
"""


class Patience(BaseRetryStrategy):
    """Come back after a while that grows with each run (rules.outbox.WAITS); give up after the last."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """When to run this job again, None for never; `job.attempts` does not count the run that has just failed."""
        del exception  # whatever it was, it may be over the next time
        runs = job.attempts + 1
        if runs >= RUNS_AT_MOST:
            return None
        return RetryDecision(retry_in={"seconds": int(WAITS[min(runs, len(WAITS)) - 1].total_seconds())})


def _app(connector: BaseConnector, effect: Callable[[int], None]) -> App:
    app = DjangoApp(connector=connector)

    def carry_out(owed: int) -> None:
        try:
            effect(owed)
        finally:
            connection.close()  # this thread's own; the pool of threads comes and goes with the worker

    app.task(name=TASK, retry=Patience())(carry_out)
    return app


def _never(owed: int) -> None:
    raise RuntimeError(f"this process only defers; effect {owed} is for a worker")


class ProcrastinateJobs:
    """Jobs in PostgreSQL. Meets `rules.outbox.Jobs`; also runs the worker that carries them out."""

    def __init__(self) -> None:
        self._deferring = _app(DjangoConnector(), _never)

    def defer(self, owed: Sequence[tuple[int, str]]) -> None:
        """Queue one job for each (id, kind) on Django's connection. Kinds that nobody knows wait in the short queue."""
        for queue in Queue:
            jobs: list[JSONDict] = [{"owed": number} for number, kind in owed if KINDS.get(kind, Queue.SHORT) is queue]
            if jobs:
                self._deferring.configure_task(TASK, queue=queue.value).batch_defer(*jobs)

    def take_over(self, *, stalled_after: float = STALLED_SECONDS) -> int:
        """Queue again the jobs whose worker was killed or has lost its way; answers how many. Any worker may ask."""
        with connection.cursor() as cursor:
            cursor.execute(TAKE_OVER, (stalled_after, TAKEN_OVER_AT_ONCE))
            return int(cursor.fetchone()[0])

    def work(
        self,
        effect: Callable[[int], None],
        stop: threading.Event,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        stalled_after: float = STALLED_SECONDS,
    ) -> None:
        """Carry out jobs until `stop` is set; what runs then is finished first. Raises when the database goes away."""
        asyncio.run(_work(effect, stop, heartbeat, stalled_after))


async def _work(effect: Callable[[int], None], stop: threading.Event, heartbeat: float, stalled_after: float) -> None:
    app = _app(PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=6), effect)
    common: dict[str, Any] = {
        "install_signal_handlers": False,  # the worker's own thread is not the one that gets signals
        "delete_jobs": "successful",
        "fetch_job_polling_interval": POLLING_SECONDS,
        "update_heartbeat_interval": heartbeat,
        "stalled_worker_timeout": stalled_after,
    }
    async with app.open_async():
        workers = [
            asyncio.create_task(
                app.run_worker_async(queues=[queue.value], name=queue.value, concurrency=concurrency, **common)
            )
            for queue, concurrency in WORKERS.items()
        ]
        told = asyncio.create_task(_until(stop))
        try:
            # A worker that ends unasked has lost its database: the others end too, and the caller begins anew.
            await asyncio.wait([told, *workers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (told, *workers):
                task.cancel()
            ended = await asyncio.gather(told, *workers, return_exceptions=True)
    for fault in ended:
        if isinstance(fault, Exception):
            raise fault


async def _until(stop: threading.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.1)
