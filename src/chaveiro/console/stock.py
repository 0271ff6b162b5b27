"""`chaveiro keys …`: single keys, by serial or in the hand, and what they were digested under."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.customers.queries import day_of
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.apps.keys.queries import PepperUse
from chaveiro.apps.redemption.queries import known_keys, target_of
from chaveiro.console import output
from chaveiro.console.acts import STDIN, actor_named, bytes_of, id_of, rehearsal
from chaveiro.console.batches import tell_minted
from chaveiro.console.keys import BYTES_AT_MOST, text_of
from chaveiro.console.minting import mint_planned
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules import redemption, serials
from chaveiro.rules.actors import SYSTEM, Actor
from chaveiro.rules.batches import Batch
from chaveiro.rules.errors import Malformed
from chaveiro.rules.keys import check
from chaveiro.rules.peppers import fingerprint
from chaveiro.rules.redemption import Item, Situation
from chaveiro.wording import telling

HEADINGS = ("SERIAL", "LAST FIVE", "STATE", "PRODUCT", "SEATS", "MONTHS", "BATCH")


@click.command("show")
@click.argument("serial")
@speaking
def show_key(voice: Voice, serial: str) -> None:
    """Show one key by its serial: its state, what it carries, where it is. Its text nobody has."""
    _tell(voice, serials.read(serial))


@click.command("find")
@click.argument("last_five")
@speaking
def find_keys(voice: Voice, last_five: str) -> None:
    """Find keys by their last five symbols, the newest twenty: what somebody on the telephone reads out."""
    with acting(SYSTEM):
        found = queries.keys_ending(last_five.strip(), now=wiring.now())
    told = [telling.key(facts) for facts in found]
    voice.show(told, lambda: output.table(HEADINGS, map(_row, told)))


@click.command("revoke")
@click.argument("serial")
@dry_run_option
@speaking
def revoke_key(voice: Voice, serial: str, dry_run: bool) -> None:
    """Make one key worthless for ever."""
    number = serials.read(serial)
    if not dry_run:
        voice.confirm(f"Make key {serial} worthless for ever?")
    with rehearsal(SYSTEM, dry_run):
        actions.revoke_key(actor=SYSTEM, number=number, means=wiring.means())
        _tell(voice, number, dry_run)


@click.command("replace")
@click.argument("serial")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The new key's file.")
@dry_run_option
@speaking
def replace_key(voice: Voice, serial: str, out: Path, dry_run: bool) -> None:
    """Revoke a key and mint another that carries the same, into a file. Killed half-way, run it again."""
    number = serials.read(serial)
    begun = _begun(number, out)
    if dry_run:
        with rehearsal(SYSTEM, dry_run):
            planned = begun or actions.replace_key(actor=SYSTEM, number=number, means=wiring.means())
            tell_minted(voice, planned, out, dry_run=True)
        return
    if begun is None:
        voice.confirm(f"Make key {serial} worthless for ever, and mint another in its place?")
        begun = actions.replace_key(actor=SYSTEM, number=number, means=wiring.means())
    mint_planned(voice, begun, out)


def _begun(number: int, out: Path) -> Batch | None:
    """The replacement that an interrupted run left in this very file, if there is one."""
    file = wiring.key_file(out)
    with acting(SYSTEM):
        by = queries.key(number, now=wiring.now()).replaced_by
        replacement = None if by is None else queries.batch_of(by)
    if replacement is not None and (file.is_finished() or file.batch() == replacement.id):
        return replacement
    return None


@click.command("break-hold")
@click.argument("serial")
@dry_run_option
@speaking
def break_hold(voice: Voice, serial: str, dry_run: bool) -> None:
    """End the hold that somebody's unfinished redemption has on a key."""
    number = serials.read(serial)
    with rehearsal(SYSTEM, dry_run):
        actions.break_hold(actor=SYSTEM, number=number, means=wiring.means())
        _tell(voice, number, dry_run)


def _tell(voice: Voice, number: int, dry_run: bool = False) -> None:
    with acting(SYSTEM):
        told = telling.key(queries.key(number, now=wiring.now()))
    if dry_run:
        told |= {"dry_run": True}
    voice.show(told, lambda: output.card(told))


