"""One-time codes of an authenticator app, and the recovery codes beside them.

The app's seed is sealed by the vault; of a recovery code only the digest is kept. Each code opens once: the half minute
of the last one used is kept, and the row is held while a code is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chaveiro.apps.identity.actions import security
from chaveiro.apps.identity.actions.scope import acting, digest_of
from chaveiro.apps.identity.actions.security import own
from chaveiro.apps.identity.models import OneTimeCodes, RecoveryCode
from chaveiro.apps.journal.models import seen
from chaveiro.rules import factors
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import Contention, NotFound
from chaveiro.rules.factors import RECOVERY_BYTES, RECOVERY_CODES, SEED_BYTES, CodeRefused
from chaveiro.rules.means import Means
from chaveiro.rules.symbols import significant
from chaveiro.rules.vault import Lending, Vault

PURPOSE = "one-time codes"
RECOVERY_SYMBOLS_LEAST = 12  # what is typed longer than an app's code is a recovery code


@dataclass(frozen=True, slots=True)
class Codes:
    """What codes need: the vault, what an app with a seed shows in a half minute, and the means of the act."""

    vault: Vault
    code_at: Callable[[bytes], Callable[[int], str]]
    means: Means


def begin(*, actor: Actor, codes: Codes) -> None:
    """Make a new seed for the actor's app; it counts once a code was entered. Raises Contention where one does."""
    sealed = codes.vault.seal(codes.means.random_bytes(SEED_BYTES), _lending(own(actor)))
    with acting(actor):
        if seen(OneTimeCodes).filter(account_id=own(actor)).exclude(confirmed_at=None).exists():
            raise Contention(what="one-time codes")
        seen(OneTimeCodes).filter(account_id=own(actor)).delete()
        OneTimeCodes(account_id=own(actor), sealed=sealed, created_at=codes.means.now).save(force_insert=True)


def waiting_seed(*, actor: Actor, codes: Codes) -> bytes | None:
    """The seed that was made and waits for its first code; None where there is none. It is shown only until then."""
    with acting(actor):
        row = seen(OneTimeCodes).filter(account_id=own(actor), confirmed_at=None).first()
    return None if row is None else codes.vault.open(bytes(row.sealed), _lending(own(actor)))


def switch_on(*, actor: Actor, typed: str, codes: Codes) -> list[factors.RecoveryCode]:
    """The first code was entered: from now on one is asked for after the password; answers ten recovery codes, once.

    Journals and mails. Raises CodeRefused, NotFound where no seed waits.
    """
    with acting(actor):
        row = _locked(actor, confirmed=False)
        row.last_step = _step(actor, row, typed, codes)
        row.confirmed_at = codes.means.now
        row.save(update_fields=["last_step", "confirmed_at"])
        made = _new_recovery_codes(actor, codes.means)
        security.changed(actor, "codes_on", codes.means.now)
    return made


def switch_off(*, actor: Actor, now: datetime) -> None:
    """No code is asked for any more; recovery codes go with it. Journals and mails. Raises SecondFactorNeeded."""
    with acting(actor):
        before = security.lock(actor)
        if not before.one_time_codes:
            raise NotFound()
        security.check_after(actor, replace(before, one_time_codes=False, recovery_codes=0))
        seen(OneTimeCodes).filter(account_id=own(actor)).delete()
        seen(RecoveryCode).filter(account_id=own(actor)).delete()
        security.changed(actor, "codes_off", now)


def forget_waiting(*, actor: Actor) -> None:
    """The set-up was left: the seed that nobody used goes."""
    with acting(actor):
        seen(OneTimeCodes).filter(account_id=own(actor), confirmed_at=None).delete()


def enter(*, actor: Actor, typed: str, codes: Codes) -> str:
    """A code of the app, or a recovery code, is used up; answers which: `code` or `recovery_code`. Raises CodeRefused.

    The use of a recovery code is journalled and mailed: somebody lost their app, or somebody else has the list.
    """
    if len(significant(typed[:100])) >= RECOVERY_SYMBOLS_LEAST:
        _enter_recovery(actor, typed, codes.means)
        return "recovery_code"
    with acting(actor):
        try:
            row = _locked(actor, confirmed=True)
        except NotFound:
            raise CodeRefused() from None
        row.last_step = _step(actor, row, typed, codes)
        row.save(update_fields=["last_step"])
    return "code"


def renew_recovery_codes(*, actor: Actor, means: Means) -> list[factors.RecoveryCode]:
    """Ten new recovery codes in the place of the old ones, told once; journals and mails. Raises NotFound."""
    with acting(actor):
        if not security.lock(actor).second_factor:
            raise NotFound()
        made = _new_recovery_codes(actor, means)
        security.changed(actor, "recovery_codes_made", means.now)
    return made


def _enter_recovery(actor: Actor, typed: str, means: Means) -> None:
    code = factors.RecoveryCode.read(typed)
    with acting(actor):
        unused = seen(RecoveryCode).filter(account_id=own(actor), digest=digest_of(code.symbols), used_at=None)
        if unused.update(used_at=means.now) != 1:
            raise CodeRefused()
        security.changed(actor, "recovery_code_used", means.now)


def _new_recovery_codes(actor: Actor, means: Means) -> list[factors.RecoveryCode]:
    seen(RecoveryCode).filter(account_id=own(actor)).delete()
    made = [factors.RecoveryCode.made(means.random_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        [
            RecoveryCode(id=means.new_id(), account_id=own(actor), digest=digest_of(code.symbols), created_at=means.now)
            for code in made
        ]
    )
    return made


def _locked(actor: Actor, *, confirmed: bool) -> OneTimeCodes:
    found = seen(OneTimeCodes).select_for_update().filter(account_id=own(actor), confirmed_at__isnull=not confirmed)
    row = found.first()
    if row is None:
        raise NotFound()
    return row


def _step(actor: Actor, row: OneTimeCodes, typed: str, codes: Codes) -> int:
    seed = codes.vault.open(bytes(row.sealed), _lending(own(actor)))
    return factors.accepted_step(typed, code_at=codes.code_at(seed), now=codes.means.now, last_step=row.last_step)


def _lending(account: UUID) -> Lending:
    return Lending(owner=account, job=account, purpose=PURPOSE)
