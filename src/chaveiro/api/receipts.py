"""How a redemption is answered: as it was done, as it would be done, and as its receipt tells it for ever."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field

from chaveiro.api import fields
from chaveiro.rules.lifecycle import Stage


class OpenedSubscription(fields.Answer):
    """A subscription as the redemption left it; `id` is null while nothing is written."""

    id: str | None
    customer: str | None
    product: str
    seats: int
    ends_on: date = Field(description="The first day not covered.")
    last_day: date
    credit: int = Field(description="Seat-days left over.")
    stage: Stage


class EffectAnswer(fields.Answer):
    """What happens to one subscription, and the sum that says why."""

    subscription: str | None
    product: str
    before: fields.StandingAnswer | None
    after: fields.StandingAnswer
    sum: dict[str, Any] = Field(description="Every number of the sum, as `chaveiro terms` has them.")


class Redeemed(fields.Answer):
    """A redemption, done or (with `validate_only`) not: then nothing has an id that is not there already."""

    id: str | None
    reference: str | None
    customer: str | None
    subscriptions: list[OpenedSubscription]
    effects: list[EffectAnswer]
    fingerprint: str = Field(description="Send it with the commit: if the sum changed meanwhile, nothing is spent.")
    reversed_at: datetime | None = None


class SpentKey(fields.Answer):
    """A key of a redemption."""

    serial: str
    last_five: str | None
    seats: int
    months: int
    subscription: str


class NamedPerson(fields.Answer):
    """The administrator that a redemption named."""

    id: str
    given_name: str
    family_name: str
    email: str
    user_name: str


class NamedPartner(fields.Answer):
    """The partner who redeemed."""

    id: str
    name: str
    registration_number: str | None


class Receipt(Redeemed):
    """Everything that a receipt says."""

    purpose: str
    day: date
    at: datetime
    customer_name: str
    country: str
    opened_customer: bool
    administrator: NamedPerson | None
    partner: NamedPartner | None
    keys: list[SpentKey]
    reversal_reason: str
    corrects: str | None = Field(description="The redemption whose keys a correction brought here.")
    corrected_to: str | None = Field(description="The redemption to which a correction moved the keys.")
