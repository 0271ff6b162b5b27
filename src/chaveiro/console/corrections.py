"""`chaveiro redemptions correct` and what follows: a redemption moves to the right customer, by two people."""

from __future__ import annotations

from typing import Any

import click

from chaveiro import wiring
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.actions import Proposal
from chaveiro.apps.closing.queries import corrections as queries
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption.queries import by_reference
from chaveiro.apps.subscriptions.queries import subscription as subscription_of
from chaveiro.console import output
from chaveiro.console.acts import actor_named, id_of, limit_option, rehearsal
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.correction import PURPOSES
from chaveiro.wording import corrected

PAGE = 200
HEADINGS = ("CORRECTION", "STATE", "REDEMPTION", "TO", "PURPOSE", "PROPOSED")


@click.command("correct")
@click.argument("reference")
@click.option("--to", "where", required=True, help="The right customer (cus_…), or its subscription (sub_…).")
@click.option(
    "--purpose", type=click.Choice(PURPOSES), default=None, help="open for a customer, extend for a subscription."
)
@click.option("--reason", required=True, help="Why; both customers can read it.")
@click.option("--as", "login", default=None, help="Who proposes it; absent: the machine itself.")
@dry_run_option
@speaking
def correct_redemption(
    voice: Voice, reference: str, where: str, purpose: str | None, reason: str, login: str | None, dry_run: bool
) -> None:
    """Propose to move a redemption (R-… or red_…) to the right customer; another operator approves."""
    actor, proposal = actor_named(login), _proposal(reference, where, purpose)
    if not dry_run:
        voice.confirm(f"Propose to move redemption {reference}?")
    done = actions.propose_correction(
        actor=actor, proposal=proposal, reason=reason, means=wiring.means(), dry_run=dry_run
    )
    told = corrected.of_proposed(done) | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: _in_lines(told))


def _proposal(reference: str, where: str, purpose: str | None) -> Proposal:
    with acting(SYSTEM):
        redemption = id_of("redemption", reference) if reference.startswith("red_") else by_reference(reference)
        if where.startswith("sub_"):
            target = subscription_of(id_of("subscription", where))
            return Proposal(
                redemption=redemption, customer=target.customer, purpose=purpose or "extend", subscription=target.id
            )
    return Proposal(redemption=redemption, customer=id_of("customer", where), purpose=purpose or "open")


@click.command("corrections")
@click.option("--waiting", is_flag=True, help="Only those that wait for approval.")
@limit_option
@speaking
def list_corrections(voice: Voice, waiting: bool, limit: int) -> None:
    """List corrections, the newest first."""
    found: list[queries.CorrectionCard] = []
    with acting(SYSTEM):
        while len(found) < limit:
            last = found[-1].id if found else None
            portion = queries.corrections(waiting=waiting, before=last, limit=min(PAGE, limit - len(found)))
            found += portion
            if len(portion) < PAGE:
                break
    told = [corrected.of_card(card) for card in found]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


def _row(told: dict[str, Any]) -> tuple[object, ...]:
    names = ("id", "state", "reference", "customer", "purpose", "proposed_at")
    return tuple(told[name] for name in names)


@click.command("approve-correction")
@click.argument("correction")
@click.option("--as", "login", default=None, help="Which operator agrees; the machine itself is no second person.")
@dry_run_option
@speaking
def approve_correction(voice: Voice, correction: str, login: str | None, dry_run: bool) -> None:
    """Agree to a correction (cor_…): what is left of the keys moves at once, in both ledgers."""
    actor, wanted = actor_named(login), id_of("correction", correction)
    if not dry_run:
        voice.confirm(f"Approve correction {correction}?")
    done = actions.approve_correction(
        actor=actor, correction=wanted, means=wiring.means(), house=wiring.house(), dry_run=dry_run
    )
    told = corrected.of_corrected(done) | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: _in_lines(told))


@click.command("decline-correction")
@click.argument("correction")
@click.option("--reason", required=True, help="Why; whoever proposed it can read it.")
@click.option("--as", "login", default=None, help="Which operator declines; absent: the machine itself.")
@dry_run_option
@speaking
def decline_correction(voice: Voice, correction: str, reason: str, login: str | None, dry_run: bool) -> None:
    """Say no to a correction (cor_…)."""
    actor, wanted = actor_named(login), id_of("correction", correction)
    with rehearsal(actor, dry_run):
        actions.decline_correction(actor=actor, correction=wanted, reason=reason, means=wiring.means())
    told = {"id": correction, "state": "declined"} | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: output.card(told))


def _in_lines(told: dict[str, Any]) -> str:
    plain = {name: value for name, value in told.items() if name != "moves"}
    moves = [
        {name: move[name] for name in ("subscription", "product", "brought", "used", "moved", "to")}
        for move in told["moves"]
    ]
    return "\n".join([output.card(plain), *(output.card(move) for move in moves)])
