"""Accounts, the tokens and the one-time links that lead into them. Secrets are kept as digests only."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower


class AccountManager(BaseUserManager["Account"]):
    """Accounts by the name they sign in with."""


class Account(AbstractBaseUser):
    """A person in one organisation. One e-mail address may lead to several accounts, hence the chooser."""

    id = models.UUIDField(primary_key=True)
    login_name = models.TextField()
    kind = models.TextField()
    organisation_id = models.UUIDField(null=True)  # of the channel; opaque here
    customer_id = models.UUIDField(null=True)  # opaque here
    email = models.TextField()
    alternate_email = models.TextField(default="")
    given_name = models.TextField()
    family_name = models.TextField()
    language = models.TextField(default="pt-pt")
    time_zone = models.TextField(default="Europe/Lisbon")
    owned_at = models.DateTimeField(null=True)  # when the person took ownership by the one-time link
    closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    USERNAME_FIELD = "login_name"
    objects = AccountManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["login_name"], name="login_name_is_unique"),
            models.CheckConstraint(
                condition=models.Q(kind="operator")
                | models.Q(kind="channel", organisation_id__isnull=False)
                | models.Q(kind="customer", customer_id__isnull=False),
                name="account_has_a_home",
            ),
        ]
        indexes = [
            models.Index(
                fields=["customer_id"], condition=models.Q(customer_id__isnull=False), name="account_by_customer"
            ),
            models.Index(
                fields=["organisation_id"],
                condition=models.Q(organisation_id__isnull=False),
                name="account_by_organisation",
            ),
            models.Index(Lower("email"), name="account_by_email"),
        ]

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # ours is derived; the framework's is a column
        """Whether the account is open."""
        return self.closed_at is None


class Token(models.Model):
    """A bearer token `chv_…` of one account, never wider than it."""

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT)
    name = models.TextField()
    digest = models.BinaryField(unique=True)
    scopes = ArrayField(models.TextField())
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class Link(models.Model):
    """A one-time link into an account: to sign in once, or to take ownership."""

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT)
    purpose = models.TextField()
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose__in=["sign_in", "ownership"]), name="link_purpose_is_known"
            ),
        ]
