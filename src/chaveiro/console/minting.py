"""`chaveiro batches mint`: keys into a file, plain or encrypted. Run again, it goes on after any interruption."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import click

from chaveiro import wiring
from chaveiro.apps.channel.queries import organisation_named
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.console import output
from chaveiro.console.acts import bytes_of, day_of, rehearsal
from chaveiro.console.batches import batch_named, tell_minted
from chaveiro.console.cards import card_printer
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.batches import Batch, Kind, Order
from chaveiro.rules.errors import Malformed
from chaveiro.rules.exports import FileRefused, Lock
from chaveiro.rules.openings import Missing

PASSPHRASE_BYTES_AT_MOST = 8192
DOING = "Minting"


@click.command("mint")
@click.option("--product", default=None, help="The product's code.")
@click.option("--seats", type=int, default=None, help="Licences that each key carries.")
@click.option("--months", type=int, default=None, help="Months that each key carries.")
@click.option("--count", type=int, default=None, help="How many keys.")
@click.option("--country", "countries", multiple=True, help="Where they may be used (PT, ES …); may be given again.")
@click.option("--activate-before", default=None, help="The first day on which they are worth nothing (YYYY-MM-DD).")
@click.option("--to", "holder", default=None, help="Who holds them: id, registration number or name of a partner.")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), default=Kind.BEARER.value, show_default=True)
@click.option("--batch", "planned", default=None, help="Mint this batch, ordered before, instead of a new one.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="The file for the keys.")
@click.option("--recipient", default=None, help="Encrypt the file for the holder of this age public key (age1…).")
@click.option("--passphrase-file", default=None, help="Encrypt it under the passphrase in this file (- for stdin).")
@click.option("--cards", is_flag=True, help="Put cards as PDF beside the keys: a zip, encrypted; 10,000 at most.")
@dry_run_option
@speaking
def mint(
    voice: Voice,
    product: str | None,
    seats: int | None,
    months: int | None,
    count: int | None,
    countries: tuple[str, ...],
    activate_before: str | None,
    holder: str | None,
    kind: str,
    planned: str | None,
    out: Path | None,
    recipient: str | None,
    passphrase_file: str | None,
    cards: bool,
    dry_run: bool,
) -> None:
    """Order keys and mint them into a file, `serial,key` on each line; nothing is for sale before `batches release`.

    Killed half-way, run it again: it goes on, and no serial is there twice. More than 1,000 keys wait for a second
    person's `batches approve`; then run it again. A book batch has no secrets, and so no file.
    """
    lock = _lock(recipient, passphrase_file, cards)
    if planned is not None:
        if any(value is not None for value in (product, seats, months, count, holder, activate_before)) or countries:
            raise click.UsageError("--batch names the whole order; leave the rest of it out")
        _go_on(voice, batch_named(planned), out, lock, dry_run)
        return
    if product is None or seats is None or months is None or count is None:
        raise click.UsageError("--product, --seats, --months and --count are needed")
    order = Order(
        product=product,
        seats=seats,
        months=months,
        quantity=count,
        countries=tuple(dict.fromkeys(country.upper() for country in countries)),
        activate_before=day_of("activate_before", activate_before),
        holder=_holder(holder),
        kind=Kind(kind),
        cards=cards,
    )
    if dry_run:
        _rehearse(voice, order, out, lock)
    elif order.kind is Kind.BOOK:
        _mint_book(voice, order)
    elif lock is not None:
        _mint_sealed(voice, order, _needed(out), lock)
    else:
        _mint_plain(voice, order, _needed(out))


def _mint_plain(voice: Voice, order: Order, out: Path) -> None:
    done = actions.mint_to_file(
        order=order,
        file=wiring.key_file(out),
        house=wiring.house(),
        means=wiring.means(),
        progress=output.Progress(DOING),
    )
    if done.again:
        voice.say("The file was there, whole; nothing was minted now.")
    tell_minted(voice, done.batch, out, again=done.again)


def _mint_sealed(voice: Voice, order: Order, out: Path, lock: Lock) -> None:
    batch = actions.mint_sealed_to_file(
        order=order,
        lock=lock,
        file=wiring.sealed_file(out),
        house=wiring.house(),
        vault=wiring.vault(),
        locksmith=wiring.locksmith(),
        means=wiring.means(),
        printer=card_printer(),
        progress=output.Progress(DOING),
    )
    tell_minted(voice, batch, out, again=False)


def _mint_book(voice: Voice, order: Order) -> None:
    batch = actions.plan_batch(actor=SYSTEM, order=order, house=wiring.house(), means=wiring.means())
    voice.say(f"To go on after an interruption: chaveiro batches mint --batch {batch.number}")
    _mint_planned_book(voice, batch)


def _mint_planned_book(voice: Voice, batch: Batch) -> None:
    whole = actions.mint(batch=batch.id, texts=actions.Texts(), means=wiring.means(), progress=output.Progress(DOING))
    tell_minted(voice, whole, None, again=False)


def _go_on(voice: Voice, planned: UUID, out: Path | None, lock: Lock | None, dry_run: bool) -> None:
    """Mint what was ordered before: it waited for a second person, or was interrupted."""
    if lock is not None:
        raise Malformed(field="recipient", reason="belongs to the order; run the whole command that began it again")
    with acting(SYSTEM):
        batch = queries.batch(planned)
    if dry_run:
        batch.step("mint")
        tell_minted(voice, batch, out, dry_run=True)
    elif batch.kind is Kind.BOOK:
        _mint_planned_book(voice, batch)
    else:
        mint_planned(voice, batch, _needed(out))


def mint_planned(voice: Voice, batch: Batch, out: Path) -> None:
    """Mint one batch that was ordered before into a plain file, or find that it was."""
    file, means = wiring.key_file(out), wiring.means()
    done = actions.mint_planned_to_file(batch=batch, file=file, means=means, progress=output.Progress(DOING))
    tell_minted(voice, done.batch, out, again=done.again)


def _rehearse(voice: Voice, order: Order, out: Path | None, lock: Lock | None) -> None:
    """What would be ordered, and everything that stands against it. Its serials stay a gap, as of any order undone."""
    if order.kind is Kind.BEARER:
        if wiring.key_file(_needed(out)).is_finished():
            raise FileRefused(reason="a file of that name exists; it is not overwritten")
        if lock is not None:
            wiring.locksmith().check(lock)
    with rehearsal(SYSTEM, dry_run=True):
        batch = actions.plan_batch(actor=SYSTEM, order=order, house=wiring.house(), means=wiring.means())
        tell_minted(voice, batch, out, dry_run=True)


def _lock(recipient: str | None, passphrase_file: str | None, cards: bool) -> Lock | None:
    """Who may open the file; None: it is plain, and its cards are printed from it afterwards."""
    if recipient is None and passphrase_file is None:
        if cards:
            raise click.UsageError("--cards needs --recipient or --passphrase-file; of a plain file: `chaveiro cards`")
        return None
    passphrase = ""
    if passphrase_file is not None:
        given = bytes_of(passphrase_file, PASSPHRASE_BYTES_AT_MOST, "passphrase")
        try:
            passphrase = given.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise Malformed(field="passphrase", reason="is not UTF-8") from None
    return Lock(recipient=recipient or "", passphrase=passphrase)


def _needed(out: Path | None) -> Path:
    if out is None:
        raise Missing(field="out")
    return out


def _holder(text: str | None) -> UUID | None:
    if text is None:
        return None
    with acting(SYSTEM):
        return organisation_named(text)
