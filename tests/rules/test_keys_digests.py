"""What the database keeps of a key."""

from __future__ import annotations

import hmac
import random

import pytest

from chaveiro.rules import errors, keys


@pytest.mark.parametrize("length", [32, 63, 64, 65, 200])
def test_a_digest_is_hmac_sha_256_of_the_canonical_key_under_the_pepper(length):
    secret = random.Random(length).randbytes(length)
    digester = keys.Digester(keys.Pepper(1, secret))
    minted = keys.mint(50, random.Random(1).randbytes)
    expected = [hmac.digest(secret, key.encode(), "sha256") for key in minted]
    assert digester.digests(minted) == expected
    assert [digester.digest(key) for key in minted] == expected


def test_two_peppers_give_two_digests_and_two_fingerprints():
    old, new = keys.Pepper(1, b"a" * 32), keys.Pepper(2, b"b" * 32)
    key = "84G7ZWYRD6Z1RV0WHE6M14GA6"
    assert keys.Digester(old).digest(key) != keys.Digester(new).digest(key)
    assert old.fingerprint() != new.fingerprint()
    assert (keys.Digester(old).version, keys.Digester(new).version) == (1, 2)


def test_a_fingerprint_tells_the_secret_and_not_the_version():
    assert keys.Pepper(1, b"a" * 32).fingerprint() == keys.Pepper(2, b"a" * 32).fingerprint()
    assert len(keys.Pepper(1, b"a" * 32).fingerprint()) == 16


def test_a_pepper_does_not_show_its_secret():
    assert "aaaa" not in repr(keys.Pepper(1, b"a" * 32))


@pytest.mark.parametrize(("version", "secret", "reason"), [(0, b"a" * 32, "version"), (1, b"a" * 31, "too_short")])
def test_a_weak_or_unnumbered_pepper_is_refused(version, secret, reason):
    with pytest.raises(errors.Malformed) as refused:
        keys.Pepper(version, secret)
    assert refused.value.facts == {"field": "pepper", "reason": reason}
