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


class Notice(models.Model):
    """What somebody has to be told about a subscription's life: written first, posted after, its outcome kept.

    `facts` are what was true when it was written; before it is posted they are held against the subscription again.
    """

    SEEN = ("seen_notice", "customer_id", "organisation_id", "account_id")
    id = models.UUIDField(primary_key=True, db_default=models.Func(function="gen_random_uuid"))
    subscription_id = models.UUIDField()  # opaque here, as all ids below
    customer_id = models.UUIDField()
    term = models.IntegerField()
    kind = models.TextField()  # rules.notices.Kind; a threshold is `ends-30`
    recipient = models.TextField()  # who and which address, in ids: `account:…`, `account:…:alternate`, `contact`, …
    account_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)  # of the channel, where it goes to a partner
    due_on = models.DateField()  # the day on which it became owed
    written_on = models.DateField()  # the day of the sweep that wrote it
    facts = models.JSONField(default=dict)
    state = models.TextField(default="owed")
    attempts = models.SmallIntegerField(default=0)
    try_at = models.DateTimeField()
    address = models.TextField(default="")  # where it was posted; blank again once the customer is erased
    outside = models.BooleanField(null=True)  # whether that address lies outside what the subscription serves
    server = models.TextField(default="")  # which server took it or refused it
    direct = models.BooleanField(default=False)  # it lies in the recipient's own mailbox: no relay stands between
    returns = models.BooleanField(
        default=False, db_default=False
    )  # posted with a way back, by which a delivery report finds it
    outcome = models.TextField(default="")
    settled_on = models.DateField(null=True)
    settled_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription_id", "term", "kind", "recipient"], name="notice_is_written_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["owed", "accepted", "bounced", "superseded", "dropped"]),
                name="notice_state_is_known",
            ),
        ]
        indexes = [
            models.Index(fields=["try_at"], condition=models.Q(state="owed"), name="notice_to_post"),
            models.Index(fields=["customer_id", "-written_on"], name="notice_by_customer"),
            models.Index(
                fields=["account_id", "-written_on"],
                condition=models.Q(account_id__isnull=False),
                name="notice_by_account",
            ),
            models.Index(fields=["written_on", "id"], name="notice_by_day"),
            models.Index(
                fields=["state", "written_on", "id"],
                condition=models.Q(state__in=["owed", "bounced", "dropped"]),
                name="notice_in_trouble",
            ),
            models.Index(
                fields=["account_id"],
                condition=models.Q(account_id__isnull=False, read_at__isnull=True),
                name="notice_not_read",
            ),
            models.Index(
                fields=["organisation_id", "written_on", "id"],
                condition=models.Q(organisation_id__isnull=False),
                name="notice_by_organisation",
            ),
            models.Index(
                fields=["customer_id"], condition=models.Q(state="bounced"), name="notice_bounced_by_customer"
            ),
        ]
