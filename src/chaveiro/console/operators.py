"""`chaveiro operators add | remove`: who acts for the vendor; `accounts recover`: who lost telephone and codes."""

from __future__ import annotations

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.channel import actions as channel
from chaveiro.apps.channel.queries import vendor
from chaveiro.apps.identity.actions import acting, links, security
from chaveiro.apps.identity.actions.accounts import Newcomer, close_account, open_operator
from chaveiro.apps.identity.queries import account
from chaveiro.console import output
from chaveiro.console.acts import account_named, rehearsal
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM, Kind
from chaveiro.rules.errors import NotFound
from chaveiro.rules.tokens import Purpose
from chaveiro.wording.telling import instant


@click.command("add")
@click.option("--email", required=True, help="Where they are written to; also the name they sign in with.")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@dry_run_option
@speaking
def add_operator(voice: Voice, email: str, given_name: str, family_name: str, dry_run: bool) -> None:
    """Open an account for another operator, and print a link by which they sign in once, within the hour."""
    means, newcomer = wiring.means(), Newcomer(email, given_name, family_name)
    with rehearsal(SYSTEM, dry_run), acting(SYSTEM):
        home = vendor()
        opened = open_operator(actor=SYSTEM, newcomer=newcomer, means=means, organisation=home)
        channel.add_member(actor=SYSTEM, account=opened, organisation=home, role="operator", means=means)
        link = links.make(actor=SYSTEM, account=opened, purpose=Purpose.SIGN_IN, means=means)
        login = account(opened).login_name
    told: dict[str, object] = {"login": login, "expires_at": instant(link.expires_at)}
    told |= {"dry_run": True} if dry_run else {"link": settings.BASE_URL + link.path}
    voice.show(told, lambda: output.card(told))


@click.command("remove")
@click.argument("login")
@dry_run_option
@speaking
def remove_operator(voice: Voice, login: str, dry_run: bool) -> None:
    """Close an operator's account: with the next request nobody acts with it, nor with its tokens and links."""
    wanted = account_named(login)
    with acting(SYSTEM):
        if account(wanted).kind is not Kind.OPERATOR:
            raise NotFound(what="operator")
    if not dry_run:
        voice.confirm(f"Close the account of {login}?")
    with rehearsal(SYSTEM, dry_run):
        close_account(actor=SYSTEM, account=wanted, now=wiring.now())
    told: dict[str, object] = {"login": login, "closed": not dry_run} | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: output.card(told))


@click.command("recover")
@click.argument("login")
@dry_run_option
@speaking
def recover(voice: Voice, login: str, dry_run: bool) -> None:
    """Take passkeys, codes and sessions away, and print a link by which they sign in once, within the hour.

    For somebody who lost telephone and recovery codes, after you made sure that it is they. Their person is told by
    mail.
    """
    wanted, means = account_named(login), wiring.means()
    if not dry_run:
        voice.confirm(f"Take all passkeys and codes of {login} away?")
    with rehearsal(SYSTEM, dry_run), acting(SYSTEM):
        security.forget_factors(account=wanted, now=means.now)
        link = links.make(actor=SYSTEM, account=wanted, purpose=Purpose.SIGN_IN, means=means)
    told: dict[str, object] = {"login": login, "expires_at": instant(link.expires_at)}
    told |= {"dry_run": True} if dry_run else {"link": settings.BASE_URL + link.path}
    voice.show(told, lambda: output.card(told))
