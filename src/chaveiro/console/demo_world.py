"""The made-up channel of the demo: an office suite in three plans, a distributor, resellers, and customers at every
stage of life. All of it goes through the project's own actions, on days that lie behind us.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

from chaveiro import wiring, wording
from chaveiro.apps.catalog.actions import publish_product
from chaveiro.apps.channel import actions as channel
from chaveiro.apps.channel.queries import vendor
from chaveiro.apps.closing.actions import make_clock, reverse
from chaveiro.apps.customers.queries import administrators_of, standing
from chaveiro.apps.delegation.actions import confirm_partner_of_record
from chaveiro.apps.delegation.queries import proposals
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, links, tokens
from chaveiro.apps.identity.actions.accounts import Newcomer, open_channel_account, open_operator
from chaveiro.apps.keys.actions.files import mint_to_file
from chaveiro.apps.keys.actions.selling import release_batch
from chaveiro.apps.redemption.actions import Order, Outcome, redeem
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.batches import Order as BatchOrder
from chaveiro.rules.means import Means
from chaveiro.rules.openings import Administrator, NewCustomer, suggested_prefix
from chaveiro.rules.organisations import OrganisationKind, Registration
from chaveiro.rules.products import Description
from chaveiro.rules.redemption import ATTESTATION_WORDING, Item
from chaveiro.rules.tokens import SCOPES_OF, Purpose

MARKETS = ("PT", "ES", "FR", "DE", "IT", "IE", "NL", "BR", "AO", "MZ", "CV", "ST")
PRODUCTS = (
    ("office-basic", "Escritório Essencial", "Office Essentials", 300, MARKETS, ("mailbox",)),
    ("office-standard", "Escritório Profissional", "Office Professional", 300, MARKETS, ("mailbox", "apps")),
    ("office-premium", "Escritório Total", "Office Complete", 1000, MARKETS[:7], ("mailbox", "apps", "archive")),
)

CLOCK = "Relógio de demonstração"


@dataclass(frozen=True, slots=True)
class Story:
    """One customer: who, where, what they bought, and how many days ago."""

    name: str
    country: str
    person: tuple[str, str]
    product: str
    seats: int
    months: int
    days_ago: int
    partner: int = 0
    confirmed: bool = True


# Days ago are chosen so that every bucket has somebody: running, 60, 30, 7 and 1 days, grace, retained.
STORIES = (
    Story("Padaria Sol, Lda.", "PT", ("Bruno", "Costa"), "office-basic", 5, 12, 341),
    Story("Clínica Dentária do Bonfim, Lda.", "PT", ("Teresa", "Magalhães"), "office-standard", 25, 12, 12),
    Story("Construções Irmãos Falcão, S.A.", "PT", ("Rogério", "Falcão"), "office-standard", 100, 12, 190),
    Story("Livraria da Praça", "PT", ("Inês", "Monteiro"), "office-basic", 5, 12, 306),
    Story("Quinta das Oliveiras, Lda.", "PT", ("Afonso", "Seabra"), "office-basic", 5, 12, 336),
    Story("Oficina Barreiro & Filhos", "PT", ("Nuno", "Barreiro"), "office-basic", 1, 12, 359),
    Story("Farmácia Nova Esperança", "PT", ("Catarina", "Lobo"), "office-standard", 5, 12, 364),
    Story("Escola de Música Allegro", "PT", ("Helena", "Vasques"), "office-basic", 25, 12, 374),
    Story("Transportes Atlântico, Lda.", "PT", ("Vítor", "Pacheco"), "office-standard", 25, 12, 388),
    Story("Ateliê Luz e Barro", "PT", ("Marta", "Salgado"), "office-basic", 1, 12, 400),
    Story("Pescas do Norte, S.A.", "PT", ("Joaquim", "Maré"), "office-basic", 25, 12, 452),
    Story("Gabinete Contabilístico Ramos", "PT", ("Luísa", "Ramos"), "office-premium", 25, 12, 60, 1),
    Story("Hotel Miradouro, Lda.", "PT", ("Pedro", "Quintela"), "office-standard", 25, 12, 305, 1),
    Story("Cooperativa Vale do Mel, C.R.L.", "PT", ("Graça", "Toscano"), "office-basic", 25, 12, 335, 1),
    Story("Notário Paiva e Associados", "PT", ("Isabel", "Paiva"), "office-premium", 5, 12, 358, 1, False),
    Story("Talleres Hermanos Vidal, S.L.", "ES", ("Álvaro", "Vidal"), "office-basic", 25, 12, 100, 1),
    Story("Librería Cuatro Esquinas", "ES", ("Lucía", "Prieto"), "office-basic", 5, 1, 20, 1),
    Story("Bodegas Río Claro, S.A.", "ES", ("Marcos", "Olmedo"), "office-standard", 100, 12, 375, 1),
    Story("Boulangerie Saint-Roch", "FR", ("Camille", "Aubert"), "office-basic", 1, 12, 250, 2),
    Story("Schreinerei Lindemann GmbH", "DE", ("Jonas", "Lindemann"), "office-standard", 5, 12, 330, 2),
    Story("Studio Legale Ferrante", "IT", ("Giulia", "Ferrante"), "office-premium", 5, 12, 45, 2),
    Story("Harbour Street Physiotherapy", "IE", ("Aoife", "Brennan"), "office-standard", 5, 12, 363, 2),
    Story("Cafeteria Boa Vista Ltda", "BR", ("Rafael", "Nogueira"), "office-basic", 5, 12, 15, 2),
    Story("Clínica Mulemba, Lda.", "AO", ("Domingas", "Kiala"), "office-standard", 25, 12, 390, 2),
    Story("Cooperativa de Pesca do Mindelo", "CV", ("Elton", "Fortes"), "office-basic", 5, 1, 45, 2),
    Story("Grupo Horizonte, S.A.", "MZ", ("Amélia", "Macuácua"), "office-standard", 100, 12, 2, 2, False),
)


@dataclass(frozen=True, slots=True)
class People:
    """The four whom the demo's links sign in."""

    operator: UUID
    distributor: UUID
    partner: UUID
    customer: UUID


