"""What is sold: products in immutable versions, their markets, and the policies they point to."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Policy(models.Model):
    """One published version of a set of numbers (grace, retention, holds, right-sizing…); never changes."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    version = models.IntegerField()
    numbers = models.JSONField()
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="policy_version_is_unique")]


class Product(models.Model):
    """A product by its code; what it is stands in its versions."""

    id = models.BigAutoField(primary_key=True)
    code = models.TextField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)  # no further keys are ordered; what was sold stays good

    class Meta:
        constraints = [models.UniqueConstraint(fields=["code"], name="product_code_is_unique")]


class ProductVersion(models.Model):
    """One published version of a product. Batches pin it; new organisations are opened by the newest."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, models.PROTECT)
    number = models.IntegerField()
    names = models.JSONField()  # {"pt": …, "en": …}
    texts = models.JSONField(default=dict)
    services = ArrayField(models.TextField(), default=list)
    maximum_seats = models.IntegerField()
    markets = ArrayField(models.CharField(max_length=2))  # countries where it may be opened
    price_class = models.TextField(default="standard")
    policy = models.ForeignKey(Policy, models.PROTECT)
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "number"], name="product_version_is_unique"),
            models.CheckConstraint(condition=models.Q(maximum_seats__gte=1), name="product_has_seats"),
        ]


class PolicyDraft(models.Model):
    """The next version of a policy while it is worked on: what was typed, field by field, also what no rule takes."""

    SEEN = ("seen_policy_work", "id")
    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    base = models.ForeignKey(Policy, models.PROTECT, null=True, db_index=False)  # the version it was copied from
    typed = models.JSONField()
    version = models.IntegerField()  # guards against writing over somebody else's change
    changed_by = models.UUIDField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="policy_has_one_draft")]


class PolicyAdoption(models.Model):
    """That existing subscriptions follow a published version: proposed by one, agreed to by another, carried out."""

    SEEN = ("seen_policy_work", "id")
    id = models.UUIDField(primary_key=True)
    policy = models.ForeignKey(Policy, models.PROTECT, db_index=False)
    state = models.TextField(default="proposed")
    proposed_by = models.UUIDField(null=True)
    proposed_at = models.DateTimeField()
    settled_by = models.UUIDField(null=True)
    settled_at = models.DateTimeField(null=True)
    wanted = models.IntegerField()  # subscriptions that were to follow when it was agreed to
    moved = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy"],
                condition=models.Q(state__in=["proposed", "approved"]),
                name="policy_is_adopted_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["proposed", "approved", "done", "withdrawn"]),
                name="adoption_state_is_known",
            ),
        ]
