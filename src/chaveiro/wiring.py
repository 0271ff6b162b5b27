"""Which adapter stands behind which need: the only module that chooses, from the settings."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from chaveiro.adapters import backup_file, clock, one_time_codes
from chaveiro.adapters.age import AgeLocksmith
from chaveiro.adapters.age_reading import WithIdentity, WithPassphrase
from chaveiro.adapters.calendar_file import calendar
from chaveiro.adapters.cards import print_cards
from chaveiro.adapters.datakeys import NONCE_BYTES, FolderOfDataKeys, seal, unseal
from chaveiro.adapters.jobs import ProcrastinateJobs
from chaveiro.adapters.keyfile import DiskKeyFile
from chaveiro.adapters.mail import post_office_at
from chaveiro.adapters.openid import OpenId
from chaveiro.adapters.openid_keys import ProviderKeys
from chaveiro.adapters.openid_provider import OpenIdProvider
from chaveiro.adapters.passkeys import WebAuthn
from chaveiro.adapters.receipt_pdf import receipt_pdf
from chaveiro.adapters.sealing import CodeSealer
from chaveiro.adapters.signing import Keyring
from chaveiro.adapters.vault import SealingVault
from chaveiro.rules.backups import Reader as BackupReader
from chaveiro.rules.backups import RowSeal
from chaveiro.rules.backups import Writer as BackupWriter
from chaveiro.rules.batches import House
from chaveiro.rules.calendars import CalendarWriter
from chaveiro.rules.cards import Press
from chaveiro.rules.datakeys import DataKeys, Sealed
from chaveiro.rules.documents import Printer
from chaveiro.rules.drafts import Sealer
from chaveiro.rules.errors import Malformed, NotFound
from chaveiro.rules.exports import Decrypt, KeyFile, Lock, Locksmith
from chaveiro.rules.keys import CSV_HEADER, CSV_ROW_BYTES
from chaveiro.rules.keys.digests import Digester, Pepper
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import PostOffice
from chaveiro.rules.passkeys import RelyingParty
from chaveiro.rules.providers import OpenIdClient, Provider
from chaveiro.rules.providers import read as read_providers
from chaveiro.rules.services import Desk
from chaveiro.rules.tokens import new_token
from chaveiro.rules.vault import Vault


def means() -> Means:
    """The means of an act that happens now: on the platform's day, or on that of the test clock that stands."""
    now = clock.now()
    return Means(
        now,
        clock.standing.get() or clock.platform_day(now, settings.PLATFORM_TIME_ZONE),
        clock.new_id,
        clock.random_bytes,
        digesters(settings.KEY_PEPPERS),
    )


def on_day(day: date | None) -> AbstractContextManager[None]:
    """What is done inside is done on this day of a test clock; None leaves the day as it is."""
    return clock.on_day(day)


def now() -> datetime:
    """The instant, in UTC, where nothing else of `means` is needed."""
    return clock.now()


def new_id() -> UUID:
    """A new id, where nothing else of `means` is needed: it works while secrets are missing."""
    return clock.new_id()


def sealer() -> Sealer:
    """What seals the mistyped keys of a draft."""
    return CodeSealer()


@lru_cache(maxsize=4)
def digesters(text: str) -> tuple[Digester, ...]:
    """One digester for each pepper in a setting's text, the newest version last; `peppers` tells what it raises."""
    return tuple(Digester(pepper) for pepper in peppers(text))


def peppers(text: str) -> tuple[Pepper, ...]:
    """The peppers of a setting's text `version:base64,…`, by version. Raises Malformed, naming CHAVEIRO_KEY_PEPPERS."""
    return tuple(Pepper(version, secret) for version, secret in versioned(text, "CHAVEIRO_KEY_PEPPERS"))


def versioned(text: str, variable: str) -> list[tuple[int, bytes]]:
    """Version and secret of each part of a setting's text, ordered by version; the variable's name is for refusals."""
    found: dict[int, bytes] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        version, _, secret = part.partition(":")
        if not version.isdecimal() or int(version) in found:
            raise Malformed(field=variable, reason="is `version:base64`, separated by commas, each version once")
        try:
            found[int(version)] = base64.b64decode(secret, validate=True)
        except binascii.Error as fault:
            raise Malformed(field=variable, reason=f"version {version} is not base64") from fault
    if not found:
        raise Malformed(field=variable, reason="is not set")
    return sorted(found.items())


def post_office() -> PostOffice:
    """Where letters are posted. Raises adapters.mail.MailAddressRefused when CHAVEIRO_EMAIL_URL cannot be used."""
    return _post_office(settings.EMAIL_URL, settings.DEFAULT_FROM_EMAIL, settings.BASE_URL)


@lru_cache(maxsize=4)
def _post_office(url: str, sender: str, base_url: str) -> PostOffice:
    return post_office_at(url, sender=sender, host=urlsplit(base_url).hostname or "localhost")


@lru_cache(maxsize=1)
def jobs() -> ProcrastinateJobs:
    """The job engine."""
    return ProcrastinateJobs()


def keyring() -> Keyring:
    """The keys that sign receipts and checkpoints. Raises adapters.signing.SigningKeysUnusable."""
    return _keyring(settings.SIGNING_KEYS)


@lru_cache(maxsize=4)
def _keyring(text: str) -> Keyring:
    return Keyring.from_text(text)


