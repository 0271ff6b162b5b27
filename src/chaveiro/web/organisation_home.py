"""An organisation's first home: what it has, what comes next, what is to be done, and who stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from chaveiro import wiring
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.delegation.queries import PartnerCard, SubscriptionCard
from chaveiro.apps.identity.queries import AccountCard
from chaveiro.apps.redemption import queries as redemption
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.rules.authority import CUSTOMER_ROLES
from chaveiro.rules.lifecycle import Stage
from chaveiro.web import chronicle
from chaveiro.wording.chronicle import tags_about

LISTED = 5
SOON_DAYS = 60
# Of what happened last, what concerns the organisation as such; that letters went out and people signed in is history.
TOLD = tuple(tag for group in ("redemption", "subscription", "partner", "people") for tag in tags_about(group))


def context(actor: Actor, account: AccountCard) -> dict[str, Any]:
    """Everything that the page says. Call it while acting."""
    assert actor.customer is not None
    means = wiring.means()
    cards = delegation.subscriptions_in_sight(day=means.day, customer=actor.customer)
    people = customers.people(actor.customer)
    partners = delegation.partners_of_record(customer=actor.customer, now=means.now)
    proposals = delegation.proposals(customer=actor.customer, now=means.now)
    may_redeem, may_settle = not actor.roles.isdisjoint(CUSTOMER_ROLES), "administrator" in actor.roles
    return {
        "organisation": customers.name_of(actor.customer),
        "subscriptions": cards,
        "people": people,
        "partners": partners,
        "proposals": proposals,
        "redemptions": redemption.redemptions_for(actor.customer, limit=LISTED),
        "history": chronicle.latest(actor, TOLD, LISTED),
        "may_redeem": may_redeem,
        "may_settle": may_settle,
        "tasks": list(_tasks(cards, proposals if may_settle else (), account, means.day, may_redeem=may_redeem)),
        "later": _later(),
        "numbers": _numbers(cards, means.day),
    }


def _numbers(cards: Sequence[SubscriptionCard], day: date) -> dict[str, Any]:
    """Licences assigned and bought, and the days to the nearest end; None where nothing is in use."""
    running = [card for card in cards if card.stage is not Stage.DELETED]
    ends = [(card.ends_on - day).days for card in running if card.ends_on > day]
    return {
        "assigned": sum(card.assigned for card in running),
        "seats": sum(card.seats for card in running),
        "days": min(ends, default=None),
        "overdue": sum(card.ends_on <= day for card in running),
    }


def _tasks(
    cards: Sequence[SubscriptionCard],
    proposals: Sequence[PartnerCard],
    account: AccountCard,
    day: date,
    *,
    may_redeem: bool,
) -> Iterator[dict[str, Any]]:
    """What can be done now, the most urgent first."""
    if may_redeem:
        yield from filter(None, (_renewal(card, day) for card in cards))
    for proposal in proposals:
        yield {
            "href": "/partner",
            "title": _("Decide on your partner of record"),
            "hint": _("%(name)s proposes itself.") % {"name": proposal.name},
            "status": _("waits for you"),
            "kind": "warn",
        }
    if may_redeem and not account.alternate_email:
        yield {
            "href": "/settings",
            "title": _("Add a second address of yours"),
            "hint": _("Outside the mailboxes of this organisation, so that notices reach you whatever happens."),
            "status": _("recommended"),
            "kind": "",
        }
    if may_redeem:
        yield {
            "href": "/settings/security",
            "title": _("See how you sign in"),
            "hint": _("A passkey or a second step keeps the account yours."),
            "status": _("recommended"),
            "kind": "",
        }


def _renewal(card: SubscriptionCard, day: date) -> dict[str, Any] | None:
    """What is to be done about one subscription, where anything is."""
    days = (card.ends_on - day).days
    if card.stage is Stage.DELETED or card.paid_by != "key" or days > SOON_DAYS:
        return None
    return {
        "href": f"/subscriptions/{identifiers.write('subscription', card.id)}/renew",
        "title": _("Extend the subscription"),
        "hint": "",
        "card": card,
        "status": _("ended") if days <= 0 else _("ends soon"),
        "kind": "bad" if days <= 0 else "warn",
    }


def _later() -> list[dict[str, str]]:
    """What comes to this place with a later version, and what there is until then."""
    return [
        {
            "title": _("Add users and give them licences"),
            "hint": _("It will stand in the menu under Users. Until then there is the API."),
            "status": _("not yet here"),
        },
        {
            "title": _("Use your own domain"),
            "hint": _("It will stand in the menu under Domains."),
            "status": _("not yet here"),
        },
        {
            "title": _("Bring your mail along"),
            "hint": _("It will stand in the menu under Migration."),
            "status": _("not yet here"),
        },
    ]