def _row(told: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(told[name] for name in ("serial", "last_five", "state", "product", "seats", "months", "batch"))


@click.command("peppers")
@speaking
def peppers(voice: Voice) -> None:
    """List the versions of the pepper: which keys need each, and which may go. Reads every key."""
    with acting(SYSTEM):
        used = {use.version: use for use in queries.pepper_uses()}
    at_hand = {digester.version: fingerprint(digester) for digester in wiring.digesters(settings.KEY_PEPPERS)}
    told = [_pepper(version, used.get(version), at_hand) for version in sorted(used.keys() | at_hand.keys())]
    headings = ("VERSION", "FINGERPRINT", "AT HAND", "LIVE", "REDEEMED", "REVOKED", "MAY GO")
    voice.show(told, lambda: output.table(headings, (tuple(one.values()) for one in told)))


def _pepper(version: int, use: PepperUse | None, at_hand: Mapping[int, str]) -> dict[str, object]:
    return {
        "version": version,
        "fingerprint": at_hand[version] if use is None else use.fingerprint,
        "at_hand": version in at_hand,
        "live": 0 if use is None else use.live,
        "redeemed": 0 if use is None else use.redeemed,
        "revoked": 0 if use is None else use.revoked,
        # The newest mints, used or not.
        "retirable": version != max(at_hand) and (use is None or use.is_retirable),
    }


@click.command("judge")
@click.argument("file", default=STDIN)
@click.option("--country", default=None, help="Where they shall be used (PT, ES …).")
@click.option("--subscription", default=None, help="The subscription that they shall extend or add to.")
@click.option("--as", "login", default=None, help="Who presents them; absent: the machine itself.")
@speaking
def judge_keys(voice: Voice, file: str, country: str | None, subscription: str | None, login: str | None) -> None:
    """Say of each key whether it could be redeemed now, as the API's key-checks do. Nothing is spent or held.

    FILE (- for stdin) is any text with keys in it, or a JSON list of them.
    """
    actor, means = actor_named(login), wiring.means()
    texts = _texts(bytes_of(file, BYTES_AT_MOST, "keys"))
    items = tuple(Item.of(text, means.digesters) for text in texts)
    around, known = _around(actor, items, country, subscription)
    judged = redemption.judge(items, known, around)
    told = telling.verdicts(items, judged, voice.language)
    headings = ("KEY", "VERDICT", "MEANING")
    voice.show(told, lambda: output.table(headings, map(_said, texts, told)))


def _around(
    actor: Actor, items: tuple[Item, ...], country: str | None, subscription: str | None
) -> tuple[Situation, Any]:
    means, target = wiring.means(), None
    where = country and country.upper()
    with acting(actor):
        if subscription is not None:
            target, where = target_of(id_of("subscription", subscription))
        day = day_of(target.customer if target else None, means.day)
        known = known_keys(items, None, means)
    purpose = "open" if target is None else "extend"
    return Situation(purpose, day, where, target is None, target), known


def _texts(given: bytes) -> list[str]:
    """The keys in a text, or a JSON list of them as it stands, empty ones too. Raises BasketTooLarge."""
    text = text_of(given)
    found = _listed(text) if text.lstrip().startswith("[") else [reading.typed for reading in check(text)]
    if len(found) > redemption.BASKET_AT_MOST:
        raise redemption.BasketTooLarge(most=redemption.BASKET_AT_MOST, given=len(found))
    return found


def _listed(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(field="keys", reason="must be JSON") from None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Malformed(field="keys", reason="must be a list of texts")
    return found


def _said(typed: str, told: Mapping[str, Any]) -> tuple[str, str, str]:
    """A line for people. A key that is known is shown by its serial: its text need not be repeated."""
    shown = told["serial"] and serials.group(told["serial"])
    carried = f"{told['product']}, {told['seats']} × {told['months']}" if told["serial"] else ""
    meaning = " ".join(filter(None, (told["detail"] or carried, told["repair"] and f"→ {told['repair']}")))
    return shown or " ".join(typed.split()), told["verdict"], meaning
