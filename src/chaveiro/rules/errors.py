"""Every way in which a rule can say no.

One class each: the docstring is the message for the developer, `code` is for ever, the facts are named.
HTTP statuses and the sentences that people read belong to the doors (`chaveiro.wording`).
"""

from __future__ import annotations

from typing import Any, ClassVar


class Refusal(Exception):
    """Something was asked that the rules do not allow."""

    code: ClassVar[str] = "refused"

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__(self.message())

    @classmethod
    def summary(cls) -> str:
        """The first line of the docstring: what this refusal means, for a developer."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    def message(self) -> str:
        """Summary and facts on one line; never holds a secret, because no fact may be one."""
        if not self.facts:
            return self.summary()
        return f"{self.summary()} ({', '.join(f'{name}={value!r}' for name, value in self.facts.items())})"


class Malformed(Refusal):
    """A value does not have the form that it needs. Facts: field, reason."""

    code = "malformed"


class NotFound(Refusal):
    """Nothing of that name is within the actor's reach; foreign and absent answer alike."""

    code = "not_found"


class NotAllowed(Refusal):
    """The actor may not do this. Facts: needs."""

    code = "role_required"


class Contention(Refusal):
    """Somebody else changed the same thing at the same moment; look again, then decide. Facts: what."""

    code = "try_later"


# Seat-time (`chaveiro.rules.terms`). `instead` is a tuple of offers (`chaveiro.rules.offers`): acts that would do.


class TermTooShort(Refusal):
    """The subscription would end too soon after today. Facts: ends_on, days, days_needed, instead."""

    code = "term_too_short"


class HorizonExceeded(Refusal):
    """The subscription would end later than the policy lets anybody buy. Facts: ends_on, horizon, instead."""

    code = "horizon_exceeded"


class SeatsOverMaximum(Refusal):
    """More seats afterwards than the product has at most. Facts: seats, maximum, over_by, instead."""

    code = "seats_over_maximum"


class SeatsBelowLicences(Refusal):
    """Fewer seats afterwards than licences assigned to people. Facts: seats, assigned, instead."""

    code = "seats_below_licences"


class SeatsNotAllowed(Refusal):
    """The seats chosen lie outside what the policy's right_size lets this act choose. Facts: seats, reason, instead.

    A code of its own: such a choice is within maximum, licences, horizon and shortest term, so that no verdict of
    the rules' list would be true of it. Reason: `fixed` (this act chooses nothing), `too_few` or `too_many` (the
    time added would be more than twice, or less than half, the longest key's term).
    """

    code = "seats_not_allowed"


class PaidDirectly(Refusal):
    """The vendor bills this subscription directly, so that no key acts on it now. Facts: subscription."""

    code = "paid_directly"


class SubscriptionDeleted(Refusal):
    """The subscription was erased; a new key opens a new one and brings nothing back. Facts: erased_on."""

    code = "subscription_deleted"


class LedgerBroken(Refusal):
    """The rows of a ledger do not follow from one another. Facts: number, reason."""

    code = "ledger_broken"


class OutcomeUnknown(Refusal):
    """The connection broke while committing: the act was done whole or not at all. Look before asking again."""

    code = "outcome_unknown"
