"""Long work with its progress, answers remembered for a retry, and the buckets of the rate limits."""

from __future__ import annotations

from django.db import models


class Operation(models.Model):
    """One piece of long work: counts of done, failed and left, safe to leave and to ask again."""

    SEEN = ("seen_operation", "actor_id")
    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    state = models.TextField(default="queued")
    actor_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    subject_id = models.TextField(default="")
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    result = models.JSONField(default=dict)
    fault = models.TextField(default="")
    lent = models.BinaryField(null=True)  # a secret lent to this work, sealed by the vault; gone with its end
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running", "done", "failed", "cancelled"]),
                name="operation_state_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(done__gte=0, failed__gte=0, total__gte=0), name="operation_counts_are_counts"
            ),
            models.CheckConstraint(
                condition=models.Q(lent__isnull=True) | models.Q(finished_at__isnull=True),
                name="operation_keeps_no_secret_after_its_end",
            ),
        ]
        indexes = [models.Index(fields=["actor_id", "created_at"], name="operation_by_actor")]


class Answer(models.Model):
    """The answer that a request under an Idempotency-Key was given, stored with the act in its transaction (K5)."""

    SEEN = ("seen_own", "actor_id")
    id = models.BigAutoField(primary_key=True)
    actor_id = models.UUIDField()
    method = models.TextField()
    path = models.TextField()
    key = models.TextField()
    body_digest = models.BinaryField()
    status = models.SmallIntegerField()
    body = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["actor_id", "method", "path", "key"], name="answer_is_given_once"),
        ]
        indexes = [models.Index(fields=["at"], name="answer_by_age")]


class Bucket(models.Model):
    """One rate limit of one caller, as the instant at which the bucket would be empty (GCRA: one number a bucket)."""

    SEEN = ("seen_by_house",)
    id = models.UUIDField(primary_key=True)  # digest of the limit's name and the caller; no address is kept
    empty_at = models.DateTimeField()