def build(folder: Path) -> People:
    """Make the whole channel in an installation that has only its vendor; `folder` takes the key files for a moment."""
    means = wiring.means()
    for product in PRODUCTS:
        _publish(product, means)
    distributor = _organisation(OrganisationKind.DISTRIBUTOR, "Norte Distribuição, S.A.", means)
    dalila = _person(distributor, "Dalila", "Azevedo", "dalila@nortedistribuicao.example", "owner", means)
    partners = [
        _reseller("Sol Informática, Lda.", ("Ana", "Ferreira"), "ana@solinformatica.example", means),
        _reseller("Mar Sistemas, Lda.", ("Rui", "Baptista"), "rui@marsistemas.example", means),
        _reseller("Ponte Digital, Unipessoal Lda.", ("Sofia", "Andrade"), "sofia@pontedigital.example", means),
    ]
    stock = Stock(folder, distributor, means)
    administrators = [_live(story, partners[story.partner], stock, means) for story in STORIES]
    _extras(partners[0], stock, means)
    _on_a_clock(partners[0], stock, means)
    duarte = _operator(means)
    account = partners[0].account
    assert account is not None
    return People(duarte, dalila, account, administrators[0])


def fresh_keys(folder: Path, count: int, product: str = "office-basic", seats: int = 5, months: int = 12) -> list[str]:
    """New keys for sale, minted now, wherever the product is sold."""
    means = wiring.means()
    return _minted(folder, BatchOrder(product=product, seats=seats, months=months, quantity=count), means)


