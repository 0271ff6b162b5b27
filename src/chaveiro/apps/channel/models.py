"""The organisations of the channel: the vendor itself, distributors, resellers, and who works there."""

from __future__ import annotations

from django.db import models

from chaveiro.apps.identity.models import Account


class Organisation(models.Model):
    """The vendor, a distributor, a reseller, or one that is both."""

    SEEN = ("seen_organisation", "id")
    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    name = models.TextField()
    country = models.CharField(max_length=2)
    language = models.TextField(default="pt-pt")
    registration_number = models.CharField(max_length=7, null=True)
    notice_email = models.TextField(default="")  # where its notices go; empty: to its owners
    suspended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["vendor", "distributor", "reseller", "both"]),
                name="organisation_kind_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(registration_number__isnull=True)
                | models.Q(registration_number__regex=r"^[0-9]{7}$"),
                name="registration_number_has_seven_digits",
            ),
            models.UniqueConstraint(fields=["registration_number"], name="registration_number_is_unique"),
            models.UniqueConstraint(fields=["kind"], condition=models.Q(kind="vendor"), name="there_is_one_vendor"),
        ]


class Member(models.Model):
    """An account's standing in one organisation of the channel."""

    SEEN = ("seen_member", "account_id", "organisation_id")
    id = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(Organisation, models.PROTECT)
    account = models.OneToOneField(Account, models.PROTECT)
    role = models.TextField()
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=["operator", "owner", "sales", "technician", "reader"]),
                name="member_role_is_known",
            ),
        ]
