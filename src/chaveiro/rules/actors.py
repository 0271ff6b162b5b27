"""Who acts. An actor is a value: a person with the organisation they act for, or the house itself.

Accounts, organisations and customers are named by id; what an actor may do is decided by rules that read this value.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from chaveiro.rules.errors import NotAllowed


class Kind(StrEnum):
    """On whose side an actor stands; the database's isolation knows the same words."""

    ANONYMOUS = "anonymous"  # whoever holds a key in hand
    CUSTOMER = "customer"  # a person of a customer's organisation
    CHANNEL = "channel"  # a member of a distributor or reseller
    OPERATOR = "operator"  # a member of the vendor
    SYSTEM = "system"  # worker, clock, sealer, the command line on the machine itself


SCOPES = frozenset(
    {
        "keys:check",
        "batches:write",
        "redemptions:write",
        "subscriptions:read",
        "subscriptions:write",
        "people:write",
        "relations:write",
        "policies:write",
        "entitlements:read",
        "events:read",
        "journal:read",
    }
)


@dataclass(frozen=True, slots=True)
class Actor:
    """One actor at one moment.

    `roles` are the actor's standing roles in their organisation (`administrator`, `billing`, `owner`, `sales`, …);
    `scopes` narrow a token below its account and are None for a person at a page, who is not narrowed.
    `draft` is the open draft whose resume secret this actor has shown.
    """

    kind: Kind
    account: UUID | None = None
    organisation: UUID | None = None
    customer: UUID | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] | None = None
    draft: UUID | None = None

    def needs(self, scope: str) -> None:
        """Pass, or raise NotAllowed when this actor's token is narrower than `scope`."""
        if self.scopes is not None and scope not in self.scopes:
            raise NotAllowed(needs=scope)

    def needs_role(self, *roles: str) -> None:
        """Pass when the actor holds one of `roles`; raise NotAllowed naming them otherwise."""
        if self.roles.isdisjoint(roles):
            raise NotAllowed(needs=" | ".join(roles))

    def holding(self, draft: UUID) -> Actor:
        """The same actor, having shown the resume secret of `draft`."""
        return replace(self, draft=draft)


ANONYMOUS = Actor(Kind.ANONYMOUS)
SYSTEM = Actor(Kind.SYSTEM)
