"""Publishing: a version of a product, or of a policy, is written once and never changes."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from chaveiro.apps.catalog import queries
from chaveiro.apps.catalog.models import Policy as PolicyRow
from chaveiro.apps.catalog.models import Product as ProductRow
from chaveiro.apps.catalog.models import ProductVersion
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import NotAllowed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.policies import DEFAULT_POLICY, Policy
from chaveiro.rules.products import Description, ErasesEarlier

STANDARD = "standard"

# One publisher at a time: two would number the same version. "publ" in ASCII.
PUBLISHING_LOCK = 0x7075626C


def publish_product(*, actor: Actor, description: Description, policy: str = STANDARD, means: Means) -> queries.Product:
    """Publish a new version of a product, its first one included, under the newest version of the policy named so.

    The same description again changes nothing. Batches keep the version that they were minted for. Journals
    `product:published`. Raises Refusals with every fault of the description, NotFound for the policy, NotAllowed.
    """
    _must_operate(actor)
    description.check()
    with acting(actor):
        alone()
        policy_id = _policy_id(policy, actor, means.now)
        row, _ = ProductRow.objects.get_or_create(code=description.code, defaults={"created_at": means.now})
        last = ProductVersion.objects.filter(product=row).order_by("-number").first()
        facts = _facts(description, policy_id)
        if last is not None and all(getattr(last, name) == value for name, value in facts.items()):
            return queries.product(description.code)
        number = last.number + 1 if last else 1
        ProductVersion.objects.create(product=row, number=number, published_at=means.now, **facts)
        record(
            tag="product:published", at=means.now, actor=actor, subject_id=description.code, facts={"version": number}
        )
        return queries.product(description.code)


def retire_product(*, actor: Actor, code: str, means: Means) -> queries.Product:
    """No further keys of a product are ordered; batches, keys and subscriptions that exist are not touched.

    Again it changes nothing. Journals `product:retired`. Raises NotFound, NotAllowed.
    """
    return _set_retired(actor, code, "product:retired", means.now, means)


def restore_product(*, actor: Actor, code: str, means: Means) -> queries.Product:
    """A retired product may be ordered again. Journals `product:restored`. Raises NotFound, NotAllowed."""
    return _set_retired(actor, code, "product:restored", None, means)


def _set_retired(actor: Actor, code: str, tag: str, at: datetime | None, means: Means) -> queries.Product:
    _must_operate(actor)
    with acting(actor):
        queries.product(code)
        if ProductRow.objects.filter(code=code, retired_at__isnull=at is not None).update(retired_at=at):
            record(tag=tag, at=means.now, actor=actor, subject_id=code)
        return queries.product(code)


def publish_policy(*, actor: Actor, name: str, policy: Policy, means: Means) -> int:
    """Publish a version of a policy; answers its id, also when it equals the newest one and nothing was written.

    Journals `policy:published`. Raises ErasesEarlier when data would be erased earlier than under the version before,
    NotAllowed. Products follow when they are published again.
    """
    _must_operate(actor)
    with acting(actor):
        alone()
        return write_policy(name, policy, actor, means.now)


def write_policy(name: str, policy: Policy, actor: Actor, now: datetime) -> int:
    """The version's row and its journal entry, for who may publish, alone; answers the id."""
    last = PolicyRow.objects.filter(name=name).order_by("-version").first()
    if last is not None:
        before = Policy.from_dict(last.numbers)
        if before == policy:
            return int(last.pk)
        if not policy.may_follow(before):
            raise ErasesEarlier(
                policy=name, retention_days=policy.retention_days, retention_days_before=before.retention_days
            )
    version = last.version + 1 if last else 1
    row = PolicyRow.objects.create(name=name, version=version, numbers=policy.to_dict(), published_at=now)
    record(tag="policy:published", at=now, actor=actor, subject_id=row.pk, facts={"version": version})
    return int(row.pk)


def follow(policy_id: int, name: str, actor: Actor, now: datetime) -> tuple[str, ...]:
    """Every product whose newest version stands under an older version of the policy gets one under this; their codes.

    Nothing else of them changes: keys that are sold, redeemed from now on, begin new terms under it.
    """
    behind = [each for each in queries.products() if each.policy_name == name and each.policy_id != policy_id]
    for each in behind:
        number = each.number + 1
        facts = _facts(each.description, policy_id)
        ProductVersion.objects.create(product_id=each.id, number=number, published_at=now, **facts)
        record(tag="product:published", at=now, actor=actor, subject_id=each.code, facts={"version": number})
    return tuple(each.code for each in behind)


def _policy_id(name: str, actor: Actor, now: datetime) -> int:
    """The newest version of the policy; the standard one comes into being with the first product."""
    try:
        return queries.policy(name)[0]
    except NotFound:
        if name != STANDARD:
            raise
    return write_policy(STANDARD, DEFAULT_POLICY, actor, now)


def _facts(description: Description, policy_id: int) -> dict[str, object]:
    return {
        "names": dict(description.names),
        "texts": dict(description.texts),
        "services": list(description.services),
        "maximum_seats": description.maximum_seats,
        "markets": list(description.markets),
        "price_class": description.price_class,
        "policy_id": policy_id,
    }


def alone() -> None:
    """Wait for whoever publishes now, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (PUBLISHING_LOCK,))


def _must_operate(actor: Actor) -> None:
    """Only the vendor publishes; a bearer token has no scope that reaches the catalogue."""
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM) or actor.scopes is not None:
        raise NotAllowed(needs="operator")
