"""The keys by which services are told who signed in: an RSA key of their own, and the house's Ed25519 key.

Every library knows RS256; a service may ask for EdDSA, whose signatures are shorter. The first key of each kind signs,
all stay published: an ID token that was signed a moment ago still verifies after a new key came.
"""

from __future__ import annotations

import re
from typing import Any

import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey, RSAKey

_PEM = re.compile(r"-----BEGIN (?P<label>[A-Z ]+)-----.+?-----END (?P=label)-----", re.DOTALL)


class ProviderKeysUnusable(Exception):
    """The keys that sign ID tokens cannot be used; the message says why and how to cure it, and never repeats a key."""


class ProviderKeys:
    """The keys of ID tokens: an RSA key of their own, for every library knows it, and the house's Ed25519 key."""

    def __init__(self, rsa_text: str, ed25519_text: str) -> None:
        self._signing: dict[str, RSAKey | OKPKey] = {}
        self._all: list[RSAKey | OKPKey] = []
        self._read(rsa_text, RSAKey, "RS256", "OPENID_KEYS")
        self._read(ed25519_text, OKPKey, "EdDSA", "SIGNING_KEYS")

    def __repr__(self) -> str:
        return f"ProviderKeys({', '.join(sorted(self._signing))})"

    def _read(self, text: str, kind: type[RSAKey] | type[OKPKey], algorithm: str, variable: str) -> None:
        blocks = [found[0] for found in _PEM.finditer(text.replace("\\n", "\n"))]
        if not blocks:
            raise ProviderKeysUnusable(f"CHAVEIRO_{variable} holds no key in PEM form; `chaveiro init` makes one.")
        for number, block in enumerate(blocks):
            try:
                key = kind.import_key(block)
            except (JoseError, ValueError, TypeError) as fault:
                raise ProviderKeysUnusable(f"Key {number + 1} of CHAVEIRO_{variable} is not of its kind.") from fault
            named = kind.import_key(block, {"kid": key.thumbprint(), "alg": algorithm, "use": "sig"})
            self._all.append(named)
            if number == 0:
                if not named.is_private:
                    raise ProviderKeysUnusable(f"The first key of CHAVEIRO_{variable} is a public one; it must sign.")
                self._signing[algorithm] = named

    def signing(self, algorithm: str) -> RSAKey | OKPKey:
        """The key that signs by an algorithm now."""
        return self._signing[algorithm]

    def published(self) -> dict[str, Any]:
        """The JWK set, retired keys included."""
        return {"keys": [key.as_dict(private=False) for key in self._all]}

    def client_of(self, statement: str, issuer: str) -> tuple[str, str]:
        """Service and sign-in (`sid`) of an ID token that we wrote, expired or not; ("", "") for any other text."""
        try:
            kid = jwt.get_unverified_header(statement).get("kid")
            (key,) = [each for each in self._all if each.kid == kid]
            claims = jwt.decode(
                statement,
                key.as_pem(private=False),
                algorithms=[str(key.alg)],
                issuer=issuer,
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError):
            return "", ""
        return str(claims.get("aud") or ""), str(claims.get("sid") or "")