def fresh_token(account: UUID, name: str) -> str:
    """A new API token as wide as the account may have; earlier ones of this name stop working."""
    means = wiring.means()
    with acting(SYSTEM):
        kind = identity.actor_of(identity.account(account)).kind
        before = [token.id for token in identity.tokens(account) if token.name == name]
    for token in before:
        tokens.revoke_token(actor=SYSTEM, token=token, now=means.now)
    made = tokens.create_token(actor=SYSTEM, account=account, name=name, scopes=SCOPES_OF[kind], means=means)
    return made.text


def sign_in_path(account: UUID) -> str:
    """The path of a one-time link that signs in as `account`."""
    return links.make(actor=SYSTEM, account=account, purpose=Purpose.SIGN_IN, means=wiring.means()).path


class Stock:
    """Keys to live the stories with, minted a batch at a time when they run out."""

    def __init__(self, folder: Path, holder: UUID, means: Means) -> None:
        self._folder, self._holder, self._means = folder, holder, means
        self._texts: dict[tuple[str, int, int], list[str]] = {}

    def take(self, product: str, seats: int, months: int) -> str:
        """The text of one key for sale."""
        wanted = (product, seats, months)
        if not self._texts.get(wanted):
            order = BatchOrder(product=product, seats=seats, months=months, quantity=40, holder=self._holder)
            self._texts[wanted] = _minted(self._folder, order, self._means)
        return self._texts[wanted].pop()


def _minted(folder: Path, order: BatchOrder, means: Means) -> list[str]:
    path = folder / f"keys-{means.new_id().hex}.csv"
    try:
        minted = mint_to_file(order=order, file=wiring.key_file(path), house=wiring.house(), means=means)
        rows = path.read_text(encoding="ascii").splitlines()[1:]
    finally:
        path.unlink(missing_ok=True)
    release_batch(actor=SYSTEM, batch=minted.batch.id, means=means)
    return [row.partition(",")[2] for row in rows]


def _publish(product: tuple[str, str, str, int, tuple[str, ...], tuple[str, ...]], means: Means) -> None:
    code, pt, en, maximum, markets, services = product
    description = Description(
        code=code, names={"pt": pt, "en": en}, maximum_seats=maximum, markets=markets, services=services
    )
    publish_product(actor=SYSTEM, description=description, means=means)


def _organisation(kind: OrganisationKind, name: str, means: Means) -> UUID:
    return channel.add_organisation(
        actor=SYSTEM, registration=Registration(kind=kind, name=name, country="PT"), means=means
    )


def _person(organisation: UUID, given: str, family: str, email: str, role: str, means: Means) -> UUID:
    account = open_channel_account(
        actor=SYSTEM, organisation=organisation, newcomer=Newcomer(email, given, family), means=means
    )
    channel.add_member(actor=SYSTEM, account=account, organisation=organisation, role=role, means=means)
    return account


def _reseller(name: str, person: tuple[str, str], email: str, means: Means) -> Actor:
    organisation = _organisation(OrganisationKind.RESELLER, name, means)
    account = _person(organisation, *person, email, "owner", means)
    return Actor(Kind.CHANNEL, account, organisation, roles=frozenset({"owner"}))


def _operator(means: Means) -> UUID:
    home = _vendor()
    newcomer = Newcomer("duarte@tagussoftware.example", "Duarte", "Vilhena")
    account = open_operator(actor=SYSTEM, newcomer=newcomer, means=means, organisation=home)
    channel.add_member(actor=SYSTEM, account=account, organisation=home, role="operator", means=means)
    return account


def _vendor() -> UUID:
    with acting(SYSTEM):
        return vendor()


def _live(story: Story, partner: Actor, stock: Stock, means: Means) -> UUID:
    """Live one story: the partner redeems on its day, the administrator confirms the partner; answers the account."""
    day = means.day - timedelta(days=story.days_ago)
    on_the_day = _at(day, means)
    text = stock.take(story.product, story.seats, story.months)
    done = redeem(actor=partner, order=_opening(story, text, on_the_day), means=on_the_day)
    with acting(SYSTEM):
        account = administrators_of(done.customer)[0]
    if story.confirmed:
        _confirm(account, done, on_the_day)
    return account


