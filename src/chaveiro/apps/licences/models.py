"""Licences: a seat given to a person."""

from __future__ import annotations

from django.db import models

from chaveiro.apps.catalog.models import Product
from chaveiro.apps.customers.models import Customer, Person
from chaveiro.apps.subscriptions.models import Subscription


class Licence(models.Model):
    """One seat of a subscription in one person's hands, from and to. At most one live for a person and product."""

    SEEN = ("seen_person", "customer_id")
    id = models.UUIDField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT, db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, db_index=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT)
    automatic = models.BooleanField(default=False)  # given by the redemption itself
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "product"], condition=models.Q(ended_at__isnull=True), name="licence_is_held_once"
            ),
        ]
