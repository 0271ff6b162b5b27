"""How the command line acts: as whom, on what it is told by name, for real or as a rehearsal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import click
from django.db import transaction

from chaveiro.apps.customers.queries import standing
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import account, actor_of, by_login_name, open_accounts_with
from chaveiro.console import output
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.errors import Malformed, NotFound

STDIN = "-"
LIST_LIMIT = 50

Answer = TypeVar("Answer")

limit_option = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=LIST_LIMIT, show_default=True, help="At most so many."
)


def account_named(name: str) -> UUID:
    """The open account that signs in with this name, or the only one of this e-mail address. Raises NotFound."""
    with acting(SYSTEM):
        found = by_login_name(name.strip().lower())
        if found is not None and found.actor.account is not None:
            return found.actor.account
        of_address = open_accounts_with(name)
    if len(of_address) != 1:
        raise NotFound(what="account")
    return of_address[0].id


def actor_named(name: str | None) -> Actor:
    """The person who signs in with this name, with the roles that stand now; without a name, the machine itself.

    Raises NotFound.
    """
    if name is None:
        return SYSTEM
    wanted = account_named(name)
    with acting(SYSTEM):
        bare = actor_of(account(wanted))
    with acting(bare):
        return standing(bare)


@contextmanager
def rehearsal(actor: Actor, dry_run: bool) -> Iterator[None]:
    """What is done in here is done by its own code; where `dry_run`, nothing is left of it afterwards."""
    if not dry_run:
        yield
        return
    with acting(actor), transaction.atomic():
        yield
        transaction.set_rollback(True)


def id_of(noun: str, text: str) -> UUID:
    """The id that was typed. Raises NotFound for what is no id of that noun: it leads nowhere."""
    try:
        return identifiers.read(noun, text.strip())
    except Malformed:
        raise NotFound(what=noun) from None


def day_of(field: str, text: str | None) -> date | None:
    """A day as YYYY-MM-DD; None stays none. Raises Malformed, naming the field."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed(field=field, reason="must be a day as YYYY-MM-DD") from None


def bytes_of(file: str, most: int, what: str) -> bytes:
    """What is in a file, or on stdin for `-`. Raises Malformed when it is longer than `most`, or cannot be read."""
    try:
        if file == STDIN:
            if sys.stdin.isatty():
                output.say(f"Type the {what}, then end with Ctrl-D.")
            given = sys.stdin.buffer.read(most + 1)
        else:
            with Path(file).open("rb") as opened:
                given = opened.read(most + 1)
    except OSError as fault:
        raise Malformed(field=what, reason=f"cannot be read: {fault.strerror}") from None
    if len(given) > most:
        raise Malformed(field=what, reason=f"is longer than {most} bytes")
    return given


def in_pages(page: Callable[[UUID | None], list[Answer]], last: Callable[[Answer], UUID]) -> Iterator[Answer]:
    """Everything that a query answers page by page; `page` takes the last one seen."""
    seen: UUID | None = None
    while found := page(seen):
        yield from found
        seen = last(found[-1])
