"""The journal's language: what may be said of an act, and the exact bytes that stand for what was said.

An entry holds ids, codes, numbers, days and salted commitments only. Names and addresses live in rows that can be
erased; a commitment to them proves later what they were, as long as somebody still has the value and its salt.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json import JSONDecoder, JSONEncoder
from typing import Any, NamedTuple, Protocol

from chaveiro.rules.errors import Malformed, Refusal
from chaveiro.rules.merkle import HASH_BYTES

# One line for each act: `subject:action`, and what it says happened. A tag is for ever; its entries stay readable.
TAGS: Mapping[str, str] = {
    "batch:planned": "A batch was ordered and its serial numbers were set aside.",
    "batch:minted": "Keys of a batch were made and are inert.",
    "batch:approved": "A second person agreed to a batch that needs two.",
    "batch:released": "The keys of a batch may be redeemed from now on.",
    "batch:recall_asked": "Somebody asked to recall a batch that is for sale; a second person decides.",
    "batch:recall_dropped": "A recall that waited for a second person was taken back.",
    "batch:recalled": "All keys of a batch that were not redeemed became worthless.",
    "batch:allocated": "A range of serials passed from one holder to another.",
    "batch:printed": "A book batch became bearer: a secret was made for each serial, once.",
    "checkpoint:published": "A signed checkpoint of this journal left the installation.",
    "clock:ended": "A test clock is moved no more.",
    "clock:made": "A test clock was made: test customers on it live on its day.",
    "clock:moved": "A test clock was set moving, day by day.",
    "correction:declined": "An operator declined to move a redemption to another customer.",
    "correction:proposed": "Somebody proposed to move a redemption to the right customer.",
    "correction:withdrawn": "Whoever proposed to move a redemption took the proposal back.",
    "clock:quiet": "The platform's clock is in doubt, or a backup was restored: nothing is erased for some days.",
    "clock:wound_back": "An operator said that the platform's clock had been wrong, and put its mark back.",
    "customer:attached": "A test customer went onto a test clock, with all that it has.",
    "customer:changed": "Facts of an organisation changed.",
    "customer:closed": "An organisation has no subscription left and is closed.",
    "customer:erased": "The last data of an organisation were erased.",
    "customer:opened": "An organisation was opened; its country is fixed for ever.",
    "draft:hold_broken": "The holder of the stock or the operator ended somebody's hold on keys.",
    "draft:opened": "A redemption was begun and can be resumed.",
    "draft:dropped": "A draft ended without redemption, by its owner or by the calendar.",
    "customer:exported": "Everything that is kept of an organisation was exported.",
    "erasure:allowed": "An operator allowed more erasures on a day than are usual.",
    "erasure:asked": "More erasures were due on a day than are usual; nothing is erased until an operator says so.",
    "evidence:approved": "A second person agreed to evidence in the place of a mail's proof before an erasure.",
    "evidence:recorded": "Evidence that a customer was told of an erasure was recorded; a second person decides.",
    "evidence:withdrawn": "Evidence that a customer was told of an erasure was taken back.",
    "export:downloaded": "The one encrypted export of a batch was fetched.",
    "export:expired": "The encrypted export of a batch was dropped unread.",
    "help:asked": "Somebody asked for help, and the question was passed on by mail.",
    "installation:initialised": "Roles, secrets and the first operator's link were made.",
    "installation:looked_at": "An operator has looked at what a restore brought back; notices go again.",
    "installation:restored": "The database was restored on another server; a new era of the journal began.",
    "key:replaced": "A new key took the place of a revoked one.",
    "key:revoked": "A key became worthless before it was redeemed.",
    "licence:assigned": "A person was given a licence.",
    "licence:unassigned": "A licence was taken from a person.",
    "link:made": "A single-use link was made, for signing in or for taking ownership.",
    "mint:cancelled": "A mint was stopped before its batch was whole.",
    "notice:bounced": "A notice did not arrive; others were told.",
    "notice:posted": "A notice was handed to the mail server.",
    "notice:written": "A notice became owed to somebody and was written down.",
    "operator:added": "A person may act for the vendor.",
    "operator:removed": "A person may no longer act for the vendor.",
    "organisation:added": "A vendor, distributor or partner was registered.",
    "organisation:changed": "Facts of a vendor, distributor or partner changed.",
    "ownership:sent": "The letter by which somebody takes ownership was sent once more.",
    "ownership:taken": "An administrator took ownership of the account made at redemption.",
    "partner_of_record:changed": "The partner of record of a subscription changed or ended.",
    "partner_of_record:confirmed": "An administrator confirmed the proposed partner of record.",
    "partner_of_record:declined": "An administrator declined the proposed partner of record.",
    "partner_of_record:proposed": "A redemption proposed its partner as partner of record.",
    "pepper:added": "A new version of the pepper digests keys from now on.",
    "pepper:rotated": "All keys carry digests of a newer pepper; the old one may go.",
    "person:added": "A person joined an organisation.",
    "person:changed": "A person's addresses, language or factors changed.",
    "person:erased": "What was kept of a person was erased; ids stay.",
    "person:exported": "Everything that is kept of a person was exported.",
    "person:deleted": "A person left an organisation.",
    "policy:adopted": "Existing subscriptions follow a version of a policy, as two people agreed.",
    "policy:adoption_approved": "A second operator agreed that existing subscriptions follow a version of a policy.",
    "policy:adoption_proposed": "An operator proposed that existing subscriptions follow a version of a policy.",
    "policy:adoption_withdrawn": "The proposal that existing subscriptions follow a version was taken back.",
    "policy:published": "A version of a policy was published; it never changes again.",
    "product:published": "A version of a product was published; it never changes again.",
    "product:restored": "A retired product may be ordered again.",
    "product:retired": "No further keys of a product may be ordered; what was sold stays good.",
    "redemption:committed": "Keys were spent for a customer, all or nothing.",
    "redemption:corrected": "A redemption was moved to the right customer.",
    "redemption:reversed": "A redemption was undone; its keys are for sale again.",
    "role:granted": "A person was given a role.",
    "role:withdrawn": "A role was taken from a person.",
    "service:added": "A service of the vendor was registered.",
    "service:removed": "A service of the vendor was removed.",
    "service:rotated": "A service of the vendor has new secrets.",
    "service:signed_in": "Somebody signed in to a service of the vendor.",
    "session:confirmed": "Somebody who is signed in proved again to be there.",
    "session:started": "Somebody signed in.",
    "session:ended": "Somebody signed out or was signed out.",
    "signing_key:added": "A new key signs receipts and checkpoints; older ones stay published.",
    "subscription:access_stopped": "The time of grace was over: users have no access, the data are kept.",
    "subscription:blocked": "A block was put on a subscription: nobody uses it until it is lifted.",
    "subscription:changed": "Seats, end or credit of a subscription changed by a ledger row.",
    "subscription:key_destroyed": "The data key of a subscription was destroyed: backups lost its data too.",
    "customer:key_destroyed": "The data key of an organisation was destroyed: backups lost its data too.",
    "subscription:erased": "The data of a subscription were erased.",
    "subscription:erasure_put_off": "An erasure of which nobody was told in time, or without proof, has a later date.",
    "subscription:grace_started": "A subscription ended; its users keep access for the time of grace.",
    "subscription:held": "A legal hold keeps the data of a subscription from being erased.",
    "subscription:opened": "A subscription was opened.",
    "subscription:policy_changed": "A subscription follows a later version of its policy.",
    "subscription:released": "A legal hold on a subscription was lifted.",
    "subscription:unblocked": "A block on a subscription was lifted by the side that put it.",
    "token:created": "An API token was made.",
    "token:revoked": "An API token stopped working.",
}

ENTRY_FORM = 1
CHECKPOINT_KIND = "chaveiro-checkpoint+jws"
SALT_BYTES = 16
FACTS_BYTES_AT_MOST = 4096
WORD_LENGTH_AT_MOST = 128
DEPTH_AT_MOST = 4

# What a fact may be spelled with: ids, codes, serials, days, instants, hexadecimal and base64. No space, no @: a name
# of two words and a mail address cannot be written down by mistake.
_WORD = re.compile(r"[A-Za-z0-9_.:+/=-]*")
# A whole product key, grouped or not (rules.keys), has no business in an entry that lives for ever.
_KEY = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-HJKMNP-TV-Z]{5}-?){5}(?![0-9A-Za-z])", re.IGNORECASE)
_COMMITMENT_PURPOSE = b"chaveiro commitment 1\x00"


class JournalBroken(Refusal):
    """The journal contradicts what was signed before; nothing more is signed until an operator looks. Facts: what."""

    code = "journal_broken"


class JournalRestored(Refusal):
    """The journal was restored from another server; begin a new era before anybody writes. Facts: xid."""

    code = "journal_restored"


class SignatureInvalid(Refusal):
    """The text was not signed by a key we know, or not as the kind of statement that is asked for. Facts: reason."""

    code = "signature_invalid"


class Signer(Protocol):
    """Something that signs statements with the installation's present key."""

    @property
    def kid(self) -> str:
        """The present key's public name."""

    def sign(self, claims: Mapping[str, object], kind: str) -> str:
        """One line of text that carries the claims, their kind and the signature; equal claims give equal text."""


