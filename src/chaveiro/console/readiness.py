"""What must be right before a process may serve, and what `doctor` tells of it: each finding with its cure.

A wall that is down, a pepper that is not the one keys were digested under, a schema of another version: each lets a
process run that quietly answers wrongly. So it does not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from chaveiro import wiring
from chaveiro.adapters import clock
from chaveiro.adapters.mail import MailAddressRefused
from chaveiro.adapters.provision import standing_faults
from chaveiro.adapters.signing import SigningKeysUnusable
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys.queries import check_peppers
from chaveiro.console.refusals import NotReady
from chaveiro.rules.actors import ANONYMOUS, SYSTEM
from chaveiro.rules.errors import Refusal

OLDEST_SERVER = 150_000  # PostgreSQL 15, as `server_version_num` writes it
SECRET_KEY_LENGTH = 32
SECRET_KEY_VARIETY = 10
CLOCK_SECONDS_APART = 5
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `level`: ok, warn (it serves), fail (it must not); what is not ok has a cure."""

    name: str
    level: str
    said: str
    cure: str = ""

    def to_dict(self) -> dict[str, str]:
        """The JSON form."""
        return {"name": self.name, "level": self.level, "said": self.said, "cure": self.cure}


def ok(name: str, said: str) -> Finding:
    """Nothing to cure."""
    return Finding(name, "ok", said)


def warn(name: str, said: str, cure: str) -> Finding:
    """Worth a look; it serves all the same."""
    return Finding(name, "warn", said, cure)


def fail(name: str, said: str, cure: str) -> Finding:
    """It must not serve like this."""
    return Finding(name, "fail", said, cure)


def require() -> None:
    """Pass when this process may serve; raises NotReady with everything that stands against it, at once."""
    found = [*of_settings(), *of_database()]
    faults = [finding.to_dict() for finding in found if finding.level == "fail"]
    if faults:
        raise NotReady(faults=faults)


# --- settings ---


def of_settings() -> Iterator[Finding]:
    """What the settings alone show."""
    yield _debug()
    yield _secret_key()
    yield _base_url()
    yield _email()
    yield _time_zone()
    yield _initial_domain()
    yield _parsed("key peppers", "KEY_PEPPERS", lambda: len(wiring.peppers(settings.KEY_PEPPERS)))
    yield _parsed("vault keys", "VAULT_KEYS", lambda: len(wiring.versioned(settings.VAULT_KEYS, "CHAVEIRO_VAULT_KEYS")))
    yield _parsed("signing keys", "SIGNING_KEYS", lambda: len(wiring.keyring().jwks()["keys"]))
    yield _providers()
    if settings.DEMO or settings.SANDBOX:
        yield warn("purpose", "this is a demonstration or a sandbox", "never put real customers here")


def _providers() -> Finding:
    try:
        return ok("sign-in elsewhere", f"{len(wiring.providers())} providers known")
    except Refusal as refused:
        return fail("sign-in elsewhere", str(refused), "correct CHAVEIRO_OIDC as docs/settings.md says, or remove it")


def _debug() -> Finding:
    if settings.DEBUG:
        return fail("debug", "error pages would show the program's inside", "DEBUG has no place here: remove it")
    return ok("debug", "error pages show nothing of the inside")


def _secret_key() -> Finding:
    key = settings.SECRET_KEY
    if len(key) < SECRET_KEY_LENGTH or len(set(key)) < SECRET_KEY_VARIETY or "insecure" in key:
        cure = "let `chaveiro init` make one, or set CHAVEIRO_SECRET_KEY to 48 random characters"
        return fail("secret key", "it is too short, too plain, or somebody's example", cure)
    return ok("secret key", "long enough")


def _base_url() -> Finding:
    url = urlsplit(settings.BASE_URL)
    if url.scheme not in {"http", "https"} or not url.hostname:
        return fail("base URL", "CHAVEIRO_BASE_URL is no address", "write https://and.your.host")
    if url.scheme == "http" and url.hostname not in LOOPBACK and not settings.DEMO:
        cure = "put a proxy with a certificate in front and write https://… in CHAVEIRO_BASE_URL"
        return fail("base URL", "keys and passwords would travel unencrypted", cure)
    return ok("base URL", settings.BASE_URL)


