"""`chaveiro batches`: stock ordered, minted, agreed to, put up for sale, called back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from chaveiro import wiring
from chaveiro.apps.channel.queries import organisation_named
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.console import output
from chaveiro.console.acts import LIST_LIMIT, actor_named, id_of, rehearsal
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.batches import Batch, Span, Stage
from chaveiro.rules.errors import NotFound
from chaveiro.wording import telling

HEADINGS = ("BATCH", "NUMBER", "PRODUCT", "SEATS", "MONTHS", "KEYS", "STAGE", "HOLDER", "CREATED")

as_option = click.option("--as", "login", default=None, help="The operator who does it; absent: the machine itself.")


@click.command("list")
@click.option("--limit", type=click.IntRange(1, 200), default=LIST_LIMIT, show_default=True, help="At most so many.")
@click.option("--before", type=int, default=None, help="Go on behind the batch of this number.")
@speaking
def list_batches(voice: Voice, limit: int, before: int | None) -> None:
    """List batches, the newest first."""
    with acting(SYSTEM):
        found = queries.batches(limit=limit, before=before)
        counts = queries.counts([batch.id for batch in found])
    told = [telling.batch(batch, counts[batch.id]) for batch in found]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


@click.command("show")
@click.argument("batch")
@speaking
def show_batch(voice: Voice, batch: str) -> None:
    """Show one batch, by its id or its number."""
    _tell(voice, batch_named(batch))


@click.command("approve")
@click.argument("batch")
@as_option
@dry_run_option
@speaking
def approve_batch(voice: Voice, batch: str, login: str | None, dry_run: bool) -> None:
    """Agree, as the second person, to a batch of more than 1,000 keys.

    Anybody but the operator who ordered it may: name them with --as. The machine itself is no second person.
    """
    wanted, actor = batch_named(batch), actor_named(login)
    with rehearsal(actor, dry_run):
        actions.approve_batch(actor=actor, batch=wanted, house=wiring.house(), means=wiring.means())
        _tell(voice, wanted, actor, dry_run)


@click.command("release")
@click.argument("batch")
@click.option("--serials", "span", default=None, help="Only the keys from one serial to another (A-B).")
@click.option("--to", "holder", default=None, help="Who holds the whole batch from now on: id, number or name.")
@as_option
@dry_run_option
@speaking
def release_batch(
    voice: Voice, batch: str, span: str | None, holder: str | None, login: str | None, dry_run: bool
) -> None:
    """Put a batch up for sale, or some of its serials: from now on these keys can be redeemed."""
    wanted, actor = batch_named(batch), actor_named(login)
    part = None if span is None else Span.read(span)
    with acting(actor):
        into = None if holder is None else organisation_named(holder)
    with rehearsal(actor, dry_run):
        actions.release_batch(
            actor=actor,
            batch=wanted,
            means=wiring.means(),
            serials=part,
            holder=into,
            progress=output.Progress("Releasing"),
        )
        _tell(voice, wanted, actor, dry_run)


@click.command("recall")
@click.argument("batch")
@click.option("--reason", default="", help="Why; it is kept with the batch.")
@as_option
@dry_run_option
@speaking
def recall_batch(voice: Voice, batch: str, reason: str, login: str | None, dry_run: bool) -> None:
    """Make every key of a batch worthless that is not redeemed, for ever; what was redeemed stands.

    More than 1,000 keys that are for sale take two people: the first run asks, and a second operator's carries it out.
    """
    wanted, actor = batch_named(batch), actor_named(login)
    if not dry_run:
        voice.confirm(f"Make all unredeemed keys of {batch} worthless for ever?")
    with rehearsal(actor, dry_run):
        done = actions.recall_batch(
            actor=actor,
            batch=wanted,
            means=wiring.means(),
            reason=reason,
            house=wiring.house(),
            progress=output.Progress("Recalling"),
        )
        _tell(voice, wanted, actor, dry_run)
    if done.recalled_at is None:
        voice.say("It waits for a second person, who runs the same command with --as.")


def batch_named(text: str) -> UUID:
    """The batch of an id, or of a number. Raises NotFound."""
    if not text.isdecimal():
        return id_of("batch", text)
    with acting(SYSTEM):
        found = queries.batches(limit=1, before=int(text) + 1)
    if not found or found[0].number != int(text):
        raise NotFound(what="batch")
    return found[0].id


def _tell(voice: Voice, wanted: UUID, actor: Actor = SYSTEM, dry_run: bool = False) -> None:
    """The batch as it stands now; in a rehearsal, as it would stand."""
    with acting(actor):
        facts = queries.batch(wanted)
        told = telling.batch(facts, queries.counts([wanted])[wanted])
    if dry_run:
        told |= {"dry_run": True}
    voice.show(told, lambda: output.card(told))
    if facts.stage is Stage.WAITING:
        voice.say("It waits for a second person: `chaveiro batches approve`.")


def tell_minted(voice: Voice, batch: Batch, file: Path | None, **more: Any) -> None:
    """What a mint left: the batch, and where its texts are."""
    with acting(SYSTEM):
        told = telling.batch(batch, queries.counts([batch.id])[batch.id])
    told |= {"file": None if file is None else str(file), **more}
    voice.show(told, lambda: output.card(told))


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        told["id"],
        told["number"],
        told["product"],
        told["seats"],
        told["months"],
        told["count"],
        told["stage"],
        told["holder_name"],
        told["created_at"][:10],
    )
