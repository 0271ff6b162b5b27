"""What is kept about customers and their people, column by column, and what takes its place when it is erased.

Every column of every table stands here: a test holds this list against the database, so that nothing new is kept
without somebody having said what becomes of it. Erasing, exporting and backing up all read it; none has a list of its
own. Rows of the ledger, the journal and of redemptions stay for ever, with ids, days, numbers and codes only.

A path leads from a row to whom it is about: `customer_id`, or through other tables
(`account_id > identity_account.id > customer_id`: the row of identity_account whose id is the row's account_id).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chaveiro.rules.records import NOT_WHO, OWN_REASONS, Blank, Table, blanked, erased_name, hops

__all__ = [
    "CUSTOMERS",
    "HOUSE",
    "LIBRARIES",
    "NOT_WHO",
    "OWN_REASONS",
    "TABLES",
    "Blank",
    "Gap",
    "Table",
    "blanked",
    "erased_name",
    "gaps",
    "hops",
]


def _table(
    name: str,
    kept: str,
    *,
    customer: str,
    subscription: str = "",
    person: str = "",
    erased: Mapping[str, Blank] | None = None,
    hidden: str = "",
) -> Table:
    return Table(
        name,
        tuple(kept.split()),
        erased or {},
        tuple(customer.split(" | ")),
        subscription,
        tuple(person.split(" | ")) if person else (),
        frozenset(hidden.split()),
    )


def _house(name: str, columns: str) -> Table:
    """A table without rows about any customer: the vendor's, the channel's, or the machinery's."""
    return Table(name, tuple(columns.split()))


def _as(blank: Blank, names: str) -> dict[str, Blank]:
    return dict.fromkeys(names.split(), blank)


_BY_ACCOUNT = "account_id > identity_account.id > customer_id"
_BY_ACTOR = "actor_id > identity_account.id > customer_id"
_BY_REDEMPTION = "redemption_id > redemption_redemption.id > customer_id"

