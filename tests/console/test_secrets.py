"""First-start secrets: made once, private, whole, never made anew beside old data."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from chaveiro import wiring
from chaveiro.adapters.openid_keys import ProviderKeys
from chaveiro.adapters.signing import Keyring
from chaveiro.console import secrets
from chaveiro.console.refusals import SecretsLost, SecretsUnsafe

NAMES = ["SECRET_KEY", "KEY_PEPPERS", "VAULT_KEYS", "SIGNING_KEYS", "OPENID_KEYS"]


def make(data: Path, environ: dict[str, str] | None = None, *, database_exists: bool = False) -> list[str]:
    return secrets.make(data, environ or {}, os.urandom, database_exists=database_exists)


def texts(data: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in (data / "secrets").iterdir()}


def test_what_is_missing_is_made_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert make(data) == NAMES
    assert stat.S_IMODE((data / "secrets").stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (data / "secrets").iterdir()}
    assert modes == {
        "secret_key": 0o600,
        "key_peppers": 0o600,
        "vault_keys": 0o600,
        "signing_keys": 0o600,
        "openid_keys": 0o600,
    }


def test_each_secret_is_one_that_the_program_can_use(tmp_path: Path) -> None:
    make(tmp_path)
    made = {name: text.strip() for name, text in texts(tmp_path).items()}
    assert len(made["secret_key"]) == 64
    assert [pepper.version for pepper in wiring.peppers(made["key_peppers"])] == [1]
    assert [len(key) for _, key in wiring.versioned(made["vault_keys"], "CHAVEIRO_VAULT_KEYS")] == [32]
    assert len(Keyring.from_text(made["signing_keys"]).jwks()["keys"]) == 1


def test_made_twice_is_made_once(tmp_path: Path) -> None:
    make(tmp_path)
    before = texts(tmp_path)
    assert make(tmp_path) == []
    assert texts(tmp_path) == before


def test_of_first_starts_at_once_all_end_up_with_the_same(tmp_path: Path) -> None:
    barrier, seen = threading.Barrier(8), []

    def start() -> None:
        barrier.wait()
        make(tmp_path)
        seen.append((tmp_path / "secrets" / "key_peppers").read_text())

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert len(set(seen)) == 1
    assert sorted(texts(tmp_path)) == ["key_peppers", "openid_keys", "secret_key", "signing_keys", "vault_keys"]


def test_what_the_environment_gives_is_not_made(tmp_path: Path) -> None:
    given = {"CHAVEIRO_KEY_PEPPERS": "1:abc", "CHAVEIRO_VAULT_KEYS_FILE": "/run/secrets/vault"}
    assert make(tmp_path, given) == ["SECRET_KEY", "SIGNING_KEYS", "OPENID_KEYS"]
    secrets.lead_in(tmp_path, given)
    assert given == {
        "CHAVEIRO_KEY_PEPPERS": "1:abc",
        "CHAVEIRO_VAULT_KEYS_FILE": "/run/secrets/vault",
        "CHAVEIRO_SECRET_KEY_FILE": str(tmp_path / "secrets" / "secret_key"),
        "CHAVEIRO_SIGNING_KEYS_FILE": str(tmp_path / "secrets" / "signing_keys"),
        "CHAVEIRO_OPENID_KEYS_FILE": str(tmp_path / "secrets" / "openid_keys"),
    }


def test_a_secret_lost_beside_its_database_is_never_made_anew(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "secrets" / "key_peppers").unlink()
    with pytest.raises(SecretsLost) as refused:
        make(tmp_path, database_exists=True)
    assert refused.value.facts["missing"] == [str(tmp_path / "secrets" / "key_peppers")]
    assert not (tmp_path / "secrets" / "key_peppers").exists()


def test_what_no_row_depends_on_is_made_beside_old_data_too(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "secrets" / "openid_keys").unlink()
    assert secrets.missing(tmp_path, {}) == []
    assert make(tmp_path, database_exists=True) == ["OPENID_KEYS"]
    assert ProviderKeys(*(texts(tmp_path)[name] for name in ("openid_keys", "signing_keys"))).published()


@pytest.mark.parametrize("place", ["secrets", "secrets/key_peppers"])
def test_secrets_that_others_can_read_are_refused(tmp_path: Path, place: str) -> None:
    make(tmp_path)
    (tmp_path / place).chmod(0o750)
    with pytest.raises(SecretsUnsafe) as refused:
        secrets.lead_in(tmp_path, {})
    assert refused.value.facts["path"] == str(tmp_path / place)
