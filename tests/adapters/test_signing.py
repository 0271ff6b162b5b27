"""Receipts and checkpoints carry a signature that anybody checks with the published keys, and nothing else passes."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chaveiro.adapters.signing import (
    Keyring,
    PublicKeys,
    SigningKeysUnusable,
    add_key,
    ensure_key,
    new_private_key,
    thumbprint,
)
from chaveiro.rules.journal import SignatureInvalid

RECEIPT = "chaveiro-receipt+jws"
CLAIMS = {"reference": "R-2026-000117", "customer": "Padaria Sol, Lda.", "seats": 25}
PRESENT, FORMER, FOREIGN = (new_private_key(bytes([number]) * 32) for number in (1, 2, 3))


def public_half(private: str) -> str:
    key = Keyring.from_text(private)._signing.public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def refused(reader: PublicKeys, text: str, kind: str = RECEIPT) -> str:
    with pytest.raises(SignatureInvalid) as refusal:
        reader.read(text, kind)
    return str(refusal.value.facts["reason"])


def test_the_thumbprint_is_that_of_the_standards_example() -> None:
    # RFC 8037, appendix A.3
    x = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert thumbprint(Ed25519PublicKey.from_public_bytes(x)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_signature_is_that_of_the_standards_example() -> None:
    # RFC 8037, appendices A.1 and A.4: same key, and PyJWT's own signature over the same bytes.
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    signed = jwt.PyJWS(algorithms=["EdDSA"]).encode(
        b"Example of Ed25519 signing",
        Ed25519PrivateKey.from_private_bytes(seed),
        algorithm="EdDSA",
        headers={"typ": None},
    )
    assert signed == (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR"
        "4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )


def test_a_receipt_is_checked_offline_with_the_published_keys_alone() -> None:
    keyring = Keyring.from_text(PRESENT)
    published = json.loads(json.dumps(keyring.jwks()))
    text = keyring.sign(CLAIMS, RECEIPT)
    assert PublicKeys.from_jwks(published).read(text, RECEIPT) == CLAIMS
    header = jwt.get_unverified_header(text)
    assert header == {"alg": "EdDSA", "kid": keyring.kid, "typ": RECEIPT}
    # and with another implementation's reading of the same document
    key = jwt.PyJWKSet.from_dict(published)[keyring.kid]
    assert json.loads(jwt.PyJWS().decode(text, key, algorithms=["EdDSA"])) == CLAIMS


def test_the_published_keys_hold_nothing_private() -> None:
    keyring = Keyring.from_text(PRESENT + FORMER)
    for key in keyring.jwks()["keys"]:
        assert set(key) == {"alg", "crv", "kid", "kty", "use", "x"}
    assert PRESENT.splitlines()[1] not in repr(keyring) + str(vars(keyring))


def test_the_same_receipt_signed_again_is_the_same_text() -> None:
    first, second = Keyring.from_text(PRESENT), Keyring.from_text(PRESENT)
    assert first.sign(CLAIMS, RECEIPT) == second.sign(dict(reversed(CLAIMS.items())), RECEIPT)


def test_what_a_retired_key_signed_still_holds_and_it_signs_no_more() -> None:
    old = Keyring.from_text(FORMER).sign(CLAIMS, RECEIPT)
    for retired in (FORMER, public_half(FORMER)):
        rotated = Keyring.from_text(PRESENT + retired)
        assert rotated.read(old, RECEIPT) == CLAIMS
        assert rotated.kid == Keyring.from_text(PRESENT).kid
        assert len(rotated.jwks()["keys"]) == 2
    assert "not ours" in refused(Keyring.from_text(PRESENT), old)


def test_a_changed_receipt_is_refused_at_every_place() -> None:
    keyring = Keyring.from_text(PRESENT)
    text = keyring.sign(CLAIMS, RECEIPT)
    header, _, signature = text.split(".")
    richer = base64.urlsafe_b64encode(json.dumps(CLAIMS | {"seats": 250}).encode()).decode().rstrip("=")
    assert "changed" in refused(keyring, f"{header}.{richer}.{signature}")
    foreign = Keyring.from_text(FOREIGN).sign(CLAIMS, RECEIPT)
    assert "not ours" in refused(keyring, foreign)
    # a foreign signature under our key's name
    borrowed = jwt.PyJWS().encode(
        json.dumps(CLAIMS).encode(),
        Keyring.from_text(FOREIGN)._signing,
        algorithm="EdDSA",
        headers={"kid": keyring.kid, "typ": RECEIPT},
    )
    assert "changed" in refused(keyring, borrowed)
    for broken in ("", ".", "..", "a.b.c", text[:-4], text + "AAAA", text.replace(".", "", 1), "é.é.é", header):
        assert refused(keyring, broken)


def test_no_other_algorithm_passes() -> None:
    keyring = Keyring.from_text(PRESENT)
    public = keyring.jwks()["keys"][0]["x"].encode()
    headers = {"kid": keyring.kid, "typ": RECEIPT}
    payload = json.dumps(CLAIMS).encode()
    unsigned = jwt.PyJWS().encode(payload, "", algorithm="none", headers=headers)
    assert "changed" in refused(keyring, unsigned)
    # the public key used as a shared secret: the classic confusion
    shared = jwt.PyJWS().encode(payload, public, algorithm="HS256", headers=headers)
    assert "changed" in refused(keyring, shared)


def test_a_checkpoint_is_never_taken_for_a_receipt() -> None:
    keyring = Keyring.from_text(PRESENT)
    assert "not signed as" in refused(keyring, keyring.sign(CLAIMS, "chaveiro-checkpoint+jws"))


def test_what_is_signed_but_is_no_object_is_refused() -> None:
    keyring = Keyring.from_text(PRESENT)
    text = jwt.PyJWS().encode(b"[1]", keyring._signing, algorithm="EdDSA", headers={"kid": keyring.kid, "typ": RECEIPT})
    assert "not signed as" in refused(keyring, text)


def test_an_endless_text_is_not_read() -> None:
    assert refused(Keyring.from_text(PRESENT), "a" * 5_000_000) == "too long"


def test_keys_may_come_on_one_line_as_environments_write_them() -> None:
    assert Keyring.from_text(PRESENT.replace("\n", "\\n")).kid == Keyring.from_text(PRESENT).kid


def test_keys_that_cannot_serve_are_refused_without_being_repeated() -> None:
    elliptic = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    broken = PRESENT.replace("MC4", "XX4")
    cases = {
        "": "no signing key",
        "secret-that-is-no-pem": "no signing key",
        public_half(PRESENT): "private key that signs first",
        elliptic.decode(): "not an Ed25519 key",
        broken: "not readable",
    }
    for text, reason in cases.items():
        with pytest.raises(SigningKeysUnusable, match=reason) as refusal:
            Keyring.from_text(text)
        assert "secret-that" not in str(refusal.value)
    with pytest.raises(ValueError, match="32 bytes"):
        new_private_key(b"short")
    for document in ({}, {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}, {"keys": [1]}):
        with pytest.raises(SigningKeysUnusable):
            PublicKeys.from_jwks(document)


def test_a_folder_of_keys_signs_with_the_newest_and_publishes_all(tmp_path: Path) -> None:
    folder = tmp_path / "signing"
    first = add_key(folder, b"1" * 32)
    older = Keyring.from_folder(folder)
    second = add_key(folder, b"2" * 32)
    newer = Keyring.from_folder(folder)
    assert (first.name, second.name) == ("0001.pem", "0002.pem")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert first.stat().st_mode & 0o777 == 0o600
    assert newer.kid != older.kid
    assert newer.read(older.sign(CLAIMS, RECEIPT), RECEIPT) == CLAIMS
    assert sorted(file.name for file in folder.iterdir()) == ["0001.pem", "0002.pem"]
    first.chmod(0o640)
    with pytest.raises(SigningKeysUnusable, match="0600"):
        Keyring.from_folder(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningKeysUnusable, match="no signing key"):
        Keyring.from_folder(tmp_path)


def test_two_starts_at_once_overwrite_no_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: add_key(tmp_path / str(number % 2), bytes([number]) * 32), range(16)))
    assert len(set(made)) == 16
    for half in (0, 1):
        assert len(Keyring.from_folder(tmp_path / str(half)).jwks()["keys"]) == 8


def test_two_first_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ensure_key(tmp_path, bytes([number]) * 32), range(8)))
    assert [file.name for file in tmp_path.iterdir()] == ["0001.pem"]
    kid = Keyring.from_folder(tmp_path).kid
    ensure_key(tmp_path, b"9" * 32)
    assert Keyring.from_folder(tmp_path).kid == kid
