"""Batches and their keys. A key is a row; its text is nowhere here, only a keyed digest and the last five symbols."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from chaveiro.apps.catalog.models import ProductVersion
from chaveiro.apps.channel.models import Organisation

# state of a key, decided by somebody          by
#   minted   -> released                        release
#   released -> redeemed                        a redemption's commit
#   redeemed -> released                        a reversal, nothing else
#   minted, released -> revoked                 revoke, recall
KEY_STATES = ("minted", "released", "redeemed", "revoked")


class Batch(models.Model):
    """Keys of one product version, seats and months, with contiguous serial numbers from `first_number`."""

    SEEN = ("seen_batch", "holder_id")
    id = models.UUIDField(primary_key=True)
    number = models.BigIntegerField(unique=True)
    product_version = models.ForeignKey(ProductVersion, models.PROTECT)
    seats = models.IntegerField()
    months = models.IntegerField()
    quantity = models.IntegerField()
    minted = models.IntegerField(default=0)  # how many rows are committed; the next chunk begins here
    first_number = models.BigIntegerField()
    countries = ArrayField(models.CharField(max_length=2), default=list)  # empty: wherever the product is sold
    activate_before = models.DateField(null=True)
    holder = models.ForeignKey(Organisation, models.PROTECT)
    kind = models.TextField(default="bearer")
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    approved_by = models.UUIDField(null=True)
    approved_at = models.DateTimeField(null=True)
    minted_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    wholly_released = models.BooleanField(db_default=False)
    recalled_at = models.DateTimeField(null=True)
    recall_asked_by = models.UUIDField(null=True)
    recall_asked_at = models.DateTimeField(null=True)  # a recall that takes two waits from here on
    recall_reason = models.TextField(db_default="")
    cards = models.BooleanField(db_default=False)  # the export holds cards as PDF beside the keys
    replaces = models.BigIntegerField(null=True, unique=True)  # the number of the one key that it takes the place of

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=["bearer", "book"]), name="batch_kind_is_known"),
            models.CheckConstraint(
                condition=models.Q(minted=0) | models.Q(quantity__lte=1000) | models.Q(approved_at__isnull=False),
                name="batch_is_approved_before_it_is_minted",
            ),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=1, seats__gte=1, months__gte=1), name="batch_amounts_are_positive"
            ),
            models.CheckConstraint(
                condition=models.Q(minted__gte=0, minted__lte=models.F("quantity")),
                name="batch_mints_no_more_than_its_quantity",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True)
                | models.Q(created_by__isnull=True)
                | ~models.Q(approved_by=models.F("created_by")),
                name="batch_is_approved_by_somebody_else",
            ),
            models.CheckConstraint(
                condition=models.Q(recalled_at__isnull=True)
                | models.Q(released_at__isnull=True)
                | models.Q(quantity__lte=1000)
                | models.Q(recall_asked_at__isnull=False),
                name="batch_for_sale_is_recalled_after_it_was_asked",
            ),
            models.CheckConstraint(
                condition=models.Q(cards=False) | models.Q(kind="bearer", quantity__lte=10_000),
                name="batch_has_no_more_cards_than_a_file",
            ),
        ]


class Key(models.Model):
    """One product key. `number` is the serial as a number and lies in its batch's range."""

    SEEN = ("seen_by_operator",)
    number = models.BigIntegerField(primary_key=True)
    # Found by range of numbers, which a trigger holds them to, a whole chunk at a time: twice as fast as a foreign key.
    batch = models.ForeignKey(Batch, models.PROTECT, db_index=False, db_constraint=False)
    state = models.TextField()
    digest = models.BinaryField(null=True, unique=True)  # null: `book`, no secret was ever made
    pepper = models.SmallIntegerField(null=True)
    last_five = models.CharField(max_length=5, null=True)
    customer_id = models.UUIDField(null=True)  # who redeemed it; opaque here
    redeemed_at = models.DateTimeField(null=True)
    replaced_by = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=KEY_STATES), name="key_state_is_known"),
            models.CheckConstraint(
                condition=models.Q(state="redeemed", customer_id__isnull=False, redeemed_at__isnull=False)
                | (~models.Q(state="redeemed") & models.Q(customer_id__isnull=True, redeemed_at__isnull=True)),
                name="key_is_redeemed_by_somebody",
            ),
        ]


class Tally(models.Model):
    """By how many the keys of a batch in one state grew or shrank; triggers write it, the sum of them is the count."""

    SEEN = ("seen_by_house",)
    id = models.BigAutoField(primary_key=True)
    batch_id = models.UUIDField(db_index=True)  # of a batch; no foreign key, since every change of a key adds rows
    state = models.TextField()
    amount = models.BigIntegerField()


class Hold(models.Model):
    """A key set aside for one draft: `until` ends it, 14 days after `since` at the latest (policy)."""

    SEEN = ("seen_by_operator",)
    key = models.OneToOneField(Key, models.PROTECT, primary_key=True)
    draft_id = models.UUIDField(db_index=True)  # opaque here
    since = models.DateTimeField()
    until = models.DateTimeField()


class Export(models.Model):
    """One encrypted part of a batch's texts, gone after download or 24 hours."""

    SEEN = ("seen_by_operator",)
    id = models.UUIDField(primary_key=True)
    batch = models.ForeignKey(Batch, models.PROTECT)
    part = models.IntegerField()
    ciphertext = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "part"], name="export_part_is_unique")]


class PepperVersion(models.Model):
    """A version of the pepper that has minted, and the fingerprint of its secret, which says nothing about it."""

    version = models.SmallIntegerField(primary_key=True)
    fingerprint = models.CharField(max_length=16)
    first_used_at = models.DateTimeField()

    class Meta:
        db_table = "keys_pepper"
