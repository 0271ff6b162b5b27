"""`chaveiro services add | list | rotate | remove`: what people sign in to by this installation, and their secrets."""

from __future__ import annotations

from typing import Any

import click
from django.conf import settings

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.actions import services as acts
from chaveiro.apps.identity.actions.services import MadeService
from chaveiro.apps.identity.queries import ServiceCard
from chaveiro.apps.identity.queries import services as services_of
from chaveiro.console import output
from chaveiro.console.acts import id_of, rehearsal
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.services import ALGORITHMS, OVERLAP_HOURS_AT_MOST
from chaveiro.wording.telling import instant, public

ONCE = "These secrets are told this once."


@click.command("add")
@click.option("--name", required=True, help="What people know it by.")
@click.option("--return", "returns", multiple=True, required=True, help="Where people come back to, signed in; exact.")
@click.option("--leave", "leaves", multiple=True, help="Where people may be sent to, signed out; exact.")
@click.option("--public", "is_public", is_flag=True, help="It cannot keep a secret: PKCE alone.")
@click.option(
    "--algorithm", type=click.Choice(ALGORITHMS), default="RS256", show_default=True, help="Of its ID tokens."
)
@dry_run_option
@speaking
def add_service(
    voice: Voice,
    name: str,
    returns: tuple[str, ...],
    leaves: tuple[str, ...],
    is_public: bool,
    algorithm: str,
    dry_run: bool,
) -> None:
    """Register a service and print its secrets: now, and never again."""
    with rehearsal(SYSTEM, dry_run):
        made = acts.add_service(
            actor=SYSTEM,
            name=name,
            returns=returns,
            leaves=leaves,
            confidential=not is_public,
            algorithm=algorithm,
            means=wiring.means(),
        )
    _tell(voice, made, dry_run)


@click.command("list")
@speaking
def list_services(voice: Voice) -> None:
    """List the services, removed ones too."""
    with acting(SYSTEM):
        told = [_service(card) for card in services_of()]
    headings = ("SERVICE", "NAME", "RETURNS", "CREATED", "REMOVED")
    names = ("client_id", "name", "returns", "created_at", "removed_at")
    voice.show(
        told,
        lambda: output.table(
            headings, (tuple(" ".join(v) if isinstance(v := row[n], list) else v for n in names) for row in told)
        ),
    )


@click.command("rotate")
@click.argument("service")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, OVERLAP_HOURS_AT_MOST),
    default=24,
    show_default=True,
    help="How long the old secrets still work; 0: they stop now.",
)
@dry_run_option
@speaking
def rotate_service(voice: Voice, service: str, overlap_hours: int, dry_run: bool) -> None:
    """Give a service (svc_…) new secrets and print them: now, and never again."""
    wanted = id_of("service", service)
    with rehearsal(SYSTEM, dry_run):
        made = acts.rotate_service(actor=SYSTEM, service=wanted, overlap_hours=overlap_hours, means=wiring.means())
    _tell(voice, made, dry_run)


@click.command("remove")
@click.argument("service")
@dry_run_option
@speaking
def remove_service(voice: Voice, service: str, dry_run: bool) -> None:
    """Remove a service (svc_…): nobody signs in to it any more, and its token asks for nothing. Twice is once."""
    wanted = id_of("service", service)
    if not dry_run:
        voice.confirm(f"Remove {service}?")
    with rehearsal(SYSTEM, dry_run):
        acts.remove_service(actor=SYSTEM, service=wanted, now=wiring.now())
    told = {"client_id": service, "removed": not dry_run} | ({"dry_run": True} if dry_run else {})
    voice.show(told, lambda: output.card(told))


def _tell(voice: Voice, made: MadeService, dry_run: bool) -> None:
    told: dict[str, Any] = {
        "client_id": None if dry_run else public("service", made.service.id),
        "name": made.service.name,
        "issuer": settings.BASE_URL,
        "returns": list(made.service.returns),
        "leaves": list(made.service.leaves),
        "algorithm": made.service.algorithm,
    }
    if dry_run:
        told |= {"dry_run": True}
    else:
        told |= {"client_secret": made.client_secret or None, "token": made.token}
        voice.say(ONCE)
    voice.show(told, lambda: output.card(told))


def _service(card: ServiceCard) -> dict[str, Any]:
    return {
        "client_id": public("service", card.service.id),
        "name": card.service.name,
        "returns": list(card.service.returns),
        "leaves": list(card.service.leaves),
        "confidential": card.service.confidential,
        "algorithm": card.service.algorithm,
        "created_at": instant(card.created_at),
        "removed_at": instant(card.removed_at),
    }
