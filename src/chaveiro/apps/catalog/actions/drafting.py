"""The next version of a policy while it is worked on: kept as typed, and published for new terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from chaveiro.apps.catalog import queries
from chaveiro.apps.catalog.actions.publishing import alone, follow, write_policy
from chaveiro.apps.catalog.models import Policy as PolicyRow
from chaveiro.apps.catalog.models import PolicyDraft
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.models import seen
from chaveiro.rules import policy_changes as rules
from chaveiro.rules.actors import Actor
from chaveiro.rules.errors import NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.policies import DEFAULT_POLICY
from chaveiro.rules.policy_changes import DraftChanged, DraftUnchanged


@dataclass(frozen=True, slots=True)
class Published:
    """A version of a policy, and the products that point to it from now on."""

    policy: int
    name: str
    version: int
    products: tuple[str, ...]


def save_draft(
    *, actor: Actor, name: str, means: Means, typed: Mapping[str, str] | None = None, expected: int | None = None
) -> queries.DraftCard:
    """Keep what was typed for the next version of a policy, whatever it is; nothing typed begins with a copy.

    A policy without any version begins with the numbers of the rules; fields that are not named keep what the draft
    has. `expected` is the draft's version as it was read; None where it does not matter.

    Raises NotAllowed, Malformed for the name, DraftChanged when somebody else wrote meanwhile.
    """
    rules.may_work(actor)
    rules.check_name(name)
    with acting(actor):
        alone()
        row = seen(PolicyDraft).filter(name=name).first()
        if row is None:
            _begin(actor, name, typed or {}, means)
        else:
            if expected not in (None, row.version):
                raise DraftChanged(policy=name, version=row.version)
            kept = rules.cut({**row.typed, **(typed or {})})
            seen(PolicyDraft).filter(id=row.id).update(
                typed=kept, version=row.version + 1, changed_by=actor.account, changed_at=means.now
            )
        return queries.draft(name)


def _begin(actor: Actor, name: str, typed: Mapping[str, str], means: Means) -> None:
    base = PolicyRow.objects.filter(name=name).order_by("-version").first()
    numbers = DEFAULT_POLICY if base is None else queries.policy(name)[2]
    PolicyDraft.objects.create(
        id=means.new_id(),
        name=name,
        base=base,
        typed=rules.cut({**rules.as_typed(numbers), **typed}),
        version=1,
        changed_by=actor.account,
        changed_at=means.now,
    )


def drop_draft(*, actor: Actor, name: str) -> None:
    """Throw a draft away. Raises NotAllowed, NotFound."""
    rules.may_work(actor)
    with acting(actor):
        if not seen(PolicyDraft).filter(name=name).delete()[0]:
            raise NotFound(what="draft")


def publish_draft(
    *, actor: Actor, name: str, means: Means, expected: int | None = None, dry_run: bool = False
) -> Published:
    """Publish a draft as the next version, and let the policy's products point to it: it governs new terms.

    What exists keeps the version that it has (see `closing.actions.propose_adoption`). Journals `policy:published` and
    a `product:published` for each product. A dry run does all of it and keeps nothing.

    Raises NotAllowed, NotFound, DraftChanged, DraftUnchanged, ErasesEarlier, and Refusals with every fault of a field.
    """
    rules.may_work(actor)
    with acting(actor), transaction.atomic():
        alone()
        draft = queries.draft(name)
        if expected not in (None, draft.version):
            raise DraftChanged(policy=name, version=draft.version)
        numbers = rules.read_typed(draft.typed)
        newest = queries.newest(name)
        if newest is not None and newest.numbers == numbers:
            raise DraftUnchanged(policy=name, version=newest.version)
        policy = write_policy(name, numbers, actor, means.now)
        products = follow(policy, name, actor, means.now)
        seen(PolicyDraft).filter(name=name).delete()
        version = queries.policy(name)[1]
        transaction.set_rollback(dry_run)
    return Published(policy, name, version, products)
