"""Exports that only their reader opens: what we write is opened by an age program of others, and by nobody else."""

from __future__ import annotations

import os

import pyrage
import pytest

from chaveiro.adapters.age import PIECE_BYTES, AgeLocksmith, ForRecipient, UnderPassphrase
from chaveiro.rules.errors import Malformed
from chaveiro.rules.exports import Lock

PASSPHRASE = "cavalo bateria agrafo correto"
CHEAP = 4

LENGTHS = [0, 1, 43, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 7]


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_sealed_under_a_passphrase_is_opened_with_it(length: int) -> None:
    plain = os.urandom(length)
    sealed = UnderPassphrase(PASSPHRASE, CHEAP)(plain)
    assert pyrage.passphrase.decrypt(sealed, PASSPHRASE) == plain
    with pytest.raises(pyrage.DecryptError):
        pyrage.passphrase.decrypt(sealed, PASSPHRASE + "!")


def test_the_real_cost_of_a_passphrase_is_what_an_age_program_accepts() -> None:
    sealed = AgeLocksmith().fit(Lock(passphrase=PASSPHRASE))(b"serial,key\n")
    assert sealed.splitlines()[1].endswith(b" 17")
    assert pyrage.passphrase.decrypt(sealed, PASSPHRASE) == b"serial,key\n"


def test_parts_of_one_job_share_a_header_and_no_stream() -> None:
    seal = UnderPassphrase(PASSPHRASE, CHEAP)
    first, second = seal(bytes(1000)), seal(bytes(1000))
    header = first[: first.index(b"\n", first.index(b"---")) + 1]
    assert second.startswith(header)
    ours, theirs = first[len(header) :], second[len(header) :]
    assert ours[:16] != theirs[:16]
    assert ours[16:48] != theirs[16:48]
    assert pyrage.passphrase.decrypt(second, PASSPHRASE) == bytes(1000)


@pytest.mark.parametrize("place", [30, 60, -1, -40])
def test_a_changed_byte_is_noticed(place: int) -> None:
    sealed = bytearray(UnderPassphrase(PASSPHRASE, CHEAP)(b"serial,key\n" * 10))
    sealed[place] ^= 1
    with pytest.raises(pyrage.DecryptError):
        pyrage.passphrase.decrypt(bytes(sealed), PASSPHRASE)


def test_what_is_sealed_for_a_recipient_is_opened_by_that_one_alone() -> None:
    identity, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    sealed = ForRecipient(f" {identity.to_public()}\n")(b"serial,key\n")
    assert pyrage.decrypt(sealed, [identity]) == b"serial,key\n"
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [other])


@pytest.mark.parametrize(
    "recipient",
    ["age1nobody", "ssh-ed25519 AAAA", str(pyrage.x25519.Identity.generate())],
    ids=["no key", "another kind", "a private key"],
)
def test_what_is_no_public_key_is_refused_and_not_repeated(recipient: str) -> None:
    with pytest.raises(Malformed) as refused:
        AgeLocksmith().check(Lock(recipient=recipient))
    assert recipient not in str(refused.value)


@pytest.mark.parametrize("passphrase", ["elevenchars", "x" * 1025])
def test_a_passphrase_has_twelve_characters_at_least(passphrase: str) -> None:
    with pytest.raises(Malformed) as refused:
        AgeLocksmith().check(Lock(passphrase=passphrase))
    assert passphrase not in str(refused.value)
