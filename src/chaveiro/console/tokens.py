"""`chaveiro tokens create | list | revoke`: bearer tokens for programs, told once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting, tokens
from chaveiro.apps.identity.queries import TokenCard
from chaveiro.apps.identity.queries import tokens as tokens_of
from chaveiro.console import output
from chaveiro.console.acts import account_named, day_of, id_of, rehearsal
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SCOPES, SYSTEM
from chaveiro.wording.telling import instant, public

account_option = click.option(
    "--account", "login", required=True, help="Whose: the name that the account signs in with."
)


@click.command("create")
@account_option
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, help=f"May be given again: {', '.join(sorted(SCOPES))}."
)
@click.option("--expires-on", default=None, help="The first day on which it is no good any more (YYYY-MM-DD).")
@dry_run_option
@speaking
def create_token(
    voice: Voice, login: str, name: str, scopes: tuple[str, ...], expires_on: str | None, dry_run: bool
) -> None:
    """Make a token and print it: now, and never again. It is never wider than its account."""
    account, ends = account_named(login), _instant(expires_on)
    with rehearsal(SYSTEM, dry_run):
        made = tokens.create_token(
            actor=SYSTEM, account=account, name=name, scopes=scopes, means=wiring.means(), expires_at=ends
        )
    told: dict[str, Any] = {"id": public("token", made.id), "scopes": list(made.scopes), "expires_at": instant(ends)}
    if dry_run:
        told |= {"id": None, "dry_run": True}
        voice.show(told, lambda: output.card(told))
        return
    voice.say(f"{told['id']}: {', '.join(made.scopes)}. The token is told this once.")
    voice.show({**told, "token": made.text}, lambda: made.text)


@click.command("list")
@account_option
@speaking
def list_tokens(voice: Voice, login: str) -> None:
    """List an account's tokens, the newest first, revoked ones too."""
    account = account_named(login)
    with acting(SYSTEM):
        told = [_token(card) for card in tokens_of(account)]
    headings = ("TOKEN", "NAME", "SCOPES", "CREATED", "EXPIRES", "REVOKED")
    voice.show(told, lambda: output.table(headings, map(_row, told)))


@click.command("revoke")
@click.argument("token")
@dry_run_option
@speaking
def revoke_token(voice: Voice, token: str, dry_run: bool) -> None:
    """Make a token (tok_…) stop working with the next request. Twice is once."""
    wanted = id_of("token", token)
    with rehearsal(SYSTEM, dry_run):
        tokens.revoke_token(actor=SYSTEM, token=wanted, now=wiring.now())
    told = {"id": token, "revoked": not dry_run} | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: output.card(told))


def _instant(day: str | None) -> datetime | None:
    """The first instant of a day where the platform is."""
    found = day_of("expires_on", day)
    return None if found is None else datetime.combine(found, time.min, ZoneInfo(settings.PLATFORM_TIME_ZONE))


def _token(card: TokenCard) -> dict[str, Any]:
    return {
        "id": public("token", card.id),
        "name": card.name,
        "scopes": list(card.scopes),
        "created_at": instant(card.created_at),
        "expires_at": instant(card.expires_at),
        "revoked_at": instant(card.revoked_at),
    }


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    names = ("id", "name", "created_at", "expires_at", "revoked_at")
    token, name, *instants = (told[one] for one in names)
    return token, name, " ".join(told["scopes"]), *instants