class SignatureReader(Protocol):
    """Something that knows the public keys, the retired ones too."""

    def read(self, text: str, kind: str) -> dict[str, Any]:
        """The claims of a signed text of that kind. Raises SignatureInvalid."""


class Position(NamedTuple):
    """Where an entry belongs: entries are sealed in this order, which no late commit can disturb.

    `era` grows when the database is restored on another server, whose transaction ids begin anew.
    """

    era: int
    xid: int
    id: int


class Entry(NamedTuple):
    """An entry as the database gives it back, in the database's own spelling.

    `at` is `2026-03-01T09:30:00.000000Z`, ids are lower-case UUIDs, `facts` is JSON.
    """

    id: int
    era: int
    xid: int
    at: str
    tag: str
    actor_kind: str
    actor_id: str | None
    organisation_id: str | None
    on_behalf: str | None
    customer_id: str | None
    subject_kind: str
    subject_id: str
    facts: str
    salt: bytes

    @property
    def position(self) -> Position:
        """Its place in the order of sealing."""
        return Position(self.era, self.xid, self.id)


def check_tag(tag: str) -> str:
    """The tag itself, if it is in the table. Raises Malformed(field="tag")."""
    if tag not in TAGS:
        raise Malformed(field="tag", reason=f"{tag!r} is not in the table of the journal's tags")
    return tag


