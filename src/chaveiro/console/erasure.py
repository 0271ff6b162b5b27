"""`chaveiro erasures …` and evidence for subscriptions; `chaveiro org export`: data that go, and data that leave."""

from __future__ import annotations

import os
import tempfile
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.closing.actions import evidence as acts
from chaveiro.apps.closing.actions import exporting
from chaveiro.apps.closing.queries import erasure as queries
from chaveiro.apps.customers import queries as customers
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.actions import record
from chaveiro.console import output
from chaveiro.console.acts import actor_named, day_of, id_of, limit_option
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.erasure import CERTIFICATE_KIND, claims
from chaveiro.rules.errors import Malformed
from chaveiro.wording import erasing, papers

AHEAD_DAYS = 14
as_option = click.option("--as", "login", required=True, help="Which operator does it (user name or e-mail).")


@click.command("list")
@limit_option
@speaking
def list_erasures(voice: Voice, limit: int) -> None:
    """List what was erased, the latest first."""
    with acting(SYSTEM):
        told = [erasing.erasure(card) for card in queries.erasures(limit=limit)]
    headings = ("ERASURE", "WHAT", "CUSTOMER", "SUBSCRIPTION", "DAY", "KEY DESTROYED")
    names = ("id", "erased", "customer", "subscription", "day", "key_destroyed_at")
    voice.show(told, lambda: output.table(headings, (tuple(one[name] for name in names) for one in told)))


@click.command("due")
@click.option("--ahead", type=click.IntRange(0, 4000), default=AHEAD_DAYS, show_default=True, help="Days ahead.")
@limit_option
@speaking
def list_due(voice: Voice, ahead: int, limit: int) -> None:
    """List what is due to be erased or soon will be, and why it waits."""
    with acting(SYSTEM):
        found = queries.pending(day=wiring.means().day, ahead=ahead, limit=limit)
    told = [erasing.pending(one) for one in found]
    headings = ("SUBSCRIPTION", "CUSTOMER", "ENDS ON", "DUE ON", "WAITS", "UNTIL")
    names = ("subscription", "customer_name", "ends_on", "due_on", "waits", "until")
    voice.show(told, lambda: output.table(headings, (tuple(one[name] for name in names) for one in told)))


@click.command("allow")
@click.option("--day", required=True, help="Which day asked (YYYY-MM-DD).")
@as_option
@dry_run_option
@speaking
def allow(voice: Voice, day: str, login: str, dry_run: bool) -> None:
    """Say go to more erasures on a day than are usual: as many as were asked for, and no more."""
    wanted = day_of("day", day)
    assert wanted is not None
    if not dry_run:
        voice.confirm(f"Allow the erasures that {wanted} asked for?")
    most = acts.allow(actor=actor_named(login), day=wanted, means=wiring.means(), dry_run=dry_run)
    told: dict[str, Any] = {"day": wanted.isoformat(), "most": most, **({"dry_run": True} if dry_run else {})}
    voice.show(told, lambda: output.card(told))


