"""Is it alive, may it serve, how deep are its queues: for balancers, for operators, for Prometheus.

The answers are codes and numbers; nothing here names a customer, a key, a host or a table. All figures come from the
database, not from counters of one process: every web process of every machine gives the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError, ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from chaveiro import wiring
from chaveiro.adapters.mail import MailAddressRefused
from chaveiro.adapters.provision import standing_faults
from chaveiro.adapters.signing import SigningKeysUnusable
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys.queries import check_peppers
from chaveiro.apps.notices import queries as notices
from chaveiro.rules.actors import ANONYMOUS
from chaveiro.rules.errors import Refusal

log = structlog.get_logger(__name__)

# What may be wrong, and what an operator does about it. The codes are for ever.
REASONS = {
    "database_unreachable": "The database does not answer; start it, or look at CHAVEIRO_DATABASE_URL.",
    "walls_open": "Row-level security does not hold for this process; run `chaveiro doctor`.",
    "migrations_missing": "The database's schema is older than this program; run `chaveiro migrate`.",
    "peppers_missing": "CHAVEIRO_KEY_PEPPERS is not set or cannot be read; no key could be found.",
    "peppers_wrong": "Live keys were digested under other peppers; put those back into CHAVEIRO_KEY_PEPPERS.",
    "signing_keys_missing": "CHAVEIRO_SIGNING_KEYS is not set or cannot be read; no receipt could be signed.",
    "mail_address_missing": "CHAVEIRO_EMAIL_URL is not set or cannot be used; no letter could be posted.",
}

# Every figure of `notices.queries.depths`: its meaning, and what its parts are called.
FIGURES = {
    "owed_effects": ("Effects committed and not yet handed to the job engine.", ""),
    "owed_effects_age_seconds": ("Age of the oldest effect not yet handed to the job engine.", ""),
    "letters": ("Letters not posted yet, or given up.", "state"),
    "operations": ("Long work that waits, runs or failed.", "state"),
    "jobs": ("Jobs that wait, run or failed.", "state"),
    "workers": ("Queues of workers that showed life within 30 seconds.", ""),
    "journal_sealed_entries": ("Journal entries with a number in the Merkle log.", ""),
    "journal_unsealed_age_seconds": ("Age of the oldest journal entry without a number; more than 5 is wrong.", ""),
}


@never_cache
@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else is asked: a dead database must not get it restarted."""
    del request
    return JsonResponse({"status": "alive"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process may be sent requests; 503 with the codes of all reasons otherwise."""
    del request
    reasons = list(reasons_against())
    if reasons:
        log.warning("not_ready", reasons=reasons)
    body = {
        "status": "not_ready" if reasons else "ready",
        "reasons": [{"code": code, "cure": REASONS[code]} for code in reasons],
    }
    return JsonResponse(body, status=503 if reasons else 200)


def reasons_against() -> Iterator[str]:
    """The codes of all that stands against serving."""
    try:
        connection.ensure_connection()
        if standing_faults(connection.connection, settings.DATABASE_ROLES):
            yield "walls_open"
        if migrations_missing():
            yield "migrations_missing"
        elif _peppers_are_wrong():
            yield "peppers_wrong"
    except (DatabaseError, psycopg.Error):  # the walls are asked on the driver's own connection
        connection.close()
        yield "database_unreachable"
    yield from _missing_secrets()


def _peppers_are_wrong() -> bool:
    """Whether live keys were digested under other peppers: every one of them would read as unknown."""
    try:
        digesters = wiring.digesters(settings.KEY_PEPPERS)
    except Refusal:
        return False  # told as missing
    try:
        with acting(ANONYMOUS):
            check_peppers(digesters)
    except Refusal:
        return True
    return False


def _missing_secrets() -> Iterator[str]:
    try:
        wiring.means()
    except Refusal:
        yield "peppers_missing"
    try:
        wiring.keyring()
    except SigningKeysUnusable:
        yield "signing_keys_missing"
    try:
        wiring.post_office()
    except MailAddressRefused:
        yield "mail_address_missing"


def migrations_missing() -> list[tuple[str, str]]:
    """Migrations that this program has and the database has not. Raises DatabaseError."""
    try:
        applied = set(MigrationRecorder(connection).migration_qs.values_list("app", "name"))
    except ProgrammingError:  # nobody has migrated this database yet, so that it has no list of what was applied
        applied = set()
    return sorted(known_migrations() - applied)


@lru_cache(maxsize=1)
def known_migrations() -> frozenset[tuple[str, str]]:
    """Every migration of this program, read from its files once."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' text form."""
    del request
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class Figures(Collector):
    """Asks the database at each scrape; one that does not answer is a figure too."""

    def describe(self) -> list[Metric]:
        """Nothing beforehand: asking would scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All figures."""
        up = GaugeMetricFamily("chaveiro_database_up", "1 when the database answers.")
        try:
            with acting(ANONYMOUS):
                depths = notices.depths(wiring.now())
        except DatabaseError:
            connection.close()
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _families(depths)


def _families(depths: list[notices.Depth]) -> Iterator[Metric]:
    for name, (meaning, part) in FIGURES.items():
        family = GaugeMetricFamily(f"chaveiro_{name}", meaning, labels=[part] if part else [])
        for depth in depths:
            if depth.name == name:
                family.add_metric([depth.part] if part else [], depth.value)
        yield family
