"""Two sides that know nothing of each other, and everything that an address can name, on each of them.

Ana, and Alda beside her, sell for Sol Informática; Bruno administers Padaria Sol Nascente, which Ana opened, and Berta
is there without any role. Rui sells for Mar Sistemas, and Carla administers Oficina Carla, which he opened. Dalila has
nobody. Duarte is the vendor's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from chaveiro import wiring
from chaveiro.apps.catalog.actions import save_draft
from chaveiro.apps.catalog.models import Policy, PolicyAdoption
from chaveiro.apps.clocks.models import Clock
from chaveiro.apps.closing.actions import Proposal, propose_correction
from chaveiro.apps.closing.models import DataExport, Erasure
from chaveiro.apps.customers.models import Customer, Person
from chaveiro.apps.delegation.models import PartnerOfRecord
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account, Passkey, Session, Testimony
from chaveiro.apps.journal.actions import seal
from chaveiro.apps.journal.models import Entry, Seal
from chaveiro.apps.keys.models import Batch, Export, Key
from chaveiro.apps.notices.models import Notice
from chaveiro.apps.operations.models import Operation
from chaveiro.apps.redemption.actions import Outcome, redeem
from chaveiro.apps.subscriptions.actions import put_block
from chaveiro.apps.subscriptions.models import Subscription
from chaveiro.rules import identifiers, serials
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.datakeys import Sealed, Whose
from chaveiro.rules.openings import Administrator
from chaveiro.rules.policies import Policy as PolicyNumbers
from tests.cast import NOON, World, _member, administrator_of, build_world, make_keys, means, new_id, opening, padaria

OWN, SIBLING, FOREIGN, ABSENT = "own", "sibling", "foreign", "absent"
# Where only the very person counts: what lies beside it in the same organisation is as foreign as anybody's.
PERSONAL = {"passkey", "testimony", "session", "draft", "api draft", "operation", "data export"}


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that an address can name. `ids` are its names by the parameters of routes; `marks` tell of it."""

    kind: str
    name: str
    ids: dict[str, str]
    account: UUID | None = None
    customer: UUID | None = None
    organisation: UUID | None = None
    marks: tuple[str, ...] = ()
    is_absent: bool = False


@dataclass(slots=True)
class Side:
    """One of the two sides."""

    partner: Actor
    administrator: Actor
    outcome: Outcome
    organisation: UUID
    name: str


@dataclass(slots=True)
class Ground:
    """The roles by name, and the things by kind."""

    world: World
    roles: dict[str, Actor | None]
    things: dict[str, list[Thing]] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, name: str, ids: dict[str, str], **facts: Any) -> None:
        self.things.setdefault(kind, []).append(Thing(kind, name, ids, **facts))


def relation(role: str, actor: Actor | None, thing: Thing) -> str:
    """How somebody stands to a thing: the vendor's own people own all that is not one person's."""
    if thing.is_absent:
        return ABSENT
    if actor is None:
        return OWN if thing.kind == "draft" and thing.name == role else FOREIGN
    if thing.account is not None and thing.account == actor.account:
        return OWN
    if role == "operator" and (thing.kind not in PERSONAL or thing.kind == "operation"):
        return OWN
    same = thing.customer is not None and thing.customer == actor.customer
    same = same or (thing.organisation is not None and thing.organisation == actor.organisation)
    if not same:
        return FOREIGN
    if thing.kind in PERSONAL:
        return SIBLING
    theirs = thing.account is not None and actor.organisation is not None
    return SIBLING if theirs else OWN


