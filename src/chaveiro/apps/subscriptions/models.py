"""Subscriptions and the ledger that every change of them is a row of. Stages are derived, never stored."""

from __future__ import annotations

from datetime import date

from django.db import models

from chaveiro.apps.catalog.models import Policy, Product
from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.customers.models import Customer

LOOK_NOW = date.min
NEVER = date.max


class Subscription(models.Model):
    """Seats until a day. `ends_on` is the first day not covered, `credit` in seat-days; both replay from the ledger."""

    SEEN = ("seen_subscription", "customer_id", "id")
    id = models.UUIDField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)  # found by what is unique with its id
    product = models.ForeignKey(Product, models.PROTECT, db_index=False)
    policy = models.ForeignKey(Policy, models.PROTECT, db_index=False)
    price_class = models.TextField()
    seats = models.IntegerField()
    assigned = models.IntegerField(default=0)  # live licences; the database refuses more than seats
    shortfall_until = models.DateField(null=True)
    ends_on = models.DateField()
    credit = models.IntegerField()
    term = models.IntegerField()
    version = models.IntegerField()  # number of the last ledger row; guards every change
    paid_by = models.TextField(default="key")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)  # by reversal of the redemption that opened it
    erased_on = models.DateField(null=True)
    clock = models.ForeignKey(Clock, models.PROTECT, null=True, db_index=False)  # its customer's, kept beside
    # The day on which the sweep has to look at it again: LOOK_NOW after every change, NEVER when all is done.
    due_on = models.DateField(db_default=LOOK_NOW)
    erase_on = models.DateField(null=True)  # an erasure put off until then; null: as the policy says

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(seats__gte=0, credit__gte=0, assigned__gte=0), name="seats_are_counts"
            ),
            models.CheckConstraint(
                condition=models.Q(assigned__lte=models.F("seats")) | models.Q(shortfall_until__isnull=False),
                name="licences_fit_the_seats",
            ),
            models.CheckConstraint(condition=models.Q(paid_by__in=["key", "direct"]), name="payer_is_known"),
        ]
        indexes = [
            models.Index(fields=["ends_on"], name="subscription_by_end"),
            models.Index(fields=["due_on"], condition=models.Q(clock__isnull=True), name="subscription_due"),
            models.Index(
                fields=["clock", "due_on"], condition=models.Q(clock__isnull=False), name="subscription_due_on_clock"
            ),
            models.Index(
                fields=["erase_on"],
                condition=models.Q(erase_on__isnull=False, erased_on__isnull=True),
                name="subscription_erasure_put_off",
            ),
        ]


class Block(models.Model):
    """What stands against using a subscription, or against erasing its data; each holder lifts only its own.

    `kind` is why: abuse, legal, unpaid, partner_suspended; `legal_hold` stops no use and keeps the data.
    """

    SEEN = ("seen_block", "customer_id", "subscription_id")
    id = models.UUIDField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT, null=True, db_index=False)  # null: all it has
    kind = models.TextField()
    holder = models.TextField()  # on whose side it was put: operator, channel, system
    holder_id = models.UUIDField(null=True)  # the organisation of the channel
    reason = models.TextField(default="")
    put_by = models.UUIDField(null=True)
    put_on = models.DateField()
    put_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True)
    lifted_on = models.DateField(null=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["abuse", "legal", "unpaid", "partner_suspended", "legal_hold"]),
                name="block_kind_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(holder__in=["operator", "channel", "system"]), name="block_holder_is_known"
            ),
            models.UniqueConstraint(
                fields=["customer", "subscription", "kind", "holder", "holder_id"],
                condition=models.Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="block_stands_once",
            ),
        ]


class LedgerRow(models.Model):
    """One change of a subscription: what, why, when, by whom, before and after. Appended only."""

    SEEN = ("seen_subscription", "customer_id", "subscription_id")
    id = models.BigAutoField(primary_key=True)
    subscription = models.ForeignKey(Subscription, models.PROTECT, db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    number = models.IntegerField()
    term = models.IntegerField()
    kind = models.TextField()
    why = models.TextField(default="")
    redemption_id = models.UUIDField(null=True)  # opaque here
    reverses = models.IntegerField(null=True)
    day = models.DateField()
    origin = models.DateField()
    granted = models.IntegerField()  # seat-days that the keys of this row carry
    seats_before = models.IntegerField()
    ends_before = models.DateField(null=True)
    credit_before = models.IntegerField()
    seats_after = models.IntegerField()
    ends_after = models.DateField(null=True)
    credit_after = models.IntegerField()
    policy = models.ForeignKey(Policy, models.PROTECT, db_index=False)
    actor_kind = models.TextField()
    actor_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "number"], name="ledger_is_numbered"),
            models.CheckConstraint(
                condition=models.Q(seats_after__gte=0, credit_after__gte=0, granted__gte=0),
                name="ledger_counts_are_counts",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["open", "add", "extend", "reverse", "forfeit", "correct"]),
                name="ledger_kind_is_known",
            ),
        ]