def _email() -> Finding:
    if not settings.EMAIL_URL:
        cure = "set CHAVEIRO_EMAIL_URL to smtp://user:password@host:587"
        return fail("mail", "administrators get their accounts by mail, and there is no way to send any", cure)
    if settings.EMAIL_URL.startswith("memory:") and not (settings.DEMO or settings.SANDBOX):
        return fail("mail", "letters would vanish", "memory: is for tests; name a mail server in CHAVEIRO_EMAIL_URL")
    if settings.EMAIL_URL.startswith("folder:") and not settings.DEMO:
        return warn("mail", "letters go to a folder and reach nobody", "name a mail server in CHAVEIRO_EMAIL_URL")
    try:
        wiring.post_office()
    except MailAddressRefused as refused:
        return fail("mail", str(refused), "correct CHAVEIRO_EMAIL_URL")
    return ok("mail", f"by {settings.EMAIL_URL.partition(':')[0]}")


def _time_zone() -> Finding:
    try:
        ZoneInfo(settings.PLATFORM_TIME_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return fail(
            "time zone", "nobody could tell which day it is", "set CHAVEIRO_TIME_ZONE to a name like Europe/Lisbon"
        )
    return ok("time zone", settings.PLATFORM_TIME_ZONE)


def _initial_domain() -> Finding:
    if settings.INITIAL_DOMAIN == "example.net" and not settings.DEMO:
        cure = "set CHAVEIRO_INITIAL_DOMAIN before the first customer: user names keep it for ever"
        return warn("initial domain", "user names would end in example.net", cure)
    return ok("initial domain", settings.INITIAL_DOMAIN)


def _parsed(name: str, variable: str, count: Callable[[], int]) -> Finding:
    try:
        return ok(name, f"{count()} known")
    except (Refusal, SigningKeysUnusable) as refused:
        return fail(
            name, str(refused), f"correct CHAVEIRO_{variable}, or let `chaveiro init` make it where nothing is yet"
        )


# --- database ---


def of_database() -> Iterator[Finding]:
    """What the database shows to this process's role."""
    try:
        connection.ensure_connection()
    except DatabaseError as fault:
        cure = "start it, check CHAVEIRO_DATABASE_URL, or run `chaveiro init` where it was never made"
        yield fail("database", str(fault).strip(), cure)
        return
    yield _server()
    yield _walls()
    schema = _schema()
    yield schema
    if schema.level == "ok":
        yield _peppers()
    yield _clock()


def _server() -> Finding:
    version = connection.connection.info.server_version
    if version < OLDEST_SERVER:
        return fail("database", f"PostgreSQL {version // 10_000} is too old", "use PostgreSQL 15 or newer")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'")
        durable = cursor.fetchone()[0]
    if not durable:
        return warn("database", "it would lose what it promised at a power cut", "set fsync and full_page_writes on")
    return ok("database", f"PostgreSQL {version // 10_000}, durable")


def _walls() -> Finding:
    faults = standing_faults(connection.connection, settings.DATABASE_ROLES)
    if faults:
        return fail("walls", "; ".join(faults), "run `chaveiro init`, and let this process use its own role")
    return ok("walls", "row-level security binds this process and every table")


def _schema() -> Finding:
    pending, unknown = pending_migrations(), unknown_migrations()
    if pending:
        return fail("schema", f"{len(pending)} steps are missing: {', '.join(pending[:5])}", "run `chaveiro migrate`")
    if unknown:
        cure = "run the version that made it, or a newer one"
        return fail("schema", f"it was made by a newer version: {', '.join(unknown[:5])}", cure)
    return ok("schema", "of this version")


def pending_migrations() -> list[str]:
    """The migrations that this version has and the database has not, in the order of their application."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def unknown_migrations() -> list[str]:
    """The migrations of our rooms that the database has and this version has not."""
    executor = MigrationExecutor(connection)
    ours = {app for app, _ in executor.loader.disk_migrations}
    applied = MigrationRecorder(connection).applied_migrations()
    known = executor.loader.disk_migrations
    return sorted(f"{app}.{name}" for app, name in applied if app in ours and (app, name) not in known)


def _peppers() -> Finding:
    """Under another pepper every key would read as unknown; better to stand still."""
    try:
        with acting(SYSTEM if settings.PROCESS == "system" else ANONYMOUS):
            check_peppers(wiring.digesters(settings.KEY_PEPPERS))
    except Refusal as refused:
        cure = "put the peppers back that the keys were digested under (CHAVEIRO_KEY_PEPPERS, or secrets/key_peppers)"
        return fail("peppers of keys", refused.message(), cure)
    return ok("peppers of keys", "those that live keys need")


def _clock() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        apart = abs((cursor.fetchone()[0] - clock.now()).total_seconds())
    if apart > CLOCK_SECONDS_APART:
        said = f"this machine's clock and the database's are {apart:.0f} seconds apart"
        return warn("clock", said, "let both follow a time server")
    return ok("clock", "agrees with the database's")
