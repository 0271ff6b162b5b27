"""Reading stock: batches, single keys, exports, peppers. Call it while acting; it answers what the actor may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet

from chaveiro.apps.journal.models import seen
from chaveiro.apps.keys import models as rows
from chaveiro.apps.operations import queries as operations
from chaveiro.apps.operations.queries import Progress
from chaveiro.rules import peppers
from chaveiro.rules.batches import KEYS_ALONE_AT_MOST, Batch, Kind, Span, Stage
from chaveiro.rules.errors import NotFound
from chaveiro.rules.exports import EXPORT_LIFE
from chaveiro.rules.keys.digests import Digester

LISTED_AT_MOST = 200
WORK = "mint"  # the kind of a mint among the operations
FIRST_SERIAL = 10_000_000_000  # where the sequence of serial numbers begins (migration walls)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """One key as its holder or the operator sees it. `customer` is told to the operator alone."""

    number: int
    state: str
    last_five: str | None
    batch: UUID
    kind: Kind
    product: str
    seats: int
    months: int
    countries: tuple[str, ...]
    activate_before: date | None
    holder: UUID
    replaced_by: int | None
    redeemed_at: datetime | None
    customer: UUID | None
    held_until: datetime | None


@dataclass(frozen=True, slots=True)
class PepperUse:
    """How many keys were digested under one version of the pepper, by what could still become of them.

    It may go when no key is `live`; a redeemed one would then read `key_unknown`, and could not be reversed for use.
    """

    version: int
    fingerprint: str
    live: int
    redeemed: int
    revoked: int

    @property
    def is_retirable(self) -> bool:
        return self.live == 0


def batch(wanted: UUID) -> Batch:
    """One batch. Raises NotFound."""
    row = _batches().filter(pk=wanted).first()
    if row is None:
        raise NotFound(what="batch")
    return facts_of(row)


def batch_numbered(number: int) -> Batch:
    """One batch by its number. Raises NotFound."""
    row = _batches().filter(number=number).first()
    if row is None:
        raise NotFound(what="batch")
    return facts_of(row)


def replacement_of(number: int) -> Batch | None:
    """The batch of one that was ordered in the place of this key, if there is one."""
    row = _batches().filter(replaces=number).first()
    return None if row is None else facts_of(row)


def next_serial() -> int:
    """The first serial number that no batch has; an order made now begins there, or a little later."""
    newest = seen(rows.Batch).order_by("-first_number").values_list("first_number", "quantity").first()
    return FIRST_SERIAL if newest is None else sum(newest)


def batch_of(number: int) -> Batch:
    """The batch in whose range a key number lies. Raises NotFound."""
    row = _batches().filter(first_number__lte=number).order_by("-first_number").first()
    if row is None or number >= row.first_number + row.quantity:
        raise NotFound(what="key")
    return facts_of(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFilter:
    """Which batches are asked for; nothing given means all."""

    product: str = ""
    stage: Stage | None = None
    holder: UUID | None = None


EVERY_BATCH = BatchFilter()
# The same as rules.batches.Batch.stage, for rows that nobody has read yet.
_AT = {
    Stage.RECALLED: Q(recalled_at__isnull=False),
    Stage.RELEASED: Q(recalled_at=None, released_at__isnull=False),
    Stage.MINTED: Q(recalled_at=None, released_at=None, minted_at__isnull=False),
    Stage.MINTING: Q(recalled_at=None, minted_at=None, minted__gt=0),
    Stage.WAITING: Q(recalled_at=None, minted=0, quantity__gt=KEYS_ALONE_AT_MOST, approved_at=None),
    Stage.PLANNED: Q(recalled_at=None, minted=0) & (Q(quantity__lte=KEYS_ALONE_AT_MOST) | Q(approved_at__isnull=False)),
}


def batches(*, limit: int = 50, before: int | None = None, wanted: BatchFilter = EVERY_BATCH) -> list[Batch]:
    """Batches, the newest first, at most 200; `before` is the number of the last one seen."""
    found = _batches().order_by("-number")
    if before is not None:
        found = found.filter(number__lt=before)
    if wanted.product:
        found = found.filter(product_version__product__code=wanted.product)
    if wanted.stage is not None:
        found = found.filter(_AT[wanted.stage])
    if wanted.holder is not None:
        found = found.filter(holder_id=wanted.holder)
    return [facts_of(row) for row in found[: max(1, min(limit, LISTED_AT_MOST))]]


def counts(wanted: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
    """Keys by state for each batch, in one statement."""
    found: dict[UUID, dict[str, int]] = {each: {} for each in wanted}
    with connection.cursor() as cursor:
        cursor.execute("SELECT batch, state, amount FROM keys_counts(%s)", (list(found),))
        for of_batch, state, amount in cursor.fetchall():
            found[of_batch][state] = amount
    return found


def counts_of(part: Span) -> dict[str, int]:
    """Keys by state among some serials, within sight."""
    found = seen(rows.Key).filter(number__gte=part.first, number__lte=part.last)
    return dict(found.values_list("state").annotate(Count("number")).order_by())


def held_in(part: Span, now: datetime) -> int:
    """How many keys of some serials are in somebody's live hold."""
    return seen(rows.Hold).filter(key_id__gte=part.first, key_id__lte=part.last, until__gt=now).count()


