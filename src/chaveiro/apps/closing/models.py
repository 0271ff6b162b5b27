"""Corrections that wait for somebody else's word, and what became of them."""

from __future__ import annotations

from django.db import models

from chaveiro.apps.customers.models import Customer
from chaveiro.apps.redemption.models import Redemption


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
