"""Customers (one organisation each), their people, the roles, and which partners may see them."""

from __future__ import annotations

from django.db import models

from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.identity.models import Account


class Customer(models.Model):
    """One organisation. The country and the domain prefix are fixed for ever; a closed one's prefix is never reused."""

    SEEN = ("seen_customer", "id")
    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    country = models.CharField(max_length=2)
    tax_number = models.TextField(default="")
    language = models.TextField()
    time_zone = models.TextField()
    domain_prefix = models.TextField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    is_test = models.BooleanField(default=False)
    clock = models.ForeignKey(Clock, models.PROTECT, null=True, db_index=False)  # a test customer may live on one
    contact_email = models.TextField(default="")  # where notices to the organisation itself go

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(clock__isnull=True) | models.Q(is_test=True), name="only_test_customers_have_clocks"
            ),
            models.UniqueConstraint(fields=["domain_prefix"], name="prefix_is_unique_for_ever"),
            models.CheckConstraint(
                condition=models.Q(domain_prefix__regex=r"^[a-z0-9]{3,27}$"), name="prefix_has_its_form"
            ),
        ]
        indexes = [
            models.Index(fields=["name"], condition=models.Q(is_test=True), name="test_customer_by_name"),
            models.Index(fields=["clock"], condition=models.Q(clock__isnull=False), name="customer_by_clock"),
            # Of those that stand; the function is the room's own, in 0003_tax_numbers. What is included lets whole
            # groups be read off the index (0007).
            models.Index(
                models.Func("country", "tax_number", function="customers_tax_number_form"),
                condition=~models.Q(tax_number="") & models.Q(closed_at=None),
                include=["country", "tax_number", "opened_at"],
                name="customer_by_tax_number",
            ),
        ]


class Person(models.Model):
    """A person of a customer, with the account by which they sign in."""

    SEEN = ("seen_person", "customer_id")
    id = models.UUIDField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    account = models.OneToOneField(Account, models.PROTECT)
    user_name = models.TextField()
    country_of_use = models.CharField(max_length=2)
    created_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "user_name"], name="user_name_is_unique_in_its_customer"),
        ]


class Role(models.Model):
    """A role of a person, from and to."""

    SEEN = ("seen_person", "customer_id")
    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, models.PROTECT, db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    name = models.TextField()
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "name"], condition=models.Q(ended_at__isnull=True), name="role_is_held_once"
            ),
            models.CheckConstraint(condition=models.Q(name__in=["administrator", "billing"]), name="role_is_known"),
        ]
        indexes = [
            models.Index(fields=["person"], condition=models.Q(ended_at__isnull=False), name="role_that_ended"),
        ]


class Reach(models.Model):
    """Which organisation of the channel may read which customer, and as what. Isolation in the database reads this."""

    SEEN = ("seen_reach", "customer_id", "organisation_id")
    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT)
    organisation = models.ForeignKey(Organisation, models.PROTECT)
    kind = models.TextField()
    subscription_id = models.UUIDField(null=True)  # opaque here; null: the whole customer
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["seller", "partner_of_record", "delegate"]), name="reach_kind_is_known"
            ),
            models.UniqueConstraint(
                fields=["organisation", "customer", "kind", "subscription_id"],
                condition=models.Q(ended_at__isnull=True),
                nulls_distinct=False,
                name="reach_stands_once",
            ),
        ]
