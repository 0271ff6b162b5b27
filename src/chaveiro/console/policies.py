"""`chaveiro policies list | show | draft | drop | whatif | publish | adopt | approve | withdraw`: numbers of life."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from chaveiro import wiring
from chaveiro.apps.catalog import actions as catalog
from chaveiro.apps.catalog import queries
from chaveiro.apps.closing import actions
from chaveiro.apps.closing.queries import policies as whatif
from chaveiro.apps.identity.actions import acting
from chaveiro.console import output
from chaveiro.console.acts import actor_named, id_of, rehearsal
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.errors import Malformed
from chaveiro.rules.policies import Policy
from chaveiro.rules.policy_changes import FIELDS, read_typed
from chaveiro.wording import governed

HEADINGS = ("POLICY", "VERSION", "GRACE", "RETENTION", "NOTICES", "PUBLISHED")
AFFECTED = ("SUBSCRIPTION", "CUSTOMER", "STAGE", "THEN", "ACCESS UNTIL", "THEN", "ERASED", "THEN")

as_option = click.option("--as", "login", default=None, help="Who does it; absent: the machine itself.")
name_argument = click.argument("name")
adoption_argument = click.argument("adoption")


@click.command("list")
@speaking
def list_policies(voice: Voice) -> None:
    """List policies in their newest version."""
    with acting(SYSTEM):
        told = [governed.of_policy(card) for card in queries.policies()]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


@click.command("show")
@name_argument
@speaking
def show_policy(voice: Voice, name: str) -> None:
    """Show a policy: its versions, its draft, and who followed."""
    with acting(SYSTEM):
        drafts = [card for card in queries.policy_drafts() if card.name == name]
        versions = queries.policy_versions(name) if queries.newest(name) or not drafts else []
        adoptions = queries.adoptions(name=name)
    told = {
        "versions": [governed.of_policy(card) for card in versions],
        "draft": governed.of_draft(drafts[0]) if drafts else None,
        "adoptions": [governed.of_adoption(card) for card in adoptions],
    }
    voice.show(told, lambda: json.dumps(told, indent=2, ensure_ascii=False))


@click.command("draft")
@name_argument
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="grace_days=45, notice_days=60,30,7 …")
@as_option
@dry_run_option
@speaking
def draft_policy(voice: Voice, name: str, changes: tuple[str, ...], login: str | None, dry_run: bool) -> None:
    """Begin the next version as a copy of the newest, or change its draft. Nothing is published by it."""
    actor, typed = actor_named(login), dict(_change(each) for each in changes)
    with rehearsal(actor, dry_run):
        card = catalog.save_draft(actor=actor, name=name, typed=typed, means=wiring.means())
    read_typed(card.typed)
    _show(voice, governed.of_draft(card), dry_run)


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name.strip() not in FIELDS:
        raise Malformed(field="set", reason=f"FIELD=VALUE, where FIELD is one of {', '.join(FIELDS)}")
    return name.strip(), value


@click.command("drop")
@name_argument
@as_option
@dry_run_option
@speaking
def drop_draft(voice: Voice, name: str, login: str | None, dry_run: bool) -> None:
    """Throw a draft away."""
    actor = actor_named(login)
    with rehearsal(actor, dry_run):
        catalog.drop_draft(actor=actor, name=name)
    _show(voice, {"name": name, "dropped": not dry_run}, dry_run)


@click.command("whatif")
@name_argument
@click.option("--list", "listed", is_flag=True, help="Each subscription of which something would change.")
@click.option("--wanted", type=click.Choice(["stage", "earlier"]), default=None, help="Only those.")
@speaking
def what_if(voice: Voice, name: str, listed: bool, wanted: str | None) -> None:
    """Count what the draft would do to the subscriptions that exist; with --list, name each of them."""
    day = wiring.means().day
    with acting(SYSTEM):
        numbers: Policy = read_typed(queries.draft(name).typed)
        if listed:
            found = whatif.all_affected(name, numbers, day=day, wanted=wanted or "")
            rows = [governed.of_affected(one) for one in found]
            voice.show(rows, lambda: output.table(AFFECTED, map(_affected, rows)))
            return
        told = governed.of_move(whatif.what_if(name, numbers, day=day))
    voice.show(told, lambda: output.card(told))


@click.command("publish")
@name_argument
@as_option
@dry_run_option
@speaking
def publish_draft(voice: Voice, name: str, login: str | None, dry_run: bool) -> None:
    """Publish a draft for new terms: the policy's products point to it from now on. It never changes again."""
    actor = actor_named(login)
    if not dry_run:
        voice.confirm(f"Publish the draft of policy {name}?")
    done = catalog.publish_draft(actor=actor, name=name, means=wiring.means(), dry_run=dry_run)
    _show(voice, governed.of_published(done), dry_run)


@click.command("adopt")
@name_argument
@as_option
@dry_run_option
@speaking
def propose_adoption(voice: Voice, name: str, login: str | None, dry_run: bool) -> None:
    """Propose that existing subscriptions follow the newest version; another operator approves."""
    actor = actor_named(login)
    if not dry_run:
        voice.confirm(f"Propose that existing subscriptions follow the newest version of policy {name}?")
    card, move = actions.propose_adoption(actor=actor, name=name, means=wiring.means(), dry_run=dry_run)
    told = {"adoption": None if card is None else governed.of_adoption(card), "what_if": governed.of_move(move)}
    _show(voice, told, dry_run)


@click.command("approve")
@adoption_argument
@as_option
@dry_run_option
@speaking
def approve_adoption(voice: Voice, adoption: str, login: str | None, dry_run: bool) -> None:
    """Agree to an adoption (ado_…) as a second operator; the worker lets the subscriptions follow."""
    actor, wanted = actor_named(login), id_of("adoption", adoption)
    if not dry_run:
        voice.confirm(f"Approve {adoption}?")
    card = actions.approve_adoption(
        actor=actor, adoption=wanted, means=wiring.means(), house=wiring.house(), dry_run=dry_run
    )
    _show(voice, governed.of_adoption(card), dry_run)


@click.command("withdraw")
@adoption_argument
@as_option
@dry_run_option
@speaking
def withdraw_adoption(voice: Voice, adoption: str, login: str | None, dry_run: bool) -> None:
    """Take an adoption (ado_…) back before it is approved."""
    actor, wanted = actor_named(login), id_of("adoption", adoption)
    with rehearsal(actor, dry_run):
        card = actions.withdraw_adoption(actor=actor, adoption=wanted, means=wiring.means())
    _show(voice, governed.of_adoption(card), dry_run)


def _show(voice: Voice, told: dict[str, Any], dry_run: bool) -> None:
    told |= {"dry_run": True} if dry_run else {}
    voice.show(told, lambda: output.card(told))


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    numbers = told["numbers"]
    days = " ".join(map(str, numbers["notice_days"]))
    return told["name"], told["version"], numbers["grace_days"], numbers["retention_days"], days, told["published_at"]


def _affected(told: Mapping[str, Any]) -> tuple[object, ...]:
    pairs = (told["stage"], told["access_stops_on"], told["erases_on"])
    return told["subscription"], told["customer"], *(pair[side] for pair in pairs for side in ("before", "after"))