CUSTOMERS: tuple[Table, ...] = (
    # The prefix stays for ever, so that nobody else ever gets mail that was meant for its people.
    _table(
        "customers_customer",
        "id country language time_zone domain_prefix opened_at closed_at is_test clock_id",
        customer="id",
        erased=_as(Blank.EMPTY, "name tax_number contact_email"),
    ),
    _table(
        "identity_account",
        "id kind organisation_id customer_id language time_zone owned_at closed_at created_at",
        customer="customer_id",
        person="id",
        erased={
            "login_name": Blank.BY_ID,
            **_as(Blank.EMPTY, "email alternate_email given_name family_name password"),
            "last_login": Blank.NULL,
        },
        hidden="password",
    ),
    _table(
        "customers_person",
        "id customer_id account_id country_of_use created_at deleted_at",
        customer="customer_id",
        person="account_id",
        erased={"user_name": Blank.BY_ID},
    ),
    _table(
        "customers_role",
        "id person_id customer_id name since ended_at",
        customer="customer_id",
        person="person_id > customers_person.id > account_id",
    ),
    _table("customers_reach", "id customer_id organisation_id kind subscription_id since ended_at",
           customer="customer_id"),
    _table(
        "subscriptions_subscription",
        "id customer_id product_id policy_id price_class seats assigned shortfall_until ends_on credit term version"
        " paid_by opened_at closed_at erased_on clock_id due_on erase_on",
        customer="customer_id",
        subscription="id",
    ),
    _table(
        "subscriptions_ledgerrow",
        "id subscription_id customer_id number term kind redemption_id reverses day origin granted seats_before"
        " ends_before credit_before seats_after ends_after credit_after policy_id actor_kind actor_id organisation_id"
        " at",
        customer="customer_id",
        subscription="subscription_id",
        erased={"why": Blank.REASON},
    ),
    _table(
        "subscriptions_block",
        "id customer_id subscription_id kind holder holder_id put_by put_on put_at lifted_by lifted_on lifted_at",
        customer="customer_id",
        subscription="subscription_id",
        erased={"reason": Blank.EMPTY},
    ),
    _table(
        "licences_licence",
        "id customer_id person_id product_id subscription_id automatic since ended_at",
        customer="customer_id",
        person="person_id > customers_person.id > account_id",
    ),
    _table("delegation_partnerofrecord",
           "id customer_id subscription_id organisation_id state proposed_at settled_at ended_at",
           customer="customer_id"),
    # Addresses are people's, and people are the customer's: those of a notice go with the customer, after the last
    # notice was posted.
    _table(
        "notices_notice",
        "id subscription_id customer_id term kind recipient account_id organisation_id due_on written_on facts state"
        " attempts try_at outside direct returns settled_on settled_at read_at",
        customer="customer_id",
        person="account_id",
        erased=_as(Blank.EMPTY, "address server outcome"),
    ),
    _table(
        "notices_letter",
        "id kind account_id customer_id owed_id state attempts created_at posted_at",
        customer=f"customer_id | {_BY_ACCOUNT}",
        person="account_id",
        erased={"outcome": Blank.EMPTY},
    ),
    _table(
        "redemption_redemption",
        "id reference draft_id purpose customer_id actor_kind actor_id organisation_id opened_customer person_id"
        " fingerprint day at reversed_at reversed_by corrects",
        customer="customer_id",
        person="actor_id",
        erased={"attestation": Blank.NOT_WHO, "reversal_reason": Blank.EMPTY},
    ),
    _table("redemption_line",
           "id redemption_id key_id subscription_id customer_id ledger_number seats months reversed",
           customer="customer_id", subscription="subscription_id"),
    # What was typed about organisation and administrator; empty as soon as the draft is committed or abandoned.
    _table(
        "redemption_draft",
        "id state actor_kind actor_id organisation_id redemption_id created_at used_at ends_at secret_digest",
        customer=f"{_BY_REDEMPTION} | {_BY_ACTOR}",
        person="actor_id",
        erased={"form": Blank.NO_FACTS},
        hidden="secret_digest",
    ),
    _table(
        "redemption_draftkey",
        "id draft_id position digests last_five",
        customer="draft_id > redemption_draft.id > redemption_id > redemption_redemption.id > customer_id"
        " | draft_id > redemption_draft.id > actor_id > identity_account.id > customer_id",
        person="draft_id > redemption_draft.id > actor_id",
        erased={"sealed": Blank.NULL},
        hidden="digests sealed",
    ),
    _table(
        "redemption_draftlink",
        "id draft_id",
        customer="draft_id > redemption_draft.id > redemption_id > redemption_redemption.id > customer_id"
        " | draft_id > redemption_draft.id > actor_id > identity_account.id > customer_id",
        person="draft_id > redemption_draft.id > actor_id",
        erased=_as(Blank.GONE, "digest sealed_code email language created_at expires_at used_at"),
        hidden="digest sealed_code",
    ),
    _table(
        "closing_correction",
        "id redemption_id right_customer_id purpose subscription_id state proposed_kind proposed_by organisation_id"
        " proposed_at settled_by settled_at made",
        customer=f"{_BY_REDEMPTION} | right_customer_id",
        erased=_as(Blank.EMPTY, "reason answer"),
    ),
    _table(
        "feedback_helprequest",
        "id at receiver account_id organisation_id customer_id language",
        customer=f"customer_id | {_BY_ACCOUNT}",
        person="account_id",
        erased=_as(Blank.EMPTY, "page reference request name email message"),
    ),
    _table(
        "operations_operation",
        "id kind state actor_id organisation_id subject_id total done failed created_at started_at beat_at finished_at",
        customer=_BY_ACTOR,
        person="actor_id",
        erased={"result": Blank.NO_FACTS, "fault": Blank.EMPTY, "lent": Blank.NULL},
        hidden="lent",
    ),
    _table(
        "operations_answer",
        "id actor_id",
        customer=_BY_ACTOR,
        person="actor_id",
        erased=_as(Blank.GONE, "method path key body_digest status body at"),
        hidden="key body_digest",
    ),
    _table(
        "closing_erasure",
        "id kind customer_id subscription_id person_id due_on begun_on waits_until day at proof rows key_destroyed_at",
        customer="customer_id",
        subscription="subscription_id",
    ),
    _table(
        "closing_evidence",
        "id customer_id subscription_id term told_on proposed_by proposed_at approved_by approved_on approved_at"
        " withdrawn_by withdrawn_at",
        customer="customer_id",
        subscription="subscription_id",
        erased={"text": Blank.EMPTY},
    ),
    _table(
        "closing_dataexport",
        "id customer_id account_id",
        customer="customer_id",
        person="account_id",
        erased=_as(Blank.GONE, "operation_id part sealed created_at"),
        hidden="sealed",
    ),
    # How somebody signs in: nothing refers to these rows, so they go whole.
    _table("identity_token", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "name digest scopes created_at expires_at revoked_at"), hidden="digest"),
    _table("identity_link", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "purpose digest created_at expires_at used_at"), hidden="digest"),
    _table("identity_session", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "browser how agent network started_at seen_at ends_at confirmed_at ended_at"
                      " forgotten"), hidden="browser"),
    _table("identity_passkey", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "name credential_id public_key sign_count synced transports created_at used_at"),
           hidden="credential_id public_key"),
    _table("identity_onetimecodes", "account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "sealed last_step created_at confirmed_at"), hidden="sealed"),
    _table("identity_recoverycode", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "digest created_at used_at"), hidden="digest"),
    _table(
        "identity_grant",
        "id account_id",
        customer=_BY_ACCOUNT,
        person="account_id",
        erased=_as(
            Blank.GONE,
            "service_id session_id code back scope nonce challenge created_at expires_at taken_at access access_until",
        ),
        hidden="code nonce challenge access",
    ),
    _table("identity_testimony", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "provider issuer subject label created_at used_at")),
    _table("identity_challenge", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "browser purpose facts tries created_at expires_at"), hidden="browser facts"),
    _table("identity_addresschange", "id account_id", customer=_BY_ACCOUNT, person="account_id",
           erased=_as(Blank.GONE, "which address previous link created_at settled_at confirmed"), hidden="link"),
    # Ids, codes, numbers, days and salted commitments, by its own rule (rules.journal.check_facts); never changed.
    _table("journal_entry",
           "id era xid at tag actor_kind actor_id organisation_id on_behalf customer_id subject_kind subject_id facts"
           " salt",
           customer="customer_id", hidden="salt xid era"),
)  # fmt: skip

