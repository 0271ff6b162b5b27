"""Second factors and confirmations: one-time codes, recovery codes, who needs a second factor, and the last way in.

A one-time code is six digits for half a minute (RFC 6238). A recovery code is 16 symbols of Crockford's base 32 (80
random bits) in four groups; ten are made at once, each works once, and only their digests are kept.
Source: reliability, Security (People).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.symbols import SYMBOLS, significant

STEP_SECONDS = 30
STEPS_OFF_AT_MOST = 1  # a telephone's clock may be half a minute off, either way
DIGITS = 6
SEED_BYTES = 20  # as long as what HMAC-SHA-1 puts out (RFC 4226, section 4)

RECOVERY_CODES = 10
RECOVERY_SYMBOLS = 16
RECOVERY_BYTES = 10

CONFIRMED_FOR = timedelta(minutes=5)  # how long a confirmation stands for the most dangerous acts
MAILED_DIGITS = 8
MAILED_FOR = timedelta(minutes=10)
NAME_LENGTH_AT_MOST = 60
PASSKEYS_AT_MOST = TESTIMONIES_AT_MOST = 20  # of one account
TRIES_AT_MOST = 5  # at one question; then it is asked anew

# Who mints, or acts for customers, or erases: a stolen password alone must not do.
ROLES_THAT_NEED_A_SECOND_FACTOR = ("owner",)


class CodeRefused(Refusal):
    """The code is wrong, too old, or was used before; which of them is not told."""

    code = "code_refused"


class PasskeyRefused(Refusal):
    """What the passkey answered does not hold. Facts: reason (for the logs: the same words are told for each)."""

    code = "passkey_refused"


class ChallengeSpent(Refusal):
    """The question was answered before, is too old, or was put to another browser."""

    code = "challenge_spent"


class LastWayIn(Refusal):
    """Without this nobody could sign in to the account any more. Facts: none."""

    code = "last_way_in"


class SecondFactorNeeded(Refusal):
    """This account may not be without a second factor. Facts: none."""

    code = "second_factor_needed"


@dataclass(frozen=True, slots=True)
class Ways:
    """How one can sign in to an account, and what stands beside its password."""

    password: bool = False
    passkeys: int = 0
    providers: int = 0
    one_time_codes: bool = False
    recovery_codes: int = 0

    @property
    def second_factor(self) -> bool:
        """Whether a password alone does not open it; a passkey is two factors by itself."""
        return self.one_time_codes or self.passkeys > 0


def step_of(now: datetime) -> int:
    """The half minute that an instant lies in, counted from 1970."""
    return int(now.timestamp()) // STEP_SECONDS


def digits_of(typed: str, count: int = DIGITS) -> str:
    """A typed code without spaces and dashes. Raises CodeRefused when it is not that many digits."""
    digits = significant(typed[:100])
    if len(digits) != count or not (digits.isascii() and digits.isdecimal()):
        raise CodeRefused()
    return digits


def accepted_step(typed: str, *, code_at: Callable[[int], str], now: datetime, last_step: int) -> int:
    """The step whose code this is, newer than the last one used: each code opens once. Raises CodeRefused.

    Every step that could be meant is compared, in the same time whatever was typed.
    """
    digits, present = digits_of(typed), step_of(now)
    found = 0
    for step in range(present - STEPS_OFF_AT_MOST, present + STEPS_OFF_AT_MOST + 1):
        if hmac.compare_digest(code_at(step), digits) and step > last_step:
            found = step
    if not found:
        raise CodeRefused()
    return found


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """A recovery code in its canonical form: 16 symbols, no separators."""

    symbols: str

    @classmethod
    def made(cls, entropy: bytes) -> RecoveryCode:
        """A code from RECOVERY_BYTES random bytes."""
        if len(entropy) != RECOVERY_BYTES:
            raise Malformed(field="code", reason=f"a recovery code is made of {RECOVERY_BYTES} bytes")
        number = int.from_bytes(entropy, "big")
        return cls("".join(SYMBOLS[number >> 5 * place & 31] for place in range(RECOVERY_SYMBOLS)))

    @classmethod
    def read(cls, typed: str) -> RecoveryCode:
        """A typed code; case, separators and look-alikes are forgiven as in keys. Raises CodeRefused."""
        symbols = significant(typed[:100])
        if len(symbols) != RECOVERY_SYMBOLS or any(symbol not in SYMBOLS for symbol in symbols):
            raise CodeRefused()
        return cls(symbols)

    def grouped(self) -> str:
        """As people see it."""
        return "-".join(self.symbols[start : start + 4] for start in range(0, RECOVERY_SYMBOLS, 4))


def mailed_code(secret: bytes, question: bytes) -> str:
    """The eight digits that are mailed for one question; letter and page work them out alike, nothing is stored."""
    number = int.from_bytes(hmac.digest(secret, b"mailed code 1\x00" + question, "sha256")[:8], "big")
    return f"{number % 10**MAILED_DIGITS:0{MAILED_DIGITS}d}"


def needs_second_factor(actor: Actor) -> bool:
    """Whether this actor must have a second factor: it can mint, act for others, or erase."""
    return actor.kind is Kind.OPERATOR or (
        actor.kind is Kind.CHANNEL and not actor.roles.isdisjoint(ROLES_THAT_NEED_A_SECOND_FACTOR)
    )


def is_confirmed(confirmed_at: datetime | None, now: datetime) -> bool:
    """Whether a confirmation still stands for the most dangerous acts."""
    return confirmed_at is not None and confirmed_at <= now < confirmed_at + CONFIRMED_FOR


def check_leaves_a_way(after: Ways, *, needs_second: bool) -> None:
    """Pass when the account can still be entered, and as safely as it must be. Raises LastWayIn, SecondFactorNeeded."""
    if not (after.password or after.passkeys or after.providers):
        raise LastWayIn()
    if needs_second and not after.second_factor:
        raise SecondFactorNeeded()


def check_label(name: str, *, otherwise: str) -> str:
    """What a person calls a passkey, without outer spaces, or `otherwise`. Raises Malformed(field="name")."""
    name = name.strip() or otherwise
    if len(name) > NAME_LENGTH_AT_MOST or not name.isprintable():
        raise Malformed(field="name", reason=f"1 to {NAME_LENGTH_AT_MOST} printable characters")
    return name


def may_be_carried(names: Collection[str]) -> bool:
    """Whether a form with these fields may be carried through a confirmation: none holds a key or a password."""
    return not any(name.lower().startswith(("key", "password", "secret", "again")) for name in names)
