"""The installation's own secrets: made once at the first start, kept in files that only we read, never overwritten.

    DATA/secrets/ (0700)     secret_key  key_peppers  vault_keys  signing_keys  openid_keys (0600)

Each setting that the environment does not give is read from its file here. They belong to the database like a key to
its lock: keys digested under a lost pepper are unknown for ever, so nothing here is ever made anew beside old data, but
for what no row depends on (MAKERS_AT_ANY_TIME).
"""

from __future__ import annotations

import base64
import os
import stat
import tempfile
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path

from chaveiro.adapters import signing
from chaveiro.console.refusals import SecretsLost, SecretsUnsafe

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO
SECRET_KEY_BYTES = 48
VERSION_BYTES = 32

RandomBytes = Callable[[int], bytes]


def _words(random_bytes: RandomBytes) -> str:
    return base64.urlsafe_b64encode(random_bytes(SECRET_KEY_BYTES)).decode()


def _first_version(random_bytes: RandomBytes) -> str:
    return "1:" + base64.b64encode(random_bytes(VERSION_BYTES)).decode()


def _signing_key(random_bytes: RandomBytes) -> str:
    return signing.new_private_key(random_bytes(signing.SEED_BYTES)).strip()


MAKERS: Mapping[str, Callable[[RandomBytes], str]] = {
    "SECRET_KEY": _words,
    "KEY_PEPPERS": _first_version,
    "VAULT_KEYS": _first_version,
    "SIGNING_KEYS": _signing_key,
}
"""The four secrets by the name of their setting, and how each is made."""


def _openid_key(_random_bytes: RandomBytes) -> str:
    return signing.new_rsa_key().strip()


# Nothing in the database depends on these: an installation from before they were there gets them with its next `init`.
MAKERS_AT_ANY_TIME: Mapping[str, Callable[[RandomBytes], str]] = {"OPENID_KEYS": _openid_key}


def folder_of(data: Path) -> Path:
    """Where the secrets of the installation in `data` lie."""
    return data / "secrets"


def file_of(data: Path, name: str) -> Path:
    """The file of one secret."""
    return folder_of(data) / name.lower()


def missing(data: Path, environ: Mapping[str, str]) -> list[str]:
    """The secrets that neither the environment gives nor a file holds, by the name of their setting."""
    return [name for name in MAKERS if not _given(name, environ) and not file_of(data, name).is_file()]


def make(data: Path, environ: Mapping[str, str], random_bytes: RandomBytes, *, database_exists: bool) -> list[str]:
    """Make the secrets that are missing; answers which. Of two first starts at once both end up with the same.

    `random_bytes` is the operating system's generator. Raises SecretsLost when the database is there already: it was
    made with other secrets.
    """
    wanted = missing(data, environ)
    if wanted and database_exists:
        raise SecretsLost(
            missing=[str(file_of(data, name)) for name in wanted],
            cure="put the files back from their backup, or give the settings; never begin with new ones",
        )
    if wanted:
        data.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        folder_of(data).mkdir(mode=FOLDER_MODE, exist_ok=True)
    for name in wanted:
        _keep(file_of(data, name), MAKERS[name](random_bytes))
    return [*wanted, *_make_further(data, environ, random_bytes)]


def _make_further(data: Path, environ: Mapping[str, str], random_bytes: RandomBytes) -> list[str]:
    """What may be made anew beside old data, where a folder of secrets is ours to keep it in; answers which."""
    if not folder_of(data).is_dir():
        return []
    absent = [name for name in MAKERS_AT_ANY_TIME if not _given(name, environ) and not file_of(data, name).is_file()]
    for name in absent:
        _keep(file_of(data, name), MAKERS_AT_ANY_TIME[name](random_bytes))
    return absent


def lead_in(data: Path, environ: MutableMapping[str, str]) -> None:
    """Point every setting that the environment does not give to its file, if there is one.

    By its `_FILE` twin, so that no secret stands in an environment, where lists of processes show it.
    Raises SecretsUnsafe when somebody else could read the files.
    """
    every = (*MAKERS, *MAKERS_AT_ANY_TIME)
    files = {name: file_of(data, name) for name in every if not _given(name, environ)}
    present = {name: file for name, file in files.items() if file.is_file()}
    if present:
        require_private(folder_of(data), *present.values())
    for name, file in present.items():
        environ[f"CHAVEIRO_{name}_FILE"] = str(file)


def require_private(*paths: Path) -> None:
    """Pass when nobody else can read any of these; raises SecretsUnsafe naming the first that somebody can."""
    for path in paths:
        if path.stat().st_mode & OTHERS:
            mode = FOLDER_MODE if path.is_dir() else FILE_MODE
            raise SecretsUnsafe(path=str(path), cure=f"chmod {mode:o}, and think about who may have read it")


def _given(name: str, environ: Mapping[str, str]) -> bool:
    return f"CHAVEIRO_{name}" in environ or f"CHAVEIRO_{name}_FILE" in environ


def _keep(file: Path, secret: str) -> None:
    """Write a secret whole and durably, or find that somebody else did first."""
    descriptor, draft = tempfile.mkstemp(prefix=".new-", dir=file.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as writing:
            writing.write(secret + "\n")
            writing.flush()
            os.fsync(writing.fileno())
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        os.unlink(draft)
    for folder in (file.parent, file.parent.parent):
        _fsync_folder(folder)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