def build() -> Ground:
    """Everything, as the project's own actions leave it where they make it."""
    world = build_world()
    alda = _member(world.reseller, "Alda", "sales", Kind.CHANNEL)
    ours = _side(world.ana, world, "padariasol", "Padaria Sol Nascente, Lda.", "bruno")
    beside = _side(alda, world, "talholua", "Talho Lua, Lda.", "tiago")
    theirs = _side(world.rui, world, "oficinacarla", "Oficina Carla, Lda.", "carla")
    further = _side(world.rui, world, "garagemrio", "Garagem do Rio, Lda.", "gil")
    berta = _berta(ours.outcome.customer)
    ground = Ground(
        world,
        {
            "stranger": None,
            "administrator": ours.administrator,
            "user": berta,
            "partner": world.ana,
            "other_partner": world.rui,
            "distributor": world.dalila,
            "operator": world.duarte,
        },
    )
    for side in (ours, beside, theirs, further):
        _of_a_customer(ground, side)
    _corrections(ground, ours, beside, world.ana)
    _corrections(ground, theirs, further, world.rui)
    _certificate()
    everybody = (
        ours.administrator,
        berta,
        theirs.administrator,
        world.ana,
        alda,
        world.rui,
        world.dalila,
        world.duarte,
    )
    for person in everybody:
        _of_a_person(ground, person)
    for holder, name in (
        (world.reseller, "of Sol"),
        (world.rui.organisation, "of Mar"),
        (world.vendor, "the vendor's"),
    ):
        assert holder is not None
        _stock(ground, world, holder, name)
        _clock(ground, holder if name != "the vendor's" else None, name)
    _journal(ground, (ours, theirs))
    _of_the_vendor(ground, world)
    _policies(ground, world)
    ground.says = {
        "talho": identifiers.write("customer", beside.outcome.customer),
        "garagem": identifiers.write("customer", further.outcome.customer),
        "key": make_keys(world)[0],
        "mar": "7654321",
    }
    # Batches that are ordered now begin after those that were put there by hand.
    connection.connection.execute("SELECT setval('keys_serial_number', (SELECT max(number) FROM keys_key))")
    for kind, things in ground.things.items():
        things.append(Thing(kind, "absent", _absent(things[0].ids), is_absent=True))
    return ground


def _side(partner: Actor, world: World, prefix: str, name: str, person: str) -> Side:
    order = opening(
        make_keys(world),
        prefix,
        customer=padaria(prefix, name=name),
        administrator=Administrator(person.title(), "Costa", f"{person}@{prefix}.example"),
    )
    outcome = redeem(actor=partner, order=order, means=means())
    assert partner.organisation is not None
    return Side(partner, administrator_of(outcome.customer), outcome, partner.organisation, name)


def _berta(customer: UUID) -> Actor:
    """Somebody of Padaria Sol without a role."""
    account = Account.objects.create(
        id=new_id(),
        login_name="berta@padariasol.example",
        kind="customer",
        customer_id=customer,
        email="berta@padariasol.example",
        given_name="Berta",
        family_name="Nunes",
        owned_at=NOON,
        created_at=NOON,
    )
    Person.objects.create(
        id=new_id(), customer_id=customer, account=account, user_name="berta", country_of_use="PT", created_at=NOON
    )
    return Actor(Kind.CUSTOMER, account.id, customer=customer)


def _of_a_customer(ground: Ground, side: Side) -> None:
    outcome, of = side.outcome, {"customer": side.outcome.customer, "organisation": side.organisation}
    customer = identifiers.write("customer", outcome.customer)
    assert side.administrator.account is not None
    person = Person.objects.get(account_id=side.administrator.account)
    marks: tuple[str, ...] = (
        customer,
        side.name,
        str(person.account.email),
        outcome.customer.hex,
        str(outcome.customer),
    )
    ground.add("customer", side.name, {"customer": customer}, marks=marks, **of)
    ground.add("person", side.name, {"customer": customer, "person": identifiers.write("person", person.id)}, **of)
    held = Subscription.objects.get(customer_id=outcome.customer).id
    subscription = identifiers.write("subscription", held)
    marks = (subscription, str(held))
    ground.add("subscription", side.name, {"subscription": subscription}, marks=marks, **of)
    _notices(ground, side, held)
    _blocks(ground, side, held)
    redemption = identifiers.write("redemption", outcome.id)
    ids = {"reference": outcome.reference, "redemption": redemption}
    marks = (outcome.reference, redemption, str(outcome.id))
    ground.add("redemption", side.name, ids, account=side.partner.account, marks=marks, **of)
    made = PartnerOfRecord.objects.filter(customer_id=outcome.customer).first()
    assert made is not None
    ground.add("proposal", side.name, {"proposal": str(made.id)}, marks=(str(made.id), made.id.hex), **of)


def _blocks(ground: Ground, side: Side, subscription: UUID) -> None:
    """What the partner who redeemed is owed: its customer and the operator see it, and may not lift it."""
    reason = f"Falta pagar {subscription.hex[-12:]}"
    card = put_block(actor=side.partner, subscription=subscription, kind="unpaid", reason=reason, means=means())
    ids = {
        "subscription": identifiers.write("subscription", subscription),
        "block": identifiers.write("block", card.id),
    }
    marks = (ids["block"], str(card.id), reason)
    of = {"customer": side.outcome.customer, "organisation": side.organisation}
    ground.add("block", side.name, ids, marks=marks, **of)