def subject_kind_of(tag: str) -> str:
    """The kind of thing that a tag speaks of: what stands before the colon."""
    return tag.partition(":")[0]


def check_facts(facts: Mapping[str, Any]) -> str:
    """The JSON text of an entry's facts, if they hold nothing that must not live for ever.

    Allowed are whole numbers, booleans, null, lists, objects with keys of letters, and words of the alphabet of ids.
    Raises Malformed(field="facts") on fractions, names, addresses, free text, product keys and anything too big.
    Free text that matters (a reason) is kept in a row of its own and committed to here.
    """
    _check_fact(dict(facts), DEPTH_AT_MOST)
    text = _ENCODER.encode(dict(facts))
    if len(text.encode()) > FACTS_BYTES_AT_MOST:
        raise Malformed(field="facts", reason=f"more than {FACTS_BYTES_AT_MOST} bytes")
    return text


def _check_fact(fact: Any, depth: int) -> None:
    if depth < 0:
        raise Malformed(field="facts", reason=f"nested deeper than {DEPTH_AT_MOST}")
    match fact:
        case None | bool() | int():
            return
        case str():
            if len(fact) > WORD_LENGTH_AT_MOST or not _WORD.fullmatch(fact) or _KEY.search(fact):
                # The fact itself is not repeated: it may be just what must not be kept.
                raise Malformed(field="facts", reason="a text that is no id, code, number, day or commitment")
        case list() | tuple():
            for part in fact:
                _check_fact(part, depth - 1)
        case dict():
            for name, part in fact.items():
                if not isinstance(name, str):
                    raise Malformed(field="facts", reason="a name that is no text")
                _check_fact(name, 0)
                _check_fact(part, depth - 1)
        case _:
            raise Malformed(field="facts", reason=f"a value of type {type(fact).__name__}")


