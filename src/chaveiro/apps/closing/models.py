"""Corrections that wait for somebody else's word; erasures, what proved them, and what they left."""

from __future__ import annotations

from django.db import models

from chaveiro.apps.customers.models import Customer
from chaveiro.apps.redemption.models import Redemption
from chaveiro.apps.subscriptions.models import Subscription


class Correction(models.Model):
    """A redemption that shall move to the right customer: who says so, why, and who agreed."""

    SEEN = ("seen_correction", "organisation_id")
    id = models.UUIDField(primary_key=True)
    redemption = models.ForeignKey(Redemption, models.PROTECT, db_index=False)
    right_customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    purpose = models.TextField()
    subscription_id = models.UUIDField(null=True)  # of the right customer; null: a new one is opened
    reason = models.TextField()
    state = models.TextField(default="proposed")
    proposed_kind = models.TextField()
    proposed_by = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    proposed_at = models.DateTimeField()
    settled_by = models.UUIDField(null=True)
    settled_at = models.DateTimeField(null=True)
    answer = models.TextField(default="")  # why it was declined
    made = models.UUIDField(null=True)  # the redemption that stands for the right customer since

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["redemption"], condition=models.Q(state="proposed"), name="correction_waits_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["proposed", "approved", "declined", "withdrawn"]),
                name="correction_state_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(purpose__in=["open", "add", "extend"]), name="correction_purpose_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="approved", made__isnull=False)
                | (~models.Q(state="approved") & models.Q(made__isnull=True)),
                name="approved_correction_made_one",
            ),
        ]
        indexes = [
            models.Index(fields=["redemption", "proposed_at"], name="correction_by_redemption"),
            models.Index(fields=["id"], condition=models.Q(state="proposed"), name="correction_waiting"),
        ]


class Erasure(models.Model):
    """What was erased, when and why, in ids, days and numbers: what its certificate says. Kept for ever.

    Of a customer, it is written when the last subscription goes, and done once the last notice was posted.
    """

    SEEN = ("seen_erasure", "customer_id", "subscription_id")
    id = models.UUIDField(primary_key=True)
    kind = models.TextField()  # subscription | customer | person
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT, null=True, db_index=False)
    person_id = models.UUIDField(null=True)
    due_on = models.DateField()
    begun_on = models.DateField()
    waits_until = models.DateField(null=True)  # of a customer: when its names go, posted or not
    day = models.DateField(null=True)  # null: begun, and not done
    at = models.DateTimeField(null=True)
    proof = models.JSONField(default=dict)
    rows = models.JSONField(default=dict)  # table -> how many rows were blanked or removed
    key_destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="subscription", subscription__isnull=False, person_id__isnull=True)
                | models.Q(kind="customer", subscription__isnull=True, person_id__isnull=True)
                | models.Q(kind="person", subscription__isnull=True, person_id__isnull=False),
                name="erasure_says_of_whom",
            ),
            models.CheckConstraint(
                condition=models.Q(day__isnull=True, at__isnull=True) | models.Q(day__isnull=False, at__isnull=False),
                name="erasure_is_done_on_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(day__isnull=True) | models.Q(day__gte=models.F("due_on")),
                name="erasure_is_never_early",
            ),
            models.UniqueConstraint(
                fields=["subscription"], condition=models.Q(kind="subscription"), name="subscription_is_erased_once"
            ),
            models.UniqueConstraint(
                fields=["customer"], condition=models.Q(kind="customer"), name="customer_is_erased_once"
            ),
            models.UniqueConstraint(
                fields=["person_id"], condition=models.Q(kind="person"), name="person_is_erased_once"
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "begun_on"], name="erasure_by_customer"),
            models.Index(fields=["-at"], condition=models.Q(day__isnull=False), name="erasure_latest"),
            models.Index(fields=["waits_until"], condition=models.Q(day__isnull=True), name="erasure_waiting"),
            models.Index(
                fields=["id"],
                condition=models.Q(day__isnull=False, key_destroyed_at__isnull=True) & ~models.Q(kind="person"),
                name="erasure_with_its_key",
            ),
        ]


class Evidence(models.Model):
    """What stands in the place of a mail's proof: one operator recorded how people were told, another agreed."""

    SEEN = ("seen_by_operator",)
    id = models.UUIDField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT, db_index=False)
    term = models.IntegerField()
    text = models.TextField()
    told_on = models.DateField()
    proposed_by = models.UUIDField(null=True)
    proposed_at = models.DateTimeField()
    approved_by = models.UUIDField(null=True)
    approved_on = models.DateField(null=True)
    approved_at = models.DateTimeField(null=True)
    withdrawn_by = models.UUIDField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "term"],
                condition=models.Q(approved_at__isnull=True, withdrawn_at__isnull=True),
                name="evidence_waits_once",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_at__isnull=True) | models.Q(withdrawn_at__isnull=True),
                name="evidence_is_settled_once",
            ),
        ]
        indexes = [models.Index(fields=["subscription"], name="evidence_by_subscription")]


class ErasingDay(models.Model):
    """How much was erased on a platform day, and how much may be: more than usual stops, and asks an operator."""

    SEEN = ("seen_by_operator",)
    day = models.DateField(primary_key=True)
    most = models.IntegerField()
    erased = models.IntegerField(default=0)
    wanted = models.IntegerField(default=0)
    asked_at = models.DateTimeField(null=True)
    allowed_by = models.UUIDField(null=True)
    allowed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(erased__lte=models.F("most"), wanted__gte=0), name="no_more_than_allowed_are_erased"
            ),
        ]


class DataExport(models.Model):
    """A part of an export of everything, sealed with the customer's data key; gone after a day."""

    SEEN = ("seen_own", "account_id")
    id = models.UUIDField(primary_key=True)
    operation_id = models.UUIDField()  # opaque here
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    account_id = models.UUIDField()  # who asked for it, and alone may fetch it
    part = models.IntegerField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["operation_id", "part"], name="data_export_part_is_one")]
        indexes = [
            models.Index(fields=["created_at"], name="data_export_by_age"),
            models.Index(fields=["customer"], name="data_export_by_customer"),
        ]