def _policies(ground: Ground, world: World) -> None:
    """A draft, and a proposal that existing subscriptions follow a version: the vendor's own work."""
    save_draft(actor=world.duarte, name="standard", typed={"grace_days": "40"}, means=means())
    policy = Policy.objects.create(name="escolas", version=1, numbers=PolicyNumbers().to_dict(), published_at=NOON)
    made = PolicyAdoption.objects.create(
        id=new_id(), policy=policy, proposed_by=world.duarte.account, proposed_at=NOON, wanted=3
    )
    public = identifiers.write("adoption", made.id)
    ground.add("adoption", "a version", {"adoption": public}, marks=(public, str(made.id)))


def _clock(ground: Ground, organisation: UUID | None, name: str) -> None:
    """A test clock; that of the vendor has no organisation."""
    made = Clock.objects.create(
        id=new_id(), name=f"Ensaio {name}", day=NOON.date(), organisation_id=organisation, created_at=NOON
    )
    clock = identifiers.write("clock", made.id)
    ground.add("clock", name, {"clock": clock}, marks=(clock, str(made.id), made.name), organisation=organisation)


def _notices(ground: Ground, side: Side, subscription: UUID) -> None:
    """One to the customer's administrator, which its partner does not see, and one to the partner's house."""
    written = {
        "subscription_id": subscription,
        "customer_id": side.outcome.customer,
        "term": 1,
        "kind": "ends-30",
        "due_on": NOON.date(),
        "written_on": NOON.date(),
        "facts": {"ends_on": "2027-11-22", "access_stops_on": "2027-12-22", "erase_on": "2028-03-21", "seats": 5},
        "state": "bounced",
        "try_at": NOON,
        "outcome": f"mail.{subscription.hex}.example answered 550",
    }
    mine, house = side.administrator.account, side.organisation
    whose = {
        "own": {"recipient": f"account:{mine}", "account_id": mine},
        "partner": {"recipient": f"partner:{house}", "organisation_id": house},
    }
    made = {name: Notice.objects.create(**written, **of) for name, of in whose.items()}
    public = {name: identifiers.write("notice", one.id) for name, one in made.items()}
    own = {"customer": side.outcome.customer}
    ground.add("notice", side.name, {"notice": public["own"]}, marks=(public["own"], str(made["own"].id)), **own)
    ground.add(
        "notice",
        f"partner of {side.name}",
        {"notice": public["partner"]},
        marks=(public["partner"], str(made["partner"].id)),
        **own,
        organisation=house,
    )


def _corrections(ground: Ground, wrong: Side, right: Side, partner: Actor) -> None:
    """One that waits, of a further redemption: those of the sides stay as they are."""
    further = _side(partner, ground.world, f"x{right.name[:4].lower()}", f"Engano {right.name}", "ema")
    proposal = Proposal(redemption=further.outcome.id, customer=right.outcome.customer)
    made = propose_correction(actor=partner, proposal=proposal, reason=f"Devia ser {wrong.name}", means=means())
    assert made.id is not None
    correction = identifiers.write("correction", made.id)
    ids, marks = {"correction": correction}, (correction, str(made.id))
    ground.add("correction", wrong.name, ids, account=partner.account, organisation=wrong.organisation, marks=marks)


def _of_a_person(ground: Ground, person: Actor) -> None:
    of = {"account": person.account, "customer": person.customer, "organisation": person.organisation}
    assert person.account is not None
    name = str(Account.objects.values_list("given_name", flat=True).get(id=person.account))
    for place in range(2):
        Passkey.objects.create(
            id=(passkey := new_id()),
            account_id=person.account,
            name=f"passkey {place} of {name} {person.account.hex[-5:]}",
            credential_id=secrets.token_bytes(16),
            public_key=b"public",
            sign_count=0,
            synced=False,
            transports=[],
            created_at=NOON,
        )
    marks = (str(passkey), f"of {name} {person.account.hex[-5:]}")
    ground.add("passkey", name, {"passkey": str(passkey)}, marks=marks, **of)
    testimony, label = new_id(), f"{name}-{person.account.hex[-5:]}@elsewhere.example"
    Testimony.objects.create(
        id=testimony,
        account_id=person.account,
        provider="outra",
        issuer="https://elsewhere.example",
        subject=label,
        label=label,
        created_at=NOON,
    )
    ground.add("testimony", name, {"testimony": str(testimony)}, marks=(str(testimony), label), **of)
    session = Session.objects.create(
        id=new_id(),
        account_id=person.account,
        browser=secrets.token_bytes(32),
        how="link",
        agent=f"Lynx {name}",
        started_at=NOON,
        seen_at=NOON,
        ends_at=means().now.replace(year=2027),
    )
    ground.add("session", name, {"session": str(session.id)}, marks=(str(session.id),), **of)
    operation = new_id()
    Operation.objects.create(
        id=operation, kind="move", actor_id=person.account, organisation_id=person.organisation, created_at=NOON
    )
    public = identifiers.write("operation", operation)
    ground.add("operation", name, {"operation": public}, marks=(public,), **of)
    if person.customer is not None:
        _export(ground, person, name, of)