def keys(numbers: Sequence[int], *, now: datetime) -> list[KeyFacts]:
    """Keys by their serial numbers, those within sight, in order of number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM keys_look_up(%s, %s)", (list(numbers), now))
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [KeyFacts(**each | {"kind": Kind(each["kind"]), "countries": tuple(each["countries"])}) for each in found]


def key(number: int, *, now: datetime) -> KeyFacts:
    """One key by its serial number. Raises NotFound."""
    found = keys([number], now=now)
    if not found:
        raise NotFound(what="key")
    return found[0]


def keys_ending(last_five: str, *, now: datetime, limit: int = 20) -> list[KeyFacts]:
    """Keys by their last five symbols, the newest twenty: what somebody on the telephone reads out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number FROM keys_ending(%s, %s)", (last_five.upper(), min(limit, LISTED_AT_MOST)))
        numbers = [number for (number,) in cursor.fetchall()]
    return keys(numbers, now=now)


def digests(first: int, count: int) -> list[tuple[int, int, bytes]]:
    """Number, pepper version and digest of committed keys, for the house's own check of an export."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number, pepper, digest FROM keys_key WHERE number >= %s AND number < %s AND digest IS NOT NULL"
            " AND seen_by_operator()"
            " ORDER BY number",
            (first, first + count),
        )
        return [(number, pepper, bytes(digest)) for number, pepper, digest in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Export:
    """What became of a batch's export: `ready` until `until`, `downloaded`, `expired`, or "" where none was made."""

    state: str
    until: datetime | None


def export_of(of_batch: UUID) -> Export:
    """The export of a batch that is whole; one that still waits says until when."""
    newest = seen(rows.Export).filter(batch_id=of_batch).aggregate(Max("created_at"))["created_at__max"]
    if newest is not None:
        return Export("ready", newest + EXPORT_LIFE)
    work = mint_of(of_batch)
    return Export("" if work is None else work.result.get("export", ""), None)


def mint_of(of_batch: UUID) -> Progress | None:
    """The newest mint of a batch in the background, if there was one."""
    return operations.newest(WORK, str(of_batch))


def parts(of_batch: UUID) -> list[int]:
    """The numbers of the encrypted parts that wait for their download, in order."""
    return list(seen(rows.Export).filter(batch_id=of_batch).order_by("part").values_list("part", flat=True))


def expired_exports(before: datetime) -> list[UUID]:
    """Batches whose newest part is older than `before`."""
    newest = seen(rows.Export).values("batch_id").annotate(newest=Max("created_at"))
    return [row["batch_id"] for row in newest.filter(newest__lte=before)]


def recorded_peppers() -> dict[int, str]:
    """The fingerprint of every pepper version that ever minted."""
    return dict(rows.PepperVersion.objects.values_list("version", "fingerprint"))


def check_peppers(digesters: Iterable[Digester]) -> None:
    """Pass when the peppers at hand are those that live keys need; a process that serves asks this as it starts.

    Raises rules.peppers.PepperMissing, PepperChanged. Anybody's scope will do, an anonymous one too.
    """
    present = list(digesters)
    recorded = recorded_peppers()
    absent = recorded.keys() - {digester.version for digester in present}
    peppers.check(present, recorded, [version for version in absent if _lives(version)])


def pepper_uses() -> list[PepperUse]:
    """What each version of the pepper still carries, for the operator who wants to retire one. Reads every key."""
    counted: dict[int, dict[str, int]] = {}
    grouped = seen(rows.Key).filter(pepper__isnull=False).values_list("pepper", "state").annotate(Count("number"))
    for version, state, amount in grouped:
        counted.setdefault(version, {})[state] = amount
    return [
        PepperUse(
            version,
            print_,
            sum(counted.get(version, {}).get(state, 0) for state in ("minted", "released")),
            counted.get(version, {}).get("redeemed", 0),
            counted.get(version, {}).get("revoked", 0),
        )
        for version, print_ in sorted(recorded_peppers().items())
    ]


def _lives(version: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT keys_pepper_lives(%s::smallint)", (version,))
        return bool(cursor.fetchone()[0])


def _batches() -> QuerySet[rows.Batch]:
    return seen(rows.Batch).select_related("product_version__product", "holder")


def facts_of(row: rows.Batch) -> Batch:
    """The frozen facts of a row that was read with its product and its holder."""
    return Batch(
        id=row.id,
        number=row.number,
        product_version=row.product_version.pk,
        product=row.product_version.product.code,
        seats=row.seats,
        months=row.months,
        quantity=row.quantity,
        minted=row.minted,
        first_number=row.first_number,
        countries=tuple(row.countries),
        activate_before=row.activate_before,
        holder=row.holder.id,
        holder_name=row.holder.name,
        kind=Kind(row.kind),
        created_by=row.created_by,
        created_at=row.created_at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        minted_at=row.minted_at,
        released_at=row.released_at,
        recalled_at=row.recalled_at,
        recall_asked_by=row.recall_asked_by,
        recall_asked_at=row.recall_asked_at,
        recall_reason=row.recall_reason,
        replaces=row.replaces,
        cards=row.cards,
    )
