"""What readers say of a page and of its language, and what they ask for help with. Nothing here decides anything."""

from __future__ import annotations

from django.db import models


class Answer(models.Model):
    """Whether a page was useful, and what was wrong with its words. Nobody's name: only what was typed may hold one.

    `page` is the pattern of the address, so that it names no subscription and no key; `quote` is a text that somebody
    flagged, as the page showed it.
    """

    SEEN = ("seen_by_operator",)
    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    page = models.TextField()
    language = models.TextField()
    version = models.TextField()
    useful = models.BooleanField()
    satisfaction = models.SmallIntegerField(null=True)
    affected = models.JSONField(default=list)
    text = models.TextField(default="")
    quote = models.TextField(default="")
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(satisfaction__isnull=True) | models.Q(satisfaction__range=(1, 5)),
                name="satisfaction_is_one_to_five",
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], condition=~models.Q(quote=""), name="answer_with_a_quote"),
            models.Index(fields=["at"], name="feedback_answer_by_age"),
        ]


class HelpRequest(models.Model):
    """A question that was passed on by mail: to the operator, or to the customer's partner."""

    SEEN = ("seen_by_operator",)
    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    receiver = models.TextField()
    account_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    customer_id = models.UUIDField(null=True)
    page = models.TextField()
    reference = models.TextField(default="")
    request = models.TextField()
    language = models.TextField()
    name = models.TextField(default="")
    email = models.TextField(default="")
    message = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(receiver__in=["operator", "partner"]), name="receiver_is_known"),
        ]
        indexes = [models.Index(fields=["at"], name="help_request_by_age")]
