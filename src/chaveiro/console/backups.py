"""`chaveiro backup create|verify|restore`: the whole database in one signed file, and back into an empty one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from chaveiro import wiring
from chaveiro.adapters.signing import PublicKeys, SigningKeysUnusable
from chaveiro.apps.clocks import queries as clocks
from chaveiro.apps.clocks.actions import look_at
from chaveiro.apps.closing.actions import backing_up
from chaveiro.apps.identity.actions import acting
from chaveiro.console import installation, output, secrets, startup
from chaveiro.console.acts import bytes_of
from chaveiro.console.refusals import SecretsLost
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.backups import BACKUP_KIND, BackupDamaged, BackupOfAnother, Manifest, Part, Reader
from chaveiro.rules.datakeys import Sealed
from chaveiro.rules.errors import Malformed
from chaveiro.rules.exports import FileRefused, Lock
from chaveiro.rules.journal import SignatureInvalid
from chaveiro.rules.platform_clock import Doubt

SECRET_BYTES_AT_MOST = 8192
KEYS_BYTES_AT_MOST = 1024 * 1024
TOLD_AT_MOST = 100
FILE = click.Path(dir_okay=False, path_type=Path)


def opening(command: Callable[..., Any]) -> Callable[..., Any]:
    """The two options by which an encrypted backup is opened."""
    command = click.option("--passphrase-file", default=None, help="The passphrase of it (- for stdin).")(command)
    return click.option("--identity", default=None, help="The file of the age identity that opens it.")(command)


@click.command("create")
@click.option("--out", type=FILE, required=True, help="The file; none is overwritten.")
@click.option("--recipient", default=None, help="Encrypt it for the holder of this age public key (age1…).")
@click.option("--passphrase-file", default=None, help="Encrypt it under the passphrase in this file (- for stdin).")
@dry_run_option
@speaking
def create_backup(voice: Voice, out: Path, recipient: str | None, passphrase_file: str | None, dry_run: bool) -> None:
    """Write the whole database, as it is at one moment, into one signed file, while everything goes on.

    Personal values in it are sealed with the data key of whose they are: erasing somebody erases every backup. It holds
    neither secrets nor data keys; those are copied apart from it.
    """
    lock = None
    if recipient is not None or passphrase_file is not None:
        lock = Lock(recipient=recipient or "", passphrase=_secret(passphrase_file, "passphrase"))
    if dry_run:
        if out.exists():
            raise FileRefused(reason="a file of that name exists; it is not overwritten")
        manifest = _create(Nowhere(), Unsealed(), "")
    else:
        with wiring.backup_writer(out, lock) as writer:
            manifest = _create(writer, wiring.row_seal(), wiring.data_keys().fingerprint())
    told = _facts(manifest) | ({"dry_run": True} if dry_run else {"file": str(out), "bytes": out.stat().st_size})
    voice.show(told, lambda: output.card(told))
    if lock is None:
        voice.say("It is not encrypted: keep it where the database could be kept, or give --recipient.")


def _create(writer: Any, seal: Any, data_keys: str) -> Manifest:
    return backing_up.create(
        writer=writer,
        seal=seal,
        signer=_keyring(),
        data_keys=data_keys,
        origin=settings.BASE_URL,
        means=wiring.means(),
        told=lambda _table, _rows: None,
    )


class Nowhere:
    """What a rehearsal writes into."""

    lock = ""

    def add(self, name: str, lines: bytes, rows: int) -> Part:
        """Counted, not kept."""
        return Part(name, len(lines), "", rows)

    def finish(self, manifest: str) -> None:
        """Nothing to finish."""


class Unsealed:
    """What a rehearsal seals with: no data key is made by it."""

    def close(self, whose: Sealed, content: bytes) -> bytes:
        """As it is: it goes nowhere."""
        del whose
        return content

    def open(self, whose: Sealed, sealed: bytes) -> bytes:
        """As it is."""
        del whose
        return sealed


@click.command("verify")
@click.argument("file", type=FILE)
@click.option("--keys", default=None, help="The published keys (a JWK set); absent: this installation's own.")
@opening
@speaking
def verify_backup(
    voice: Voice, file: Path, keys: str | None, identity: str | None, passphrase_file: str | None
) -> None:
    """Check a backup's signature and the hash of every part; no database, no data key. Exit 1 where it is not whole.

    An encrypted one is checked as it lies; with --identity or --passphrase-file every part is opened too.
    """
    public = _keyring() if keys is None else _published(keys)
    opener = _opener(identity, passphrase_file)
    with wiring.backup_reader(file, opener) as reader:
        manifest = _manifest(reader, public)
        reader.check(manifest)
        if opener is not None or not manifest.lock:
            for part in manifest.parts:
                reader.lines(part)
    told = {"valid": True, "opened": opener is not None or not manifest.lock, **_facts(manifest)}
    voice.show(told, lambda: output.card(told))


@click.command("restore")
@click.argument("file", type=FILE)
@opening
@dry_run_option
@speaking
def restore_backup(voice: Voice, file: Path, identity: str | None, passphrase_file: str | None, dry_run: bool) -> None:
    """Bring a backup back into a new or empty database, all of it or nothing; then nothing is erased for seven days.

    Put the secrets and the data keys in their places first, and nothing else: roles, database and schema are made here.
    Whose data key was destroyed since comes back without their personal values.
    """
    missing = secrets.missing(startup.data_folder(), os.environ)
    if missing:
        raise SecretsLost(
            missing=[str(secrets.file_of(startup.data_folder(), name)) for name in missing],
            cure="put the files back from their copy; with new ones every key would be unknown",
        )
    with wiring.backup_reader(file, _opener(identity, passphrase_file)) as reader:
        manifest = _manifest(reader, _keyring())
        reader.check(manifest)
        for part in list(manifest.parts)[:1]:
            reader.lines(part)
        backing_up.check_fits(manifest=manifest, data_keys=wiring.data_keys().fingerprint(), means=wiring.means())
        told = _facts(manifest) | ({"dry_run": True} if dry_run else _restore(reader, manifest))
    voice.show(told, lambda: output.card(told))
    if not dry_run:
        voice.say("Everybody signs in again. Look at `chaveiro check`, then start `serve` and `worker`.")
        voice.say("No notice goes before `chaveiro backup accept` or the end of the seven days.")


@click.command("accept")
@dry_run_option
@speaking
def accept_restore(voice: Voice, dry_run: bool) -> None:
    """Say that what a restore brought back has been looked at: notices go again. Erasures wait their seven days.

    Look first at `chaveiro check`, and at what was done since the backup: it has to be done again.
    """
    with acting(SYSTEM):
        waits = clocks.mark().why == Doubt.RESTORED if dry_run else look_at(now=wiring.now())
    told = {"accepted": waits, **({"dry_run": True} if dry_run else {})}
    voice.show(told, lambda: output.card(told))
    if not waits:
        voice.say("No restore waits to be looked at.")


def _restore(reader: Reader, manifest: Manifest) -> dict[str, Any]:
    restored = installation.make_database(lambda: _come_back(reader, manifest))
    erased = sorted(map(str, restored.erased))
    return {
        "rows": restored.rows,
        "era": restored.era,
        "nothing_erased_before": restored.quiet_until,
        "erased_since": erased[:TOLD_AT_MOST],
        "erased_since_count": len(erased),
    }


def _come_back(reader: Reader, manifest: Manifest) -> backing_up.Restored:
    """As the owner: the schema of then, the rows, and the steps that this version has more."""
    _make_schema(manifest.migrations)
    restored = backing_up.restore(
        reader=reader,
        manifest=manifest,
        seal=wiring.row_seal(),
        means=wiring.means(),
        told=lambda _table, _rows: None,
    )
    installation.bring_up_to_date()
    return restored


def _make_schema(wanted: tuple[str, ...]) -> None:
    """The schema that the backup was made of, in a new database; one that has steps already is left as it is."""
    if MigrationRecorder(connection).applied_migrations():
        return
    executor = MigrationExecutor(connection)
    targets = [(app, name) for app, _, name in (step.partition(".") for step in wanted)]
    unknown = [f"{app}.{name}" for app, name in targets if (app, name) not in executor.loader.disk_migrations]
    if unknown:
        raise BackupOfAnother(what="version", reason=f"it was made by a newer one, which has {unknown[0]}")
    # The last steps only: a target that a later one has brought already is one to go back to.
    nodes, all_of_them = executor.loader.graph.node_map, set(targets)
    executor.migrate(
        [target for target in targets if not all_of_them & {child.key for child in nodes[target].children}]
    )


def _manifest(reader: Reader, public: PublicKeys) -> Manifest:
    try:
        return Manifest.from_claims(public.read(reader.manifest(), BACKUP_KIND))
    except SignatureInvalid as fault:
        raise BackupDamaged(reason=str(fault.facts["reason"]), part="manifest.jws") from fault


def _keyring() -> Any:
    try:
        return wiring.keyring()
    except SigningKeysUnusable as fault:
        raise Malformed(field="CHAVEIRO_SIGNING_KEYS", reason=str(fault)) from fault


def _published(file: str) -> PublicKeys:
    try:
        return PublicKeys.from_jwks(json.loads(bytes_of(file, KEYS_BYTES_AT_MOST, "keys")))
    except (ValueError, RecursionError):
        raise Malformed(field="keys", reason="must be JSON") from None
    except SigningKeysUnusable as fault:
        raise Malformed(field="keys", reason=str(fault)) from None


def _opener(identity: str | None, passphrase_file: str | None) -> Any:
    if identity is not None and passphrase_file is not None:
        raise click.UsageError("--identity or --passphrase-file, one of them")
    if identity is not None:
        return wiring.age_identity(_secret(identity, "identity"))
    return None if passphrase_file is None else wiring.age_passphrase(_secret(passphrase_file, "passphrase"))


def _secret(file: str | None, what: str) -> str:
    if file is None:
        return ""
    try:
        return bytes_of(file, SECRET_BYTES_AT_MOST, what).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Malformed(field=what, reason="is not UTF-8") from None


def _facts(manifest: Manifest) -> dict[str, Any]:
    """What a backup is, for people and programs."""
    journal: Mapping[str, Any] = manifest.journal
    return {
        "origin": manifest.origin,
        "made_at": manifest.made_at,
        "day": manifest.day,
        "lock": manifest.lock or "none",
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "journal_entries": journal["entries"],
        "journal_sealed": journal["sealed"],
        "pepper_versions": sorted(manifest.peppers),
    }
