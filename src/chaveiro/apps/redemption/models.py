"""Redemption: drafts that survive a closed browser, and redemptions with their lines that stand for ever."""

from __future__ import annotations

from django.db import models

from chaveiro.apps.customers.models import Customer
from chaveiro.apps.keys.models import Key
from chaveiro.apps.subscriptions.models import Subscription


class Draft(models.Model):
    """A redemption being filled in. Who shows the resume secret may go on, on any device."""

    SEEN = ("seen_draft", "id", "actor_id")
    id = models.UUIDField(primary_key=True)
    secret_digest = models.BinaryField(unique=True)
    state = models.TextField(default="open")
    actor_kind = models.TextField()
    actor_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    form = models.JSONField(default=dict)  # what was typed about organisation and administrator; dropped with the draft
    redemption_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "committed", "abandoned"]), name="draft_state_is_known"
            ),
        ]
        indexes = [models.Index(fields=["ends_at"], condition=models.Q(state="open"), name="draft_by_end")]


class DraftKey(models.Model):
    """One key text in a draft: a valid one as digest and last five, any other sealed under the resume secret.

    Positions below nought are keys that were taken out and can still be put back.
    """

    SEEN = ("seen_of_draft", "draft_id")
    id = models.BigAutoField(primary_key=True)
    draft = models.ForeignKey(Draft, models.CASCADE, db_index=False)
    position = models.SmallIntegerField()
    digests = models.JSONField(default=dict)  # pepper version -> digest in hexadecimal; empty when sealed
    last_five = models.CharField(max_length=5, default="")
    sealed = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["draft", "position"], name="draft_keys_are_in_order"),
        ]


class DraftLink(models.Model):
    """A one-time link, mailed, that opens a draft again. Its secret is found again from its id and kept nowhere.

    `sealed_code` is the draft's resume code, sealed under that secret: the row alone opens nothing.
    """

    SEEN = ("seen_of_draft", "draft_id")
    id = models.UUIDField(primary_key=True)
    draft = models.ForeignKey(Draft, models.CASCADE)
    digest = models.BinaryField(unique=True)
    sealed_code = models.BinaryField()
    email = models.TextField()
    language = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Redemption(models.Model):
    """One commit: these keys, for this customer, once."""

    SEEN = ("seen_redemption", "customer_id", "organisation_id", "draft_id")
    id = models.UUIDField(primary_key=True)
    reference = models.TextField()
    draft_id = models.UUIDField(null=True, unique=True)
    purpose = models.TextField()
    customer = models.ForeignKey(Customer, models.PROTECT)
    actor_kind = models.TextField()
    actor_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    opened_customer = models.BooleanField()
    person_id = models.UUIDField(null=True)
    attestation = models.JSONField()
    fingerprint = models.TextField()
    day = models.DateField()
    at = models.DateTimeField()
    reversed_at = models.DateTimeField(null=True)
    reversed_by = models.UUIDField(null=True)
    reversal_reason = models.TextField(default="")
    corrects = models.UUIDField(null=True, unique=True)  # the redemption whose keys a correction brought here

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="reference_is_unique"),
            models.CheckConstraint(condition=models.Q(purpose__in=["open", "add", "extend"]), name="purpose_is_known"),
        ]
        indexes = [
            models.Index(
                fields=["organisation_id", "at"],
                condition=models.Q(organisation_id__isnull=False),
                name="redemption_by_organisation",
            ),
        ]


class Line(models.Model):
    """One key spent by a redemption. A key is in at most one standing line (K1)."""

    SEEN = ("seen_line", "customer_id", "redemption_id")
    id = models.BigAutoField(primary_key=True)
    redemption = models.ForeignKey(Redemption, models.PROTECT)
    key = models.ForeignKey(Key, models.PROTECT, db_index=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT, db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    ledger_number = models.IntegerField()
    seats = models.IntegerField()
    months = models.IntegerField()
    reversed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=models.Q(reversed=False), name="key_is_redeemed_once"),
        ]