def derived_secret(purpose: str) -> bytes:
    """32 bytes for one purpose, from the installation's secret key: equal in all its processes, useless for another."""
    return hmac.digest(settings.SECRET_KEY.encode(), f"chaveiro derived 1 {purpose}".encode(), "sha256")


def draft_links_secret() -> bytes:
    """The secret of the one-time links back to unfinished redemptions: pages make them, the worker mails them."""
    return derived_secret("draft links")


def house() -> House:
    """How this installation is run."""
    return House(one_person=settings.ONE_PERSON, pretence=settings.DEMO or settings.SANDBOX)


def vault() -> Vault:
    """What seals the secrets lent to long work. Raises Malformed, naming CHAVEIRO_VAULT_KEYS."""
    return SealingVault(dict(versioned(settings.VAULT_KEYS, "CHAVEIRO_VAULT_KEYS")))


def data_keys() -> DataKeys:
    """The keys of customers and subscriptions, outside the database."""
    return FolderOfDataKeys(settings.DATA_KEYS_FOLDER, clock.random_bytes)


def seal_data(key: bytes, content: bytes, what: Sealed) -> bytes:
    """Content sealed with a data key, for what it is."""
    return seal(key, content, what, clock.random_bytes(NONCE_BYTES))


def unseal_data(key: bytes, sealed: bytes, what: Sealed) -> bytes:
    """What was sealed. Raises rules.vault.SealBroken."""
    return unseal(key, sealed, what)


def locksmith() -> Locksmith:
    """What makes age locks for exports."""
    return AgeLocksmith()


def key_file(path: Path) -> KeyFile:
    """The plain file that a batch is minted into."""
    return DiskKeyFile(path, CSV_HEADER, CSV_ROW_BYTES)


def sealed_file(path: Path) -> KeyFile:
    """The file that an encrypted export is fetched into."""
    return DiskKeyFile(path, b"", 1)


def backup_writer(path: Path, lock: Lock | None) -> AbstractContextManager[BackupWriter]:
    """A new file for a backup, encrypted where there is a lock. Raises FileRefused, Malformed."""
    if lock is None:
        return backup_file.writing(path, "", None)
    return backup_file.writing(path, "recipient" if lock.recipient else "passphrase", locksmith().fit(lock))


def backup_reader(path: Path, decrypt: Decrypt | None) -> AbstractContextManager[BackupReader]:
    """A backup's file, and what opens it where it is encrypted. Raises FileRefused, BackupDamaged."""
    return backup_file.reading(path, decrypt)


def age_identity(text: str) -> Decrypt:
    """What opens age files with an identity. Raises Malformed when it is none."""
    return WithIdentity(text)


def age_passphrase(passphrase: str) -> Decrypt:
    """What opens age files that were made under a passphrase."""
    return WithPassphrase(passphrase)


def row_seal() -> RowSeal:
    """What seals the personal values of a row by data keys."""
    return backup_file.KeyedSeal(data_keys(), clock.random_bytes)


def press() -> Press:
    """What prints cards."""
    return print_cards


def printer() -> Printer:
    """What makes a file to print of a document."""
    return receipt_pdf


def calendar_writer() -> CalendarWriter:
    """What makes a calendar file of events."""
    return calendar


def relying_party() -> RelyingParty:
    """The installation, as browsers and authenticators know it."""
    return _relying_party(settings.BASE_URL, settings.VENDOR_NAME)


@lru_cache(maxsize=4)
def _relying_party(base_url: str, vendor: str) -> RelyingParty:
    return WebAuthn(base_url, vendor)


def authenticator_code(seed: bytes) -> Callable[[int], str]:
    """What an authenticator app with this seed shows in a given half minute."""
    return one_time_codes.code_at(seed)


def authenticator_setup(seed: bytes, login_name: str) -> tuple[str, bytes]:
    """What sets an authenticator app up: the seed as people type it, and a QR code as an SVG file."""
    address = one_time_codes.address(seed, login_name=login_name, vendor=settings.VENDOR_NAME)
    return one_time_codes.spelled(seed), one_time_codes.picture(address)


def openid_provider(desk: Desk) -> OpenIdProvider:
    """The installation as a provider for the vendor's services. Raises ProviderKeysUnusable, NotFound without keys."""
    return OpenIdProvider(desk, provider_keys(), settings.BASE_URL, lambda: now(), _access_token)


def provider_keys() -> ProviderKeys:
    """The keys that sign what services are told. Raises ProviderKeysUnusable, NotFound without any."""
    if not settings.OPENID_KEYS:
        raise NotFound(what="provider")
    return _provider_keys(settings.OPENID_KEYS, settings.SIGNING_KEYS)


@lru_cache(maxsize=4)
def _provider_keys(rsa_text: str, ed25519_text: str) -> ProviderKeys:
    return ProviderKeys(rsa_text, ed25519_text)


def _access_token() -> str:
    return new_token(clock.random_bytes)


def providers() -> tuple[Provider, ...]:
    """The OpenID Connect providers by which people may sign in. Raises Malformed, naming CHAVEIRO_OIDC."""
    return _providers(settings.OIDC)


@lru_cache(maxsize=4)
def _providers(text: str) -> tuple[Provider, ...]:
    return read_providers(text)


def openid() -> OpenIdClient:
    """What sends people to a provider, and reads what it says. It remembers what providers publish."""
    return _openid()


@lru_cache(maxsize=1)
def _openid() -> OpenId:
    return OpenId(lambda: clock.now().timestamp())
