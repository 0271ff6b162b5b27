"""What is sold: products by code, each in its newest version, and the policy that governs it. Call it while acting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chaveiro.apps.catalog.models import Policy as PolicyRow
from chaveiro.apps.catalog.models import PolicyAdoption, PolicyDraft, ProductVersion
from chaveiro.apps.journal.models import seen
from chaveiro.rules.errors import NotFound
from chaveiro.rules.policies import Policy
from chaveiro.rules.policy_changes import AdoptionState
from chaveiro.rules.products import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One published version of a product. `names` and `texts` are by language (`pt`, `en`)."""

    id: int
    code: str
    version: int
    number: int
    names: dict[str, str]
    texts: dict[str, str]
    services: tuple[str, ...]
    maximum_seats: int
    markets: tuple[str, ...]
    price_class: str
    policy_id: int
    policy: Policy
    published_at: datetime
    retired_at: datetime | None
    policy_name: str
    policy_version: int

    @property
    def description(self) -> Description:
        """What was published, in the form in which it is published again."""
        return Description(
            code=self.code,
            names=self.names,
            texts=self.texts,
            services=self.services,
            maximum_seats=self.maximum_seats,
            markets=self.markets,
            price_class=self.price_class,
        )


@dataclass(frozen=True, slots=True)
class PolicyCard:
    """One published version of a policy."""

    id: int
    name: str
    version: int
    numbers: Policy
    published_at: datetime


@dataclass(frozen=True, slots=True)
class DraftCard:
    """The next version of a policy as it was typed; `base` is the version that it was copied from, 0 for none."""

    name: str
    base: int
    typed: dict[str, str]
    version: int
    changed_by: UUID | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AdoptionCard:
    """That existing subscriptions follow a version: who proposed it, where it stands, how many followed."""

    id: UUID
    policy: PolicyCard
    state: AdoptionState
    proposed_by: UUID | None
    proposed_at: datetime
    settled_at: datetime | None
    wanted: int
    moved: int
    finished_at: datetime | None


def products() -> list[Product]:
    """Every product in its newest version, by code; the retired ones too."""
    newest = ProductVersion.objects.order_by("product__code", "-number").distinct("product__code")
    return [_product(row) for row in newest.select_related("product", "policy")]


def product(code: str) -> Product:
    """The newest version of a product. Raises NotFound."""
    rows = ProductVersion.objects.filter(product__code=code).select_related("product", "policy")
    newest = rows.order_by("-number").first()
    if newest is None:
        raise NotFound(what="product", code=code)
    return _product(newest)


def version(version_id: int) -> Product:
    """One version of a product by its id. Raises NotFound."""
    row = ProductVersion.objects.filter(pk=version_id).select_related("product", "policy").first()
    if row is None:
        raise NotFound(what="product version", id=version_id)
    return _product(row)


def versions(code: str, *, limit: int = 50) -> list[Product]:
    """The versions of a product, the newest first. Raises NotFound."""
    rows = ProductVersion.objects.filter(product__code=code).select_related("product", "policy")
    found = [_product(row) for row in rows.order_by("-number")[:limit]]
    if not found:
        raise NotFound(what="product", code=code)
    return found


def markets() -> list[str]:
    """The codes of all countries in which some product may be opened today, in order."""
    return sorted({country for each in products() for country in each.markets})


def policy(name: str) -> tuple[int, int, Policy]:
    """The newest version of the policy of that name: its id, its version, its numbers. Raises NotFound."""
    row = PolicyRow.objects.filter(name=name).order_by("-version").first()
    if row is None:
        raise NotFound(what="policy", name=name)
    return row.pk, row.version, Policy.from_dict(row.numbers)


def policies() -> list[PolicyCard]:
    """Every policy in its newest version, by name."""
    return [_policy(row) for row in PolicyRow.objects.order_by("name", "-version").distinct("name")]


def newest(name: str) -> PolicyCard | None:
    """A policy in its newest version; None where no version was published."""
    row = PolicyRow.objects.filter(name=name).order_by("-version").first()
    return None if row is None else _policy(row)


def policy_versions(name: str, *, limit: int = 50) -> list[PolicyCard]:
    """The versions of a policy, the newest first. Raises NotFound."""
    found = [_policy(row) for row in PolicyRow.objects.filter(name=name).order_by("-version")[:limit]]
    if not found:
        raise NotFound(what="policy", name=name)
    return found


def draft(name: str) -> DraftCard:
    """The draft of a policy's next version, for the vendor's own people. Raises NotFound."""
    row = seen(PolicyDraft).filter(name=name).select_related("base").first()
    if row is None:
        raise NotFound(what="draft", name=name)
    return _draft(row)


def policy_drafts() -> list[DraftCard]:
    """Every draft, by name."""
    return [_draft(row) for row in seen(PolicyDraft).select_related("base").order_by("name")]


def adoption(wanted: UUID) -> AdoptionCard:
    """One proposal that existing subscriptions follow a version. Raises NotFound."""
    row = seen(PolicyAdoption).filter(id=wanted).select_related("policy").first()
    if row is None:
        raise NotFound(what="adoption")
    return _adoption(row)


def adoptions(*, name: str | None = None, limit: int = 50) -> list[AdoptionCard]:
    """Such proposals, the newest first; of one policy, or of all."""
    found = seen(PolicyAdoption).select_related("policy").order_by("-id")
    if name is not None:
        found = found.filter(policy__name=name)
    return [_adoption(row) for row in found[:limit]]


def _policy(row: PolicyRow) -> PolicyCard:
    return PolicyCard(row.pk, row.name, row.version, Policy.from_dict(row.numbers), row.published_at)


def _draft(row: PolicyDraft) -> DraftCard:
    base = 0 if row.base is None else row.base.version
    return DraftCard(row.name, base, dict(row.typed), row.version, row.changed_by, row.changed_at)


def _adoption(row: PolicyAdoption) -> AdoptionCard:
    state = AdoptionState(row.state)
    told = (row.proposed_by, row.proposed_at, row.settled_at, row.wanted, row.moved, row.finished_at)
    return AdoptionCard(row.id, _policy(row.policy), state, *told)


def _product(row: ProductVersion) -> Product:
    return Product(
        id=row.product.pk,
        code=row.product.code,
        version=row.pk,
        number=row.number,
        names=row.names,
        texts=row.texts,
        services=tuple(row.services),
        maximum_seats=row.maximum_seats,
        markets=tuple(row.markets),
        price_class=row.price_class,
        policy_id=row.policy.pk,
        policy=Policy.from_dict(row.policy.numbers),
        published_at=row.published_at,
        retired_at=row.product.retired_at,
        policy_name=row.policy.name,
        policy_version=row.policy.version,
    )
