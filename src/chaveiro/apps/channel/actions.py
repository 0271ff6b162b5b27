"""Registering the organisations of the channel and the people who work there."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from chaveiro.apps.channel.models import Member, Organisation
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.journal.actions import record
from chaveiro.apps.journal.models import seen
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.errors import Contention, NotAllowed, NotFound
from chaveiro.rules.means import Means
from chaveiro.rules.organisations import (
    MemberElsewhere,
    OrganisationKind,
    Registration,
    VendorExists,
    check_role,
    registration_number,
)

NUMBERS_TRIED_AT_MOST = 20


def add_organisation(*, actor: Actor, registration: Registration, means: Means) -> UUID:
    """Register an organisation; all but the vendor get a registration number of seven digits. Answers its id.

    Journals `organisation:added`. Raises Refusals, VendorExists, NotAllowed.
    """
    _must_operate(actor)
    registration.check()
    with acting(actor):
        organisation = Organisation(
            id=means.new_id(),
            kind=registration.kind.value,
            name=registration.name.strip(),
            country=registration.country,
            language=registration.language,
            created_at=means.now,
        )
        if registration.kind is OrganisationKind.VENDOR:
            _insert_vendor(organisation)
        else:
            _insert_numbered(organisation, means)
        facts = {"kind": registration.kind.value, "registration_number": organisation.registration_number}
        record(tag="organisation:added", at=means.now, actor=actor, subject_id=organisation.id, facts=facts)
        return organisation.id


def _insert_vendor(organisation: Organisation) -> None:
    try:
        with transaction.atomic():
            organisation.save(force_insert=True)
    except IntegrityError as fault:
        if "there_is_one_vendor" not in str(fault):
            raise
        raise VendorExists from fault


def _insert_numbered(organisation: Organisation, means: Means) -> None:
    """Numbers are drawn until one is free: the database says so, not a look beforehand."""
    for _ in range(NUMBERS_TRIED_AT_MOST):
        organisation.registration_number = registration_number(means.random_bytes)
        try:
            with transaction.atomic():
                organisation.save(force_insert=True)
        except IntegrityError as fault:
            if "registration_number_is_unique" not in str(fault):
                raise
        else:
            return
    raise Contention(what="registration number")


def add_member(*, actor: Actor, account: UUID, organisation: UUID, role: str, means: Means) -> UUID:
    """Give an account its role in an organisation of the channel. Answers the member's id.

    Journals `role:granted`, and `operator:added` for the vendor's people. Raises NotFound, MemberElsewhere when the
    account has a home or a role elsewhere, Malformed for a role that this kind of organisation does not know.
    """
    _must_operate(actor)
    with acting(actor):
        home = seen(Organisation).filter(pk=organisation).first()
        person = seen(Account).filter(pk=account, closed_at=None).first()
        if home is None or person is None:
            raise NotFound(what="organisation" if home is None else "account")
        check_role(home.kind, role)
        belongs = (
            person.kind == "operator"
            if home.kind == OrganisationKind.VENDOR
            else person.kind == "channel" and person.organisation_id == organisation
        )
        if not belongs:
            raise MemberElsewhere
        member = _insert_member(means.new_id(), person, home, role, means.now)
        tag = "operator:added" if role == "operator" else "role:granted"
        facts = {"organisation": str(organisation), "role": role}
        record(tag=tag, at=means.now, actor=actor, subject_id=account, subject_kind="account", facts=facts)
        return member.id


def _insert_member(id_: UUID, account: Account, organisation: Organisation, role: str, now: datetime) -> Member:
    try:
        with transaction.atomic():
            return Member.objects.create(id=id_, account=account, organisation=organisation, role=role, since=now)
    except IntegrityError as fault:
        raise MemberElsewhere from fault


def _must_operate(actor: Actor) -> None:
    if actor.kind not in (Kind.OPERATOR, Kind.SYSTEM) or actor.scopes is not None:
        raise NotAllowed(needs="operator")
