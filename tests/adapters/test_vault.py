"""Secrets lent to a job: they open for that job alone, with the wrapping keys of the setting and with no other."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from chaveiro.adapters.vault import SealingVault
from chaveiro.rules.errors import Malformed
from chaveiro.rules.vault import Lending, SealBroken, VaultKeyMissing

KEYS = {1: b"a" * 32, 2: b"b" * 32}
LENDING = Lending(owner=UUID(int=1), job=UUID(int=2), purpose="mint")
SECRET = b"cavalo bateria agrafo correto"


def test_a_sealed_secret_is_opened_for_its_job_and_is_not_in_the_seal() -> None:
    vault = SealingVault(KEYS)
    sealed = vault.seal(SECRET, LENDING)
    assert vault.open(sealed, LENDING) == SECRET
    assert SECRET not in sealed
    assert vault.seal(SECRET, LENDING) != sealed
    assert len(sealed) == len(SECRET) + 91


@pytest.mark.parametrize("change", [{"owner": UUID(int=3)}, {"job": UUID(int=1)}, {"purpose": "move"}])
def test_it_opens_for_no_other_owner_job_or_purpose(change: dict[str, object]) -> None:
    vault = SealingVault(KEYS)
    sealed = vault.seal(SECRET, LENDING)
    with pytest.raises(SealBroken):
        vault.open(sealed, replace(LENDING, **change))


def test_every_changed_byte_is_noticed() -> None:
    vault = SealingVault(KEYS)
    sealed = vault.seal(SECRET, LENDING)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises((SealBroken, VaultKeyMissing)):
            vault.open(bytes(changed), LENDING)
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            vault.open(sealed[:length], LENDING)


def test_the_newest_key_wraps_and_the_old_ones_still_open() -> None:
    old = SealingVault({1: KEYS[1]}).seal(SECRET, LENDING)
    new = SealingVault(KEYS).seal(SECRET, LENDING)
    assert SealingVault(KEYS).open(old, LENDING) == SECRET
    with pytest.raises(VaultKeyMissing) as refused:
        SealingVault({1: KEYS[1]}).open(new, LENDING)
    assert refused.value.facts == {"version": 2}
    with pytest.raises(SealBroken):
        SealingVault({2: b"c" * 32}).open(new, LENDING)


@pytest.mark.parametrize("keys", [{}, {1: b"short"}, {0: b"a" * 32}, {70_000: b"a" * 32}])
def test_wrapping_keys_that_cannot_work_are_refused(keys: dict[int, bytes]) -> None:
    with pytest.raises((Malformed, VaultKeyMissing)):
        SealingVault(keys)