@click.command("certificate")
@click.argument("erasure")
@click.option("--pdf", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Write it as PDF there.")
@speaking
def certificate(voice: Voice, erasure: str, pdf: Path | None) -> None:
    """Print the signed certificate of an erasure (era_…), or write it as PDF."""
    with acting(SYSTEM):
        facts = queries.certificate(id_of("erasure", erasure))
    if pdf is None:
        signed = wiring.keyring().sign(claims(facts, issuer=settings.BASE_URL), CERTIFICATE_KIND)
        voice.show({"certificate": signed}, lambda: signed)
        return
    reader = papers.Reader(voice.language, settings.PLATFORM_TIME_ZONE, settings.VENDOR_NAME, settings.BASE_URL)
    try:
        pdf.write_bytes(wiring.printer()(erasing.certificate(facts, reader)))
    except OSError as fault:
        raise Malformed(field="pdf", reason=f"cannot be written: {fault.strerror}") from None
    voice.show({"pdf": str(pdf)}, lambda: str(pdf))


@click.command("evidence")
@click.argument("subscription")
@click.option("--text", required=True, help="How the customer was told: what was sent, and what proves it.")
@click.option("--told-on", required=True, help="On which day (YYYY-MM-DD).")
@as_option
@dry_run_option
@speaking
def record_evidence(voice: Voice, subscription: str, text: str, told_on: str, login: str, dry_run: bool) -> None:
    """Record evidence in the place of a mail's proof; it counts once another operator agrees."""
    day, wanted, means = _day("told_on", told_on), id_of("subscription", subscription), wiring.means()
    made = acts.record_evidence(
        actor=actor_named(login), subscription=wanted, text=text, told_on=day, means=means, dry_run=dry_run
    )
    if dry_run:
        voice.show({"id": None, "dry_run": True}, lambda: "It would be recorded.")
        return
    with acting(SYSTEM):
        told = erasing.evidence(queries.evidence(made))
    voice.show(told, lambda: output.card(told))


@click.command("approve-evidence")
@click.argument("evidence")
@as_option
@dry_run_option
@speaking
def approve_evidence(voice: Voice, evidence: str, login: str, dry_run: bool) -> None:
    """Agree to evidence (evi_…) that another operator recorded."""
    wanted = id_of("evidence", evidence)
    if not dry_run:
        voice.confirm(f"Let {evidence} stand in the place of a mail's proof?")
    acts.approve_evidence(
        actor=actor_named(login), evidence=wanted, house=wiring.house(), means=wiring.means(), dry_run=dry_run
    )
    _settled(voice, evidence, dry_run)


@click.command("withdraw-evidence")
@click.argument("evidence")
@as_option
@dry_run_option
@speaking
def withdraw_evidence(voice: Voice, evidence: str, login: str, dry_run: bool) -> None:
    """Take evidence (evi_…) back that nobody agreed to yet."""
    wanted = id_of("evidence", evidence)
    acts.withdraw_evidence(actor=actor_named(login), evidence=wanted, means=wiring.means(), dry_run=dry_run)
    _settled(voice, evidence, dry_run)


def _settled(voice: Voice, evidence: str, dry_run: bool) -> None:
    with acting(SYSTEM):
        told = erasing.evidence(queries.evidence(id_of("evidence", evidence)))
    told |= {"dry_run": True} if dry_run else {}
    voice.show(told, lambda: output.card(told))


@click.command("export")
@click.argument("customer")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The archive to write.")
@click.option("--person", default=None, help="Only what is kept of this person (per_…).")
@dry_run_option
@speaking
def export(voice: Voice, customer: str, out: Path, person: str | None, dry_run: bool) -> None:
    """Write everything that is kept of a customer (cus_…), or of one person, as JSON and CSV into one archive."""
    means, wanted = wiring.means(), id_of("customer", customer)
    of = None if person is None else id_of("person", person)
    with acting(SYSTEM):
        customers.card(wanted)
        account = None if of is None else customers.account_of(of)
        with tempfile.TemporaryFile() if dry_run else _new_file(out) as into:
            counts = exporting.write_export(customer=wanted, account=account, into=into, means=means)
        if not dry_run:
            tag = "customer:exported" if of is None else "person:exported"
            record(tag=tag, at=means.now, actor=SYSTEM, subject_id=of or wanted, customer_id=wanted)
    told = {"out": None if dry_run else str(out), "rows": counts, **({"dry_run": True} if dry_run else {})}
    voice.show(told, lambda: output.card({"out": told["out"], **counts}))


def _day(field: str, text: str) -> date:
    day = day_of(field, text)
    assert day is not None
    return day


def _new_file(path: Path) -> BinaryIO:
    """A file that only its owner reads; one that exists is not overwritten. Raises Malformed."""
    try:
        return cast(BinaryIO, open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)))
    except OSError as fault:
        raise Malformed(field="out", reason=f"cannot be written: {fault.strerror}") from None
