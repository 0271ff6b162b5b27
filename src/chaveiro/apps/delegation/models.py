"""Who stands beside a customer: the partner of record, proposed or confirmed."""

from __future__ import annotations

from django.db import models

from chaveiro.apps.channel.models import Organisation
from chaveiro.apps.customers.models import Customer

# proposed -> confirmed (by the administrator) | declined (by the administrator) | lapsed (after 90 days)
# confirmed -> ended (by the administrator, or a reversal)


class PartnerOfRecord(models.Model):
    """A partner of record of a customer, as its default or for one subscription."""

    SEEN = ("seen_partner_of_record", "customer_id", "organisation_id")
    id = models.UUIDField(primary_key=True)
    customer = models.ForeignKey(Customer, models.PROTECT)
    subscription_id = models.UUIDField(null=True)  # null: the organisation's default
    organisation = models.ForeignKey(Organisation, models.PROTECT)
    state = models.TextField()
    proposed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["proposed", "confirmed", "declined", "lapsed", "ended"]),
                name="partner_of_record_state_is_known",
            ),
            models.UniqueConstraint(
                fields=["customer", "subscription_id"],
                condition=models.Q(state="confirmed"),
                nulls_distinct=False,
                name="one_partner_of_record_stands",
            ),
        ]
