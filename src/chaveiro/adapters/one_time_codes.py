"""One-time codes of an authenticator app (RFC 6238: HMAC-SHA-1, six digits, half a minute), and its QR code."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pyotp
import segno

from chaveiro.rules.factors import DIGITS, STEP_SECONDS

MASK = 3  # fixed: the same secret gives the same picture


def code_at(seed: bytes) -> Callable[[int], str]:
    """What an authenticator app with this seed shows in a given half minute."""
    maker = pyotp.HOTP(spelled(seed), digits=DIGITS)
    return maker.at


def spelled(seed: bytes) -> str:
    """The seed as people type it into an app: base 32."""
    return base64.b32encode(seed).decode()


def address(seed: bytes, *, login_name: str, vendor: str) -> str:
    """The `otpauth://` address that an app reads."""
    totp = pyotp.TOTP(spelled(seed), digits=DIGITS, interval=STEP_SECONDS)
    return totp.provisioning_uri(name=login_name, issuer_name=vendor)


def picture(text: str) -> bytes:
    """A QR code as an SVG file, black on white whatever the page's theme is."""
    file = io.BytesIO()
    code = segno.make(text, error="m", mask=MASK, micro=False)
    code.save(file, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=True, svgns=True)
    return file.getvalue()