HOUSE: tuple[Table, ...] = (
    _house("journal_seal", "number entry_id leaf"),
    _house("journal_node", "level index hash"),
    _house("journal_checkpoint", "size root at signature kid"),
    _house(
        "clocks_clock", "id name day organisation_id created_by created_at moved_at ended_at moving_to operation_id"
    ),
    _house("clocks_platform", "id day at quiet_until quiet_why"),
    _house("operations_bucket", "id empty_at"),
    _house("notices_owed", "id kind facts created_at relayed_at"),  # ids only (rules.outbox.check_owed)
    _house("catalog_policy", "id name version numbers published_at"),
    _house("catalog_policydraft", "id name version base_id typed changed_by changed_at"),
    _house(
        "catalog_policyadoption",
        "id policy_id state wanted moved proposed_by proposed_at settled_by settled_at finished_at",
    ),
    _house("identity_service", "id name algorithm confidential returns leaves created_at removed_at"),
    _house("identity_servicesecret", "id service_id kind digest created_at expires_at"),
    _house("catalog_product", "id code created_at retired_at"),
    _house(
        "catalog_productversion",
        "id product_id number names texts services maximum_seats markets price_class policy_id published_at",
    ),
    _house(
        "channel_organisation",
        "id kind name country language registration_number notice_email suspended_at created_at",
    ),
    _house("channel_member", "id organisation_id account_id role since ended_at"),
    _house(
        "keys_batch",
        "id number product_version_id seats months quantity minted first_number countries activate_before holder_id"
        " kind created_by created_at approved_by approved_at minted_at released_at wholly_released recalled_at"
        " recall_asked_by recall_asked_at recall_reason cards replaces",
    ),
    # Which customer redeemed it, in an id.
    _house("keys_key", "number batch_id state digest pepper last_five customer_id redeemed_at replaced_by"),
    _house("keys_tally", "id batch_id state amount"),
    _house("keys_hold", "key_id draft_id since until"),
    _house("keys_export", "id batch_id part ciphertext created_at"),
    _house("keys_pepper", "version fingerprint first_used_at"),
    _house("closing_erasingday", "day most erased wanted asked_at allowed_by allowed_at"),
    # Said by a page's reader, who is not kept.
    _house("feedback_answer", "id at page language version useful satisfaction affected text quote told_at"),
)

TABLES: Mapping[str, Table] = {table.name: table for table in (*CUSTOMERS, *HOUSE)}

# Rows of libraries: the framework's own, which no page of ours writes to, and the job engine's, whose jobs carry the
# number of what is owed and nothing else.
LIBRARIES = ("django_", "auth_", "procrastinate_")


@dataclass(frozen=True, slots=True)
class Gap:
    """A column that nobody has classified, or one that is classified and does not exist."""

    table: str
    column: str
    exists: bool


def gaps(columns: Iterable[tuple[str, str]]) -> list[Gap]:
    """What the database (as table and column) and this list do not both have."""
    there = {(table, column) for table, column in columns if not table.startswith(LIBRARIES)}
    said = {(table.name, column) for table in TABLES.values() for column in table.columns}
    return [
        *(Gap(table, column, True) for table, column in sorted(there - said)),
        *(Gap(table, column, False) for table, column in sorted(said - there)),
    ]
