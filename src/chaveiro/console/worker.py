"""The worker: everything that goes on behind the pages. Any number of them run, on any number of machines.

    relay        hands what is owed to the job engine          four times a second
    jobs         carries it out                                at once, two short ones and a long one side by side
    sealer       numbers the journal's new entries             twice a second
    checkpoints  signs the journal and puts that in a file     each hour in which it grew
    notices      posts what subscriptions owe                  every two seconds
    tallies      folds the counts of keys together             every half minute
    take-over    brings back the jobs of workers that died     every ten seconds
    sweep        drops what is past its time                   every five minutes
    daily        erases what is due, writes what is owed       each minute in which a day or a subscription is due

Each round asks what is due and not done, so that late, doubled and concurrent rounds change nothing. Told to stop, the
worker ends what it has in hand; killed, another one (or the next) goes on.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connections

from chaveiro import wiring
from chaveiro.adapters.jobs import HEARTBEAT_SECONDS, STALLED_SECONDS, ProcrastinateJobs
from chaveiro.apps.feedback import actions as feedback
from chaveiro.apps.identity.actions import acting, grants, sessions
from chaveiro.apps.journal import actions as journal
from chaveiro.apps.journal import queries as sealed
from chaveiro.apps.keys.actions import exports, fold_tallies
from chaveiro.apps.notices import actions as notices
from chaveiro.apps.operations import actions as operations
from chaveiro.apps.redemption.actions import drafting
from chaveiro.console import logs
from chaveiro.console.daily import live_if_due
from chaveiro.console.effects import carry_out
from chaveiro.console.letters import Desk
from chaveiro.console.notice_letters import POSTED_AT_ONCE, post_everywhere
from chaveiro.console.returned_mail import listening
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.bounces import check_return_address
from chaveiro.rules.journal import SignedCheckpoint, Signer

log = structlog.get_logger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
CHECKPOINT_EVERY = timedelta(hours=1)
EFFECTS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Worker:
    """What a worker works with; `of_installation` makes it from the settings.

    `heartbeat` and `stalled_after` are seconds: how often this worker shows that it lives, and when another is dead.
    `listen` is where it takes delivery reports by SMTP, `host:port`; empty: it does not.
    """

    desk: Desk
    jobs: ProcrastinateJobs
    signer: Signer
    checkpoints: Path
    heartbeat: float = HEARTBEAT_SECONDS
    stalled_after: float = STALLED_SECONDS
    listen: str = ""

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then end what is in hand and return."""
        threads = [threading.Thread(target=self._keep, args=(one, stop), name=one.name) for one in self.rounds()]
        threads.append(threading.Thread(target=self._keep_working, args=(stop,), name="jobs"))
        log.info("worker_started", rounds=[thread.name for thread in threads])
        with listening(self.desk, self.listen):
            for thread in threads:
                thread.start()
            stop.wait()
            for thread in threads:
                thread.join()
        log.info("worker_stopped")

    def rounds(self) -> list[Round]:
        """What this worker does again and again."""
        return [
            Round("relay", 0.25, self.relay),
            Round("sealer", 0.5, seal),
            Round("checkpoints", 60, self.checkpoint),
            Round("take-over", min(10.0, self.stalled_after / 2), self.take_over),
            Round("notices", 2, self.post_notices),
            Round("tallies", 30, fold_tallies),
            Round("sweep", 300, self.sweep),
            Round("daily", 60, lambda: live_if_due(self.desk.means())),
        ]

    def relay(self) -> None:
        """Hand over all that is owed."""
        handed_over = notices.RELAYED_AT_ONCE
        while handed_over == notices.RELAYED_AT_ONCE:
            with acting(SYSTEM):
                handed_over = notices.relay(now=self.desk.means().now, jobs=self.jobs)

    def post_notices(self) -> None:
        """Post the notices of subscriptions that are owed."""
        while post_everywhere(self.desk) >= POSTED_AT_ONCE and not self.desk.stopping():
            pass

    def checkpoint(self) -> None:
        """Sign the journal if an hour has passed in which it grew; the signature leaves the database as a file."""
        with acting(SYSTEM):
            latest = publish_checkpoint(self.desk, self.signer)
        if latest is not None:
            keep_checkpoint(self.checkpoints, latest)

    def take_over(self) -> None:
        """Bring back the jobs of workers that died."""
        with acting(SYSTEM):
            taken = self.jobs.take_over(stalled_after=self.stalled_after)
        if taken:
            log.warning("jobs_taken_over", count=taken)

    def sweep(self) -> None:
        """Drop what is past its time: answers, buckets, effects, feedback, sessions, holds, drafts, exports."""
        now = self.desk.means().now
        with acting(SYSTEM):
            operations.sweep(now=now)
        with acting(SYSTEM):
            notices.sweep(before=now - EFFECTS_KEPT)
        with acting(SYSTEM):
            feedback.sweep(now=now)
        grants.sweep(now=now)
        sessions.sweep(now=now)
        drafting.sweep(now=now)
        exports.drop_expired_exports(means=self.desk.means())

    def _keep(self, one: Round, stop: threading.Event) -> None:
        pause = 0.0
        while not stop.wait(pause):
            pause = one.every if _went_well(one.name, one.act) else _longer(pause)
        connections.close_all()

    def _keep_working(self, stop: threading.Event) -> None:
        desk = replace(self.desk, stopping=stop.is_set)

        def work() -> None:
            self.jobs.work(
                lambda number: carry_out(desk, number),
                stop,
                heartbeat=self.heartbeat,
                stalled_after=self.stalled_after,
            )

        pause = 0.0
        while not stop.wait(pause):
            pause = 1.0 if _went_well("jobs", work) else _longer(pause)
        connections.close_all()


