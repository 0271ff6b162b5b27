"""`chaveiro renewals list`: what ends soon, and what has ended and can be brought back, each by its own day."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import click

from chaveiro import wiring
from chaveiro.apps.channel.queries import organisation_named
from chaveiro.apps.closing.queries import renewals as queries
from chaveiro.apps.closing.queries.renewals import Due, Wanted
from chaveiro.apps.identity.actions import acting
from chaveiro.console import output
from chaveiro.console.acts import limit_option
from chaveiro.console.speaking import Voice, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.wording import renewing

HEADINGS = ("BUCKET", "DAYS", "LAST DAY", "SUBSCRIPTION", "CUSTOMER", "PRODUCT", "ASSIGNED", "SEATS", "PAID BY")
SHOWN = ("bucket", "days_left", "last_day", "subscription", "customer_name", "product", "assigned", "seats", "paid_by")


@click.command("list")
@click.option("--bucket", type=click.Choice([bucket.value for bucket in queries.BUCKETS]), default=None, help="In it.")
@click.option("--product", default="", help="Of this product (its code).")
@click.option("--country", default="", help="Of customers in this country (ISO 3166).")
@click.option("--partner", default=None, help="Of this partner of record (registration number, ptr_…, or name).")
@click.option("--paid-by", type=click.Choice(["key", "direct"]), default=None, help="Paid in this way.")
@click.option("--test", type=click.Choice(["yes", "no"]), default=None, help="Test customers alone, or none of them.")
@click.option("--sort", type=click.Choice(queries.SORTS), default=queries.SORTS[0], show_default=True, help="Order.")
@limit_option
@speaking
def list_renewals(
    voice: Voice,
    bucket: str | None,
    product: str,
    country: str,
    partner: str | None,
    paid_by: str | None,
    test: str | None,
    sort: str,
    limit: int,
) -> None:
    """List what asks for a renewal: the bucket is the last threshold reached, in days, or the stage after the end."""
    with acting(SYSTEM):
        of_partner = None if partner is None else organisation_named(partner)
        wanted = Wanted(bucket or "", product, country, of_partner, paid_by or "", test or "", sort)
        told = [renewing.due(due) for due in islice(_all(wanted, min(limit, queries.PORTION_AT_MOST)), limit)]
    voice.show(told, lambda: output.table(HEADINGS, (tuple(one[name] for name in SHOWN) for one in told)))


def _all(wanted: Wanted, portion: int) -> Iterator[Due]:
    day, after = wiring.means().day, None
    while True:
        found = queries.renewals(wanted, day=day, after=after, limit=portion)
        yield from found
        if len(found) < portion:
            return
        after = found[-1].place
