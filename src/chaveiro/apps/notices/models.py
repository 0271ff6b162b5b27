"""What is owed to the world outside: the outbox that feeds the job engine, and the letters with their outcomes."""

from __future__ import annotations

from django.db import models


class Owed(models.Model):
    """One effect owed after a commit. `facts` hold ids only. Relayed to the job engine once, in order."""

    SEEN = ("seen_by_house",)
    id = models.BigAutoField(primary_key=True)
    kind = models.TextField()
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    relayed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(relayed_at__isnull=True), name="owed_not_relayed"),
        ]


class Letter(models.Model):
    """One mail: written before it is posted, its outcome kept. To an account, or to an address that has none."""

    SEEN = ("seen_by_house",)
    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    account_id = models.UUIDField(null=True)
    customer_id = models.UUIDField(null=True)
    owed = models.OneToOneField(Owed, models.PROTECT, null=True)
    state = models.TextField(default="owed")
    attempts = models.SmallIntegerField(default=0)
    outcome = models.TextField(default="")
    created_at = models.DateTimeField()
    posted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["owed", "posted", "failed", "superseded"]), name="letter_state_is_known"
            ),
        ]