@dataclass(frozen=True, slots=True)
class Round:
    """One thing done again and again: its name, the seconds between two, and what it is."""

    name: str
    every: float
    act: Callable[[], None]


def _went_well(name: str, act: Callable[[], None]) -> bool:
    """Do it once. A fault ends the round, never the worker; the connection is made anew after it."""
    try:
        act()
    except Exception:
        log.exception("round_failed", round=name)
        connections.close_all()
        return False
    return True


def _longer(pause: float) -> float:
    return min(LONGEST_PAUSE_SECONDS, max(0.5, pause * 2))


def seal() -> None:
    """Seal all journal entries that are final."""
    sealed_now = journal.SEALED_AT_ONCE
    while sealed_now == journal.SEALED_AT_ONCE:
        with acting(SYSTEM):
            sealed_now = journal.seal()


def publish_checkpoint(desk: Desk, signer: Signer) -> SignedCheckpoint | None:
    """The latest checkpoint, signed now if the last is an hour old and the journal has grown since; journalled.

    The entry that tells of a checkpoint is no growth, or an idle journal would grow for ever.
    """
    now = desk.means().now
    last = sealed.latest_checkpoint()
    if last is not None and (now - last.at < CHECKPOINT_EVERY or sealed.sealed_size() <= last.size + 1):
        return last
    signed = journal.checkpoint(now=now, signer=signer, origin=desk.base_url)
    if signed is not None:
        facts = {"size": signed.size, "kid": signed.kid}
        journal.record(tag="checkpoint:published", at=now, actor=SYSTEM, subject_id=signed.size, facts=facts)
    return signed


def keep_checkpoint(folder: Path, signed: SignedCheckpoint) -> None:
    """Put a checkpoint into a file of its own, if it is not there: only outside the database does it protect."""
    final = folder / f"{signed.size:015d}.jws"
    if final.exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = folder / f".{signed.size:015d}.{threading.get_ident()}"
    unfinished.write_text(signed.signature + "\n", encoding="ascii")
    unfinished.replace(final)
    log.info("checkpoint_published", size=signed.size, kid=signed.kid)


def desk() -> Desk:
    """Where this installation's letters are written. Raises adapters.mail.MailAddressRefused."""
    return Desk(
        office=wiring.post_office(),
        means=wiring.means,
        base_url=settings.BASE_URL,
        vendor=settings.VENDOR_NAME,
        secret=wiring.derived_secret("links in letters"),
        support=settings.SUPPORT_EMAIL,
        return_address=check_return_address(settings.RETURN_ADDRESS),
        initial_domain=settings.INITIAL_DOMAIN,
    )


def of_installation() -> Worker:
    """The worker of this installation. Raises MailAddressRefused, SigningKeysUnusable, Malformed (peppers)."""
    wiring.means()
    checkpoints = settings.DATA_FOLDER / "checkpoints"
    return Worker(desk(), wiring.jobs(), wiring.keyring(), checkpoints, listen=settings.BOUNCE_LISTEN)


def run(stop: threading.Event) -> None:
    """Be a worker until `stop` is set."""
    of_installation().run(stop)


def run_until_told() -> None:
    """Be a worker until SIGTERM or SIGINT; called by the process's main thread."""
    logs.configure({"level": settings.LOG_LEVEL})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(stop)