def commitment(value: str, salt: bytes) -> str:
    """64 hexadecimal digits that bind to `value` and say nothing of it to whoever lacks `salt`.

    The salt (16 random bytes or more) is kept beside the value, in the row that can be erased, and never in the
    journal: with both gone, nobody can find the value again by trying. Raises Malformed when the salt is short.
    """
    if len(salt) < SALT_BYTES:
        raise Malformed(field="salt", reason=f"shorter than {SALT_BYTES} bytes")
    return hmac.new(salt, _COMMITMENT_PURPOSE + value.encode(), "sha256").hexdigest()


def opens(committed: str, value: str, salt: bytes) -> bool:
    """Whether a commitment was made to that value with that salt."""
    return hmac.compare_digest(committed, commitment(value, salt))


_ENCODER = JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _number(text: str) -> int | str:
    """A JSON number exactly as written. Fractions and giants become a text that PostgreSQL's JSON cannot hold.

    Python's floats would round, so that two different rows could have the same bytes.
    """
    return int(text) if len(text) < 20 and text.lstrip("-").isdecimal() else f"\x00{text}"


_DECODER = JSONDecoder(parse_int=_number, parse_float=_number)


def canonical(entry: Entry) -> bytes:
    """The bytes that an entry's leaf is made of: UTF-8 JSON, keys sorted by code point, no spaces, instants in UTC.

    Computed from the row as read back, never from what the program meant to write. `salt` keeps neighbours in a proof
    from guessing an entry by its leaf.
    """
    return _ENCODER.encode(
        {
            "actor_id": entry.actor_id,
            "actor_kind": entry.actor_kind,
            "at": entry.at,
            "customer_id": entry.customer_id,
            "era": entry.era,
            "facts": _DECODER.decode(entry.facts),
            "form": ENTRY_FORM,
            "id": entry.id,
            "on_behalf": entry.on_behalf,
            "organisation_id": entry.organisation_id,
            "salt": bytes(entry.salt).hex(),
            "subject_id": entry.subject_id,
            "subject_kind": entry.subject_kind,
            "tag": entry.tag,
            "xid": entry.xid,
        }
    ).encode()


def instant_text(at: datetime) -> str:
    """An instant in UTC to the microsecond, as `2026-03-01T09:30:00.000000Z`."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed and sent outside: at `at`, the journal of `origin` held `size` entries under `root`."""

    origin: str
    size: int
    root: bytes
    at: datetime

    def claims(self) -> dict[str, object]:
        """The form that is signed."""
        return {"at": instant_text(self.at), "origin": self.origin, "root": self.root.hex(), "size": self.size}

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Checkpoint:
        """Read back what was signed. Raises SignatureInvalid when it is not a checkpoint."""
        try:
            size, root = int(claims["size"]), bytes.fromhex(claims["root"])
            at = datetime.fromisoformat(claims["at"])
            if size < 1 or len(root) != HASH_BYTES or at.tzinfo is None:
                raise ValueError("out of range")
            return cls(str(claims["origin"]), size, root, at.astimezone(UTC))
        except (KeyError, TypeError, ValueError, OverflowError) as fault:
            raise SignatureInvalid(reason="not a checkpoint") from fault


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the text that was signed and sent outside, and the public name of the key that signed."""

    size: int
    root: bytes
    at: datetime
    signature: str
    kid: str
