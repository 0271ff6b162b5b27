"""Services of the vendor: registered, given new secrets, removed; by an operator or by the house alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from chaveiro.apps.identity import models
from chaveiro.apps.identity.actions.scope import acting, digest_of
from chaveiro.apps.identity.models import ServiceSecret
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Malformed, NotAllowed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.services import OVERLAP_HOURS_AT_MOST, SERVICES_AT_MOST, SecretKind, Service, check_service
from chaveiro.rules.tokens import SECRET_BYTES, new_token, write_secret


@dataclass(frozen=True, slots=True)
class MadeService:
    """A service with its new secrets, told once and kept nowhere. One that keeps none has only a token."""

    service: Service
    client_secret: str = field(repr=False)
    token: str = field(repr=False)


def add_service(
    *,
    actor: Actor,
    name: str,
    returns: Iterable[str],
    means: Means,
    leaves: Iterable[str] = (),
    confidential: bool = True,
    algorithm: str = "RS256",
) -> MadeService:
    """Register a service and make its secrets; journals `service:added`. Raises Malformed, NotAllowed."""
    _operators_only(actor)
    checked = check_service(name=name, returns=returns, leaves=leaves, algorithm=algorithm)
    service = replace(checked, id=means.new_id(), confidential=confidential)
    with acting(actor):
        if seen(models.Service).filter(removed_at=None).count() >= SERVICES_AT_MOST:
            raise Malformed(field="name", reason=f"there are {SERVICES_AT_MOST} services; remove one first")
        models.Service(
            id=service.id,
            name=service.name,
            confidential=service.confidential,
            algorithm=service.algorithm,
            returns=list(service.returns),
            leaves=list(service.leaves),
            created_at=means.now,
        ).save(force_insert=True)
        made = _secrets(service, means)
        _record("service:added", actor, service.id, means.now)
    return made


def rotate_service(*, actor: Actor, service: UUID, overlap_hours: int, means: Means) -> MadeService:
    """New secrets; the old ones work `overlap_hours` longer, with nought not at all. Journals `service:rotated`.

    Raises NotFound, Malformed, NotAllowed.
    """
    _operators_only(actor)
    if not 0 <= overlap_hours <= OVERLAP_HOURS_AT_MOST:
        raise Malformed(field="overlap_hours", reason=f"0 to {OVERLAP_HOURS_AT_MOST}")
    ends = means.now + timedelta(hours=overlap_hours)
    with acting(actor):
        found = _standing(service)
        standing = seen(ServiceSecret).filter(service_id=service)
        standing.filter(expires_at=None).update(expires_at=ends)
        standing.filter(expires_at__gt=ends).update(expires_at=ends)
        made = _secrets(found, means)
        _record("service:rotated", actor, service, means.now)
    return made


def remove_service(*, actor: Actor, service: UUID, now: datetime) -> None:
    """Nobody signs in to the service any more, and its token asks for nothing. Twice is once.

    Journals `service:removed`. Raises NotFound, NotAllowed.
    """
    _operators_only(actor)
    with acting(actor):
        row = seen(models.Service).filter(id=service).first()
        if row is None:
            raise NotFound(what="service")
        if row.removed_at is None:
            seen(models.Service).filter(id=service, removed_at=None).update(removed_at=now)
            _record("service:removed", actor, service, now)


def _secrets(service: Service, means: Means) -> MadeService:
    secret = write_secret(means.random_bytes(SECRET_BYTES)) if service.confidential else ""
    token = new_token(means.random_bytes)
    for kind, text in ((SecretKind.CLIENT, secret), (SecretKind.TOKEN, token)):
        if text:
            ServiceSecret(
                id=means.new_id(),
                service_id=service.id,
                kind=kind.value,
                digest=digest_of(text),
                created_at=means.now,
            ).save(force_insert=True)
    return MadeService(service, secret, token)


def _standing(service: UUID) -> Service:
    row = seen(models.Service).filter(id=service, removed_at=None).first()
    if row is None:
        raise NotFound(what="service")
    return Service(row.id, row.name, row.confidential, row.algorithm, tuple(row.returns), tuple(row.leaves))


def _operators_only(actor: Actor) -> None:
    if actor.kind is not Kind.SYSTEM:
        actor.needs_role("operator")
        if actor.scopes is not None:
            raise NotAllowed(needs="a person who is signed in")


def _record(tag: str, actor: Actor, service: UUID, now: datetime) -> None:
    record(tag=tag, at=now, actor=actor, subject_id=service)
