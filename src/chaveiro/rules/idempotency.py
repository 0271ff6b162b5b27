"""A repeated request is given the answer that the first one was given: what makes two requests the same.

The scope is actor, method, path and the key that the client chose; another body under the same key is a mistake.
Key and body are kept as keyed digests: a product key in either cannot be found again, not even by trying.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chaveiro.rules.errors import Malformed, Refusal

KEY_LENGTH_AT_MOST = 255
FIELD = "Idempotency-Key"


class IdempotencyMismatch(Refusal):
    """The same idempotency key came before with another body; use a new key for a new request."""

    code = "idempotency_mismatch"


class IdempotencyKeyNeeded(Refusal):
    """Keys or money move here: the request needs an Idempotency-Key, so that it can be repeated safely."""

    code = "idempotency_key_needed"


class StillRunning(Refusal):
    """The first request under this idempotency key has not ended yet; ask again. Facts: retry_after (seconds)."""

    code = "still_running"


@dataclass(frozen=True, slots=True)
class Request:
    """One request under an idempotency key. `key` and `body_digest` are keyed digests already."""

    actor: UUID
    method: str
    path: str
    key: str
    body_digest: bytes

    def lock(self) -> int:
        """The number of the advisory lock that one running request of this scope holds: 64 bits, signed."""
        scope = "\x00".join((str(self.actor), self.method, self.path, self.key))
        return int.from_bytes(hashlib.sha256(scope.encode()).digest()[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer that the first request was given."""

    status: int
    body: Any


def request(*, actor: UUID, method: str, path: str, key: str, body: Any, secret: bytes) -> Request:
    """The request as it is compared and kept; `body` is the parsed JSON, so that spacing and order do not matter.

    `secret` keys the digests. Raises Malformed when the client's key is empty, long, or not visible ASCII.
    """
    if not 0 < len(key) <= KEY_LENGTH_AT_MOST or not key.isascii() or not key.isprintable() or " " in key:
        raise Malformed(field=FIELD, reason=f"1 to {KEY_LENGTH_AT_MOST} visible ASCII characters")
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Request(
        actor=actor,
        method=method.upper(),
        path=path,
        key=_digest(secret, b"key", key).hex(),
        body_digest=_digest(secret, b"body", text),
    )


def _digest(secret: bytes, purpose: bytes, text: str) -> bytes:
    # A lone surrogate is valid JSON and no valid UTF-8; it must be compared, not stumbled over.
    return hmac.digest(
        secret, b"chaveiro idempotency 1\x00" + purpose + b"\x00" + text.encode(errors="surrogatepass"), "sha256"
    )


def worth_keeping(status: int, *, dry_run: bool) -> bool:
    """Whether an answer is stored: a dry run changed nothing, and after a fault of ours a retry shall try again."""
    return not dry_run and status < 500


def answer_row(asked: Request, status: int, body: Any) -> dict[str, Any]:
    """The answer in the form that `operations_remember(jsonb)` stores, for acts that commit in one SQL function."""
    return {
        "actor": str(asked.actor),
        "method": asked.method,
        "path": asked.path,
        "key": asked.key,
        "body_digest": asked.body_digest.hex(),
        "status": status,
        "body": body,
    }
