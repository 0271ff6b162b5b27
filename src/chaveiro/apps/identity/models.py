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

    SEEN = ("seen_account", "id", "customer_id", "organisation_id")
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

    SEEN = ("seen_own", "account_id")
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

    SEEN = ("seen_by_house",)
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
                condition=models.Q(purpose__in=["sign_in", "ownership", "reset", "address"]),
                name="link_purpose_is_known",
            ),
        ]


class Session(models.Model):
    """One sign-in of an account at a browser, which may have several accounts signed in beside one another."""

    SEEN = ("seen_own", "account_id")
    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT, db_index=False)
    browser = models.BinaryField()  # digest of the secret in the browser's cookie
    how = models.TextField()
    agent = models.TextField(default="")
    network = models.TextField(default="")  # the address, cut to /24 or /64
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # to five minutes
    ends_at = models.DateTimeField()  # 12 hours after it was last used, at the latest 30 days after it began
    confirmed_at = models.DateTimeField(null=True)  # when the person last proved to be there
    ended_at = models.DateTimeField(null=True)  # signed out, or ended from elsewhere
    forgotten = models.BooleanField(default=False)  # not shown to choose from at its browser any more

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(how__in=["link", "password", "passkey", "oidc"]), name="session_how_is_known"
            ),
            models.UniqueConstraint(
                fields=["browser", "account"], condition=models.Q(forgotten=False), name="session_is_one_at_its_browser"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-started_at"], name="session_by_account"),
            models.Index(fields=["ends_at"], name="session_by_end"),
        ]


class Passkey(models.Model):
    """A passkey of an account: the public half, and how often it was used as far as the authenticator says."""

    SEEN = ("seen_own", "account_id")
    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT)
    name = models.TextField()
    credential_id = models.BinaryField(unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField()
    synced = models.BooleanField()  # kept by a password manager on several devices
    transports = ArrayField(models.TextField())
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class OneTimeCodes(models.Model):
    """The seed of an account's authenticator app, sealed by the vault, and the last half minute whose code was used."""

    SEEN = ("seen_own", "account_id")
    account = models.OneToOneField(Account, models.PROTECT, primary_key=True)
    sealed = models.BinaryField()
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)  # null: shown, and no code of it was entered yet


class RecoveryCode(models.Model):
    """One of the ten codes that open once where the authenticator app is lost."""

    SEEN = ("seen_own", "account_id")
    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT)
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class Testimony(models.Model):
    """An OpenID Connect provider's name for somebody, linked to an account from inside it."""

    SEEN = ("seen_own", "account_id")
    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT)
    provider = models.TextField()  # our name for it, in the settings
    issuer = models.TextField()
    subject = models.TextField()
    label = models.TextField(default="")
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject", "account"], name="testimony_is_linked_once"),
        ]


class Challenge(models.Model):
    """A question put to one browser, to be answered once: its id is the digest of the question."""

    id = models.UUIDField(primary_key=True)
    browser = models.BinaryField()  # digest of the secret in the browser's own cookie
    purpose = models.TextField()
    account = models.ForeignKey(Account, models.PROTECT, null=True, db_index=False)
    facts = models.JSONField(default=dict)
    tries = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="challenge_by_end")]


class AddressChange(models.Model):
    """A new mail address of an account, until and since its mailbox was shown to be the person's."""

    SEEN = ("seen_own", "account_id")
    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT)
    which = models.TextField()
    address = models.TextField()
    previous = models.TextField()
    link = models.BinaryField(null=True)  # digest of the secret that was posted there
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    confirmed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(which__in=["email", "alternate_email"]), name="address_is_one_of_two"
            ),
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(settled_at__isnull=True), name="one_address_changes_at_a_time"
            ),
        ]


class Service(models.Model):
    """A service of the vendor: people sign in to it by this installation, and it asks what they may use."""

    SEEN = ("seen_by_operator",)
    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    confidential = models.BooleanField()  # can keep a secret; others prove themselves by PKCE alone
    algorithm = models.TextField()  # by which its ID tokens are signed
    returns = ArrayField(models.TextField())  # where people may be sent back to, signed in
    leaves = ArrayField(models.TextField())  # where people may be sent to, signed out
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)


class ServiceSecret(models.Model):
    """A secret of a service: what it shows at the token endpoint, or what it asks for entitlements with."""

    SEEN = ("seen_by_operator",)
    id = models.UUIDField(primary_key=True)
    service = models.ForeignKey(Service, models.PROTECT)
    kind = models.TextField()
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)  # when a newer one has taken its place for good

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=["client", "token"]), name="service_secret_is_known"),
        ]


class Grant(models.Model):
    """Somebody signed in to a service: the code that opens once, and the token that it bought."""

    SEEN = ("seen_own", "account_id")
    id = models.UUIDField(primary_key=True)
    service = models.ForeignKey(Service, models.PROTECT, db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, db_index=False)
    session = models.ForeignKey(Session, models.CASCADE)  # what it gave ends with the sign-in that gave it
    code = models.BinaryField(unique=True)  # digest
    back = models.TextField()
    scope = models.TextField()
    nonce = models.TextField(default="")
    challenge = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)
    access = models.BinaryField(unique=True, null=True)  # digest
    access_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="grant_by_age")]