def _export(ground: Ground, person: Actor, name: str, of: dict[str, UUID | None]) -> None:
    """An export of everything that somebody asked for, and that is ready."""
    export = new_id()
    Operation.objects.create(
        id=export,
        kind="data_export",
        state="done",
        actor_id=person.account,
        subject_id=f"{person.customer}:{person.account}",
        created_at=NOON,
        finished_at=NOON,
    )
    assert person.customer is not None
    assert person.account is not None
    sealed = wiring.seal_data(
        wiring.data_keys().make(Whose.CUSTOMER, person.customer),
        b"everything",
        Sealed(Whose.CUSTOMER, person.customer, f"export {export} 1"),
    )
    DataExport.objects.create(
        id=new_id(),
        operation_id=export,
        customer_id=person.customer,
        account_id=person.account,
        part=1,
        sealed=sealed,
        created_at=NOON,
    )
    public = identifiers.write("operation", export)
    ground.add("data export", name, {"operation": public}, marks=(public,), **of)


def _certificate() -> None:
    """Of an organisation that nobody here knows: whoever has its certificate's address may read it."""
    gone = Customer.objects.create(
        id=new_id(),
        name="",
        country="PT",
        language="pt-pt",
        time_zone="Europe/Lisbon",
        domain_prefix="antiga",
        opened_at=NOON,
        closed_at=NOON,
    )
    day = NOON.date()
    of = {"kind": "customer", "customer": gone, "due_on": day, "begun_on": day, "day": day}
    Erasure.objects.create(id=UUID(int=1), at=NOON, key_destroyed_at=NOON, **of)


def _stock(ground: Ground, world: World, holder: UUID, name: str) -> None:
    make_keys(world, 2, holder=holder)
    batch = Batch.objects.latest("number")
    Export.objects.create(id=new_id(), batch=batch, part=1, ciphertext=b"age-encryption.org/v1", created_at=NOON)
    public = identifiers.write("batch", batch.id)
    ids = {"batch": public, "number": str(batch.number)}
    ground.add("batch", name, ids, organisation=holder, marks=(public, str(batch.id)))
    serial = serials.write(Key.objects.filter(batch=batch).order_by("number").values_list("number", flat=True)[0])
    ground.add("key", name, {"serial": serial}, organisation=holder, marks=(serial,))


def _journal(ground: Ground, sides: tuple[Side, ...]) -> None:
    """The entries of the redemptions, sealed."""
    with acting(SYSTEM):
        while seal():
            pass
    for side in sides:
        entry = Entry.objects.get(tag="redemption:committed", customer_id=side.outcome.customer)
        number = Seal.objects.get(entry_id=entry.id).number
        ids = {"entry": f"{entry.id:019}", "number": f"{number:09}"}
        ground.add("entry", side.name, ids, customer=side.outcome.customer, organisation=side.organisation)


def _of_the_vendor(ground: Ground, world: World) -> None:
    """What only the vendor's own people are shown."""
    partner = identifiers.write("partner", world.reseller)
    assert world.ana.account is not None
    ground.add("partner", "Sol", {"partner": partner})
    ground.add("member", "Ana", {"partner": partner, "account": world.ana.account.hex})
    second = _member(world.vendor, "Dora", "operator", Kind.OPERATOR)
    assert second.account is not None
    ground.add("colleague", "Dora", {"account": second.account.hex})
    mint = new_id()
    Operation.objects.create(
        id=mint,
        kind="mint",
        actor_id=second.account,
        subject_id=str(Batch.objects.latest("number").id),
        created_at=NOON,
    )
    ground.add("mint", "Dora's", {"operation": identifiers.write("operation", mint)}, marks=(mint.hex,))
    ground.add("product", "office-basic", {"code": "office-basic"})


def _absent(ids: dict[str, str]) -> dict[str, str]:
    """Names of the same form that nothing has."""
    return {parameter: _another(parameter, text) for parameter, text in ids.items()}


def _another(parameter: str, text: str) -> str:
    prefix, mark, body = text.partition("_")
    if mark:
        return f"{prefix}_{new_id().hex}"
    match parameter:
        case "reference":
            return "R-ZZZZ-ZZZZ"
        case "serial":
            return serials.write(99_999_999)
        case "number" | "entry":
            return "9" * (len(text) if len(text) < 19 else 18)
        case "code":
            return "office-noone"
        case "account":
            return new_id().hex
        case "tag":
            return new_id().hex[-12:]
    del body
    return str(new_id())