def _confirm(account: UUID, done: Outcome, means: Means) -> None:
    actor = _customer_actor(account, done.customer)
    with acting(actor):
        waiting = proposals(customer=done.customer, now=means.now)
    for proposal in waiting:
        confirm_partner_of_record(actor=actor, proposal=proposal.id, now=means.now)


def _customer_actor(account: UUID, customer: UUID) -> Actor:
    bare = Actor(Kind.CUSTOMER, account, customer=customer)
    with acting(bare):
        return standing(bare)


def _at(day: date, means: Means) -> Means:
    then = datetime.combine(day, time(10), UTC)
    # Ids grow with time, and lists go by them: what is made up to lie in the past is numbered there too.
    return replace(
        means.at(then, day), new_id=lambda: identifiers.make(int(then.timestamp() * 1000), means.random_bytes)
    )


def _opening(story: Story, text: str, means: Means) -> Order:
    given, family = story.person
    prefix = suggested_prefix(story.name)
    language = "pt-pt" if story.country in {"PT", "BR", "AO", "MZ", "CV", "ST"} else "en"
    customer = NewCustomer(story.name, story.country, language, prefix, "", wording.time_zone_of(story.country))
    person = Administrator(given, family, f"{suggested_prefix(given + family)}@{prefix}.example")
    return _order("open", [text], means, customer=customer, administrator=person)


def _order(purpose: str, texts: list[str], means: Means, **facts: object) -> Order:
    blank = Order(
        purpose,
        tuple(Item.of(text, means.digesters) for text in texts),
        attestation={"wording": ATTESTATION_WORDING, "language": "pt-pt", "address": "127.0.0.1", "agent": "demo"},
        countries=wording.country_codes(),
        is_test=True,  # nothing in a demo is anybody's real organisation
    )
    return replace(blank, **facts)  # type: ignore[arg-type]


def _on_a_clock(ana: Actor, stock: Stock, means: Means) -> None:
    """A test clock of Ana's with one customer on it, ready to be moved through its whole life."""
    clock = make_clock(actor=ana, name=CLOCK, house=wiring.house(), means=means)
    story = Story("Florista da Sé, Unipessoal Lda.", "PT", ("Leonor", "Valadares"), "office-basic", 5, 12, 0)
    order = replace(_opening(story, stock.take(story.product, story.seats, story.months), means), clock=clock)
    done = redeem(actor=ana, order=order, means=means)
    with acting(SYSTEM):
        account = administrators_of(done.customer)[0]
    _confirm(account, done, means)


def _extras(ana: Actor, stock: Stock, means: Means) -> None:
    """What makes ledgers worth reading: seats added, a term extended, a mistake taken back."""
    story = Story("Centro Óptico da Foz, Lda.", "PT", ("Miguel", "Arantes"), "office-standard", 25, 12, 200)
    bought = _at(means.day - timedelta(days=200), means)
    opened = redeem(actor=ana, order=_opening(story, stock.take(story.product, 25, 12), bought), means=bought)
    with acting(SYSTEM):
        account = administrators_of(opened.customer)[0]
    _confirm(account, opened, bought)
    miguel = _customer_actor(account, opened.customer)
    subscription = opened.effects[0].subscription
    for purpose, days_ago, actor in (("add", 120, miguel), ("extend", 30, ana)):
        then = _at(means.day - timedelta(days=days_ago), means)
        order = _order(purpose, [stock.take(story.product, 25, 12)], then, subscription=subscription)
        redeem(actor=actor, order=order, means=then)
    wrong = Story("Padaria Lua, Lda.", "PT", ("Bruno", "Costa"), "office-basic", 5, 12, 1)
    then = _at(means.day - timedelta(days=1), means)
    mistake = redeem(actor=ana, order=_opening(wrong, stock.take("office-basic", 5, 12), then), means=then)
    reverse(actor=ana, redemption=mistake.id, reason="Cliente errado", means=means)
