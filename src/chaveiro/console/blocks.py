"""`chaveiro blocks list | put | lift`: what stands against using a subscription, or against erasing its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.subscriptions import actions, queries
from chaveiro.console import output
from chaveiro.console.acts import actor_named, id_of
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.access import BlockKind
from chaveiro.rules.actors import SYSTEM
from chaveiro.wording import telling

HEADINGS = ("BLOCK", "KIND", "BY", "SINCE", "LIFTED", "REASON")

as_option = click.option("--as", "login", default=None, help="Who does it; absent: the machine itself, for the vendor.")


@click.command("list")
@click.argument("subscription")
@click.option("--lifted", is_flag=True, help="Those too that were lifted.")
@speaking
def list_blocks(voice: Voice, subscription: str, lifted: bool) -> None:
    """List what stands against a subscription (sub_…), the oldest first."""
    with acting(SYSTEM):
        found = queries.blocks(id_of("subscription", subscription), lifted=lifted)
    told = [telling.block(card) for card in found]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


@click.command("put")
@click.argument("subscription")
@click.option("--kind", type=click.Choice([kind.value for kind in BlockKind]), required=True, help="Why.")
@click.option("--reason", required=True, help="In words; customer and partner read it.")
@as_option
@dry_run_option
@speaking
def put_block(voice: Voice, subscription: str, kind: str, reason: str, login: str | None, dry_run: bool) -> None:
    """Put a block on a subscription (sub_…); `legal_hold` keeps its data and stops no use."""
    actor, wanted = actor_named(login), id_of("subscription", subscription)
    if not dry_run:
        voice.confirm(f"Put {kind} on {subscription}?")
    card = actions.put_block(
        actor=actor, subscription=wanted, kind=kind, reason=reason, means=wiring.means(), dry_run=dry_run
    )
    _show(voice, telling.block(card), dry_run)


@click.command("lift")
@click.argument("block")
@as_option
@dry_run_option
@speaking
def lift_block(voice: Voice, block: str, login: str | None, dry_run: bool) -> None:
    """Lift a block (blk_…) that the same side put."""
    actor, wanted = actor_named(login), id_of("block", block)
    if not dry_run:
        voice.confirm(f"Lift {block}?")
    card = actions.lift_block(actor=actor, block=wanted, means=wiring.means(), dry_run=dry_run)
    _show(voice, telling.block(card), dry_run)


def _show(voice: Voice, told: dict[str, Any], dry_run: bool) -> None:
    # What was not kept has no id.
    told |= {"id": None, "dry_run": True} if dry_run else {}
    voice.show(told, lambda: output.card(told))


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(told[name] for name in ("id", "kind", "holder", "put_on", "lifted_on", "reason"))
