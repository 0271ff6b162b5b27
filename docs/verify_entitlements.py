"""Read a signed entitlement document without asking anybody: `python verify_entitlements.py JWKS DOCUMENT [DAY]`.

JWKS is what `/.well-known/jwks.json` answers, DOCUMENT what `/api/v1/entitlements/document` answers, both as files; DAY
is another day than the document's own. Needs PyJWT with cryptography, and nothing else. Prints JSON; exit 1 when the
document does not hold.
"""

import json
import sys
from datetime import date
from pathlib import Path

import jwt

KIND, VERSION = "chaveiro-entitlements+jws", 1


def read(jwks: dict, document: str) -> dict:
    """The claims, if one of these keys signed them as an entitlement document that has not expired."""
    header = jwt.get_unverified_header(document)
    if header.get("typ") != KIND:
        raise jwt.InvalidTokenError(f"signed as {header.get('typ')}, not as {KIND}")
    keys = [key for key in jwks["keys"] if key["kid"] == header.get("kid") and key["kty"] == "OKP"]
    if not keys:
        raise jwt.InvalidTokenError("signed by a key that is not in the set")
    needed = {"require": ["exp", "iat", "sub"]}
    claims = jwt.decode(document, jwt.PyJWK(keys[0], algorithm="EdDSA").key, algorithms=["EdDSA"], options=needed)
    if claims["version"] != VERSION:
        raise jwt.InvalidTokenError(f"version {claims['version']}")
    return claims


def may_use(claims: dict, day: date) -> dict:
    """By product: whether the person may use it on a day, from the dates alone."""
    return {
        one["product"]: one["licensed"]
        and day < date.fromisoformat(one["access_stops_on"])
        and all(reason["code"] == "stage_forbids" for reason in one["reasons"])
        for one in claims["entitlements"]
    }


def main(arguments: list) -> int:
    """The command."""
    jwks, document = json.loads(Path(arguments[0]).read_text()), Path(arguments[1]).read_text().strip()
    try:
        claims = read(jwks, document)
    except jwt.PyJWTError as fault:
        print(json.dumps({"holds": False, "because": str(fault)}))
        return 1
    day = date.fromisoformat(arguments[2] if len(arguments) > 2 else claims["day"])
    print(json.dumps({"holds": True, "person": claims["sub"], "day": str(day), "may_use": may_use(claims, day)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
