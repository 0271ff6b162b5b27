"""Rows that are only ever added: entries, their seals, the tree over the seals, and signed checkpoints.

    act's transaction ──▶ Entry        unchained, so that acts never queue for one another
    sealer            ──▶ Seal, Node   dense numbers and the Merkle log, in the order (era, xid, id)
    clock             ──▶ Checkpoint   signed, and sent outside by the caller

The database refuses UPDATE, DELETE and TRUNCATE on all four (migration `append_only`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from django.db import models
from django.db.models.functions import Cast, Length
from django.db.models.lookups import Exact, GreaterThanOrEqual

from chaveiro.rules.journal import SALT_BYTES
from chaveiro.rules.merkle import HASH_BYTES

Row = TypeVar("Row", bound=models.Model)

# The transaction that inserts, as its 64-bit number (never used again on the same server), kept as a plain bigint:
# drivers read it, and comparing it needs no operator of PostgreSQL's own.
INSERTING_TRANSACTION = Cast(
    Cast(models.Func(function="pg_current_xact_id"), models.TextField()), models.BigIntegerField()
)
# Sixteen bytes with 122 random bits, made by the database so that plain SQL inserts have them too.
FRESH_SALT = models.Func(
    models.Func(function="gen_random_uuid"), function="uuid_send", output_field=models.BinaryField()
)


def seen(model: type[Row]) -> models.QuerySet[Row]:
    """The rows of a table that the standing scope sees, to be read, changed or deleted: every room reads by this.

    `model.SEEN` names the database's function that says so and the columns that it is asked about. It is a layer of its
    own, apart from the policies of row-level security: either alone holds (tests/isolation).
    """
    function, *columns = model.SEEN  # type: ignore[attr-defined]
    sight = models.Func(*columns, function=function, output_field=models.BooleanField())
    return model._default_manager.filter(sight)


class Entry(models.Model):
    """One act, told in ids, codes, numbers and commitments (rules.journal); written in the act's own transaction."""

    SEEN = ("seen_entry", "customer_id", "organisation_id")
    id = models.BigAutoField(primary_key=True)
    era = models.SmallIntegerField(db_default=0)
    xid = models.BigIntegerField(db_default=INSERTING_TRANSACTION)
    at = models.DateTimeField()
    tag = models.TextField()
    actor_kind = models.TextField()
    actor_id = models.UUIDField(null=True)
    organisation_id = models.UUIDField(null=True)
    on_behalf = models.UUIDField(null=True)
    customer_id = models.UUIDField(null=True)
    subject_kind = models.TextField()
    subject_id = models.TextField()
    facts = models.JSONField(db_default=models.Value({}, models.JSONField()))
    salt = models.BinaryField(db_default=FRESH_SALT)

    class Meta:
        db_table = "journal_entry"
        indexes = [
            models.Index("era", "xid", "id", name="journal_entry_order"),
            models.Index(
                "customer_id", "id", name="journal_entry_customer", condition=models.Q(customer_id__isnull=False)
            ),
            models.Index(
                "organisation_id",
                "id",
                name="journal_entry_organisation",
                condition=models.Q(organisation_id__isnull=False),
            ),
            models.Index("subject_id", "subject_kind", name="journal_entry_subject"),
        ]
        constraints = [
            models.CheckConstraint(
                name="journal_entry_tag_is_subject_action", condition=models.Q(tag__regex="^[a-z_]+:[a-z_]+$")
            ),
            # What Python cannot read back ('infinity', the year 10000) would stop the sealer for ever.
            models.CheckConstraint(
                name="journal_entry_at_is_a_plain_instant",
                condition=models.Q(at__gte=datetime(2000, 1, 1, tzinfo=UTC), at__lt=datetime(9000, 1, 1, tzinfo=UTC)),
            ),
            models.CheckConstraint(
                name="journal_entry_salt_is_long_enough", condition=GreaterThanOrEqual(Length("salt"), SALT_BYTES)
            ),
        ]


class Seal(models.Model):
    """The number under which an entry stands for ever, dense from 1, and the hash of what it said when sealed."""

    SEEN = ("seen_entry", "entry__customer_id", "entry__organisation_id")
    number = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="seal")
    leaf = models.BinaryField()

    class Meta:
        db_table = "journal_seal"
        constraints = [
            models.CheckConstraint(name="journal_seal_counts_from_one", condition=models.Q(number__gte=1)),
            models.CheckConstraint(name="journal_seal_leaf_is_a_hash", condition=Exact(Length("leaf"), HASH_BYTES)),
        ]


class Node(models.Model):
    """A complete inner node of the Merkle log (rules.merkle): level 1 and above; level 0 is the seals' leaves."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.SmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        db_table = "journal_node"
        constraints = [
            models.CheckConstraint(
                name="journal_node_stands_in_the_tree",
                condition=models.Q(level__gte=1, level__lte=62, index__gte=0),
            ),
            models.CheckConstraint(name="journal_node_hash_is_a_hash", condition=Exact(Length("hash"), HASH_BYTES)),
        ]


class Checkpoint(models.Model):
    """A signed statement of the journal's size and root; the signature is what went outside, byte for byte."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField()
    at = models.DateTimeField()
    signature = models.TextField()
    kid = models.TextField()

    class Meta:
        db_table = "journal_checkpoint"
        constraints = [
            models.CheckConstraint(name="journal_checkpoint_counts_from_one", condition=models.Q(size__gte=1)),
            models.CheckConstraint(
                name="journal_checkpoint_root_is_a_hash", condition=Exact(Length("root"), HASH_BYTES)
            ),
        ]
