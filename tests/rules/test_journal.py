"""What an entry may hold, and the exact bytes that stand for it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaveiro.rules import journal
from chaveiro.rules.errors import Malformed
from chaveiro.rules.journal import Checkpoint, Entry, SignatureInvalid, canonical

MORNING = datetime(2026, 3, 1, 9, 30, 0, 250, tzinfo=UTC)
ANA = UUID("018f0000-0000-7000-8000-00000000000a")
ENTRY = Entry(
    id=7,
    era=0,
    xid=812,
    at="2026-03-01T09:30:00.000250Z",
    tag="redemption:committed",
    actor_kind="channel",
    actor_id=str(ANA),
    organisation_id=None,
    on_behalf=None,
    customer_id=None,
    subject_kind="redemption",
    subject_id="R-117",
    facts='{"keys": ["000000000017"], "seats": 25}',
    salt=bytes(16),
)


def test_every_tag_is_subject_and_action_with_one_sentence() -> None:
    for tag, meaning in journal.TAGS.items():
        assert re.fullmatch(r"[a-z_]+:[a-z_]+", tag)
        assert re.fullmatch(r"[A-Z].*\.", meaning)
    assert journal.check_tag("batch:minted") == "batch:minted"
    assert journal.subject_kind_of("batch:minted") == "batch"
    with pytest.raises(Malformed):
        journal.check_tag("batch:burnt")


def test_the_canonical_bytes_are_these_for_ever() -> None:
    assert canonical(ENTRY).decode() == (
        '{"actor_id":"018f0000-0000-7000-8000-00000000000a","actor_kind":"channel","at":"2026-03-01T09:30:00.000250Z",'
        '"customer_id":null,"era":0,"facts":{"keys":["000000000017"],"seats":25},"form":1,"id":7,"on_behalf":null,'
        '"organisation_id":null,"salt":"00000000000000000000000000000000","subject_id":"R-117",'
        '"subject_kind":"redemption","tag":"redemption:committed","xid":812}'
    )


def test_the_spelling_of_json_changes_nothing_but_every_value_does() -> None:
    same = ENTRY._replace(facts='{"seats":25,\n"keys":["000000000017"]}')
    assert canonical(same) == canonical(ENTRY)
    others: dict[str, Any] = {
        "id": 8,
        "era": 1,
        "xid": 813,
        "at": "2026-03-01T09:30:00.000251Z",
        "tag": "redemption:reversed",
        "actor_kind": "operator",
        "actor_id": None,
        "organisation_id": str(ANA),
        "on_behalf": str(ANA),
        "customer_id": str(ANA),
        "subject_kind": "draft",
        "subject_id": "R-118",
        "facts": "{}",
        "salt": bytes(17),
    }
    assert set(others) == set(Entry._fields)
    spellings = {canonical(ENTRY._replace(**{name: value})) for name, value in others.items()}
    assert len(spellings | {canonical(ENTRY)}) == len(others) + 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"n": 1}', '{"n": "1"}'),
        ('{"n": 1}', '{"n": 1.0}'),
        ('{"n": 1.5}', '{"n": "1.5"}'),
        ('{"n": 0.1}', '{"n": 0.10}'),
        ('{"n": 0.1000000000000000055}', '{"n": 0.1}'),
        ('{"n": 1' + "0" * 5000 + "}", '{"n": 1' + "0" * 4999 + "1}"),
        ('{"n": null}', "{}"),
        ('{"n": true}', '{"n": 1}'),
    ],
)
def test_two_different_facts_never_have_the_same_bytes(one: str, other: str) -> None:
    assert canonical(ENTRY._replace(facts=one)) != canonical(ENTRY._replace(facts=other))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(exclude_characters="\x00"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abç", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, json_values)
def test_bytes_are_equal_only_for_equal_facts(one: Any, other: Any) -> None:
    spelled_alike = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    first = canonical(ENTRY._replace(facts=json.dumps({"v": one})))
    second = canonical(ENTRY._replace(facts=json.dumps({"v": other}, indent=1)))
    assert (first == second) == spelled_alike


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"batch": "bat_018f0000", "count": 500, "first": "000000000017"},
        {"ends_on": "2027-03-01", "released": True, "holder": None, "keys": ["000000000017", "000000000028"]},
        {"reason": journal.commitment("cliente errado", b"s" * 16)},
        {"account": str(ANA), "account_hex": ANA.hex, "at": "2026-03-01T09:30:00.000250Z"},
        {"before": {"seats": 5}, "after": {"seats": 30}},
    ],
)
def test_ids_codes_numbers_days_and_commitments_may_be_kept(facts: dict[str, Any]) -> None:
    assert json.loads(journal.check_facts(facts)) == facts


@pytest.mark.parametrize(
    "facts",
    [
        {"email": "bruno@padaria-sol.example"},
        {"name": "Bruno Teixeira"},
        {"name": "Conceição"},
        {"deep": [{"who": "Padaria Sol, Lda."}]},
        {"Padaria Sol": 1},
        {"key": "7YQ2K-M4X9C-ZT8RB-W3NHD-5F6GJ"},
        {"key": "7YQ2KM4X9CZT8RBW3NHD5F6GJ"},
        {"key": "7yq2k-m4x9c-zt8rb-w3nhd-5f6gj"},
        {"7YQ2KM4X9CZT8RBW3NHD5F6GJ": 1},
        {"share": 0.5},
        {"raw": b"bytes"},
        {"day": MORNING},
        {1: "one"},
        {"long": "x" * 200},
        {"many": ["x" * 100] * 50},
        {"a": {"b": {"c": {"d": {"e": 1}}}}},
    ],
)
def test_names_addresses_keys_fractions_and_floods_may_not(facts: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refusal:
        journal.check_facts(facts)
    assert refusal.value.facts["field"] == "facts"
    assert "Bruno" not in str(refusal.value)
    assert "7YQ2K" not in str(refusal.value).upper()


def test_a_commitment_opens_with_value_and_salt_and_with_nothing_else() -> None:
    salt, other = b"1" * 16, b"2" * 16
    committed = journal.commitment("Padaria Sol, Lda.", salt)
    assert re.fullmatch("[0-9a-f]{64}", committed)
    assert journal.opens(committed, "Padaria Sol, Lda.", salt)
    assert not journal.opens(committed, "Padaria Lua, Lda.", salt)
    assert not journal.opens(committed, "Padaria Sol, Lda.", other)
    with pytest.raises(Malformed):
        journal.commitment("Padaria Sol, Lda.", b"short")


def test_a_checkpoint_is_read_back_as_it_was_signed() -> None:
    lisbon_summer = timezone(timedelta(hours=1))
    checkpoint = Checkpoint("https://chaves.example", 12, bytes(range(32)), MORNING.astimezone(lisbon_summer))
    assert checkpoint.claims()["at"] == "2026-03-01T09:30:00.000250Z"
    assert Checkpoint.from_claims(json.loads(json.dumps(checkpoint.claims()))) == checkpoint


@pytest.mark.parametrize(
    "change",
    [
        {"size": 0},
        {"size": "twelve"},
        {"size": None},
        {"root": "00"},
        {"root": 5},
        {"root": "zz" * 32},
        {"at": "yesterday"},
        {"at": "2026-03-01T09:30:00"},
        {"at": None},
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(change: dict[str, Any]) -> None:
    claims = Checkpoint("https://chaves.example", 12, bytes(32), MORNING).claims() | change
    with pytest.raises(SignatureInvalid):
        Checkpoint.from_claims(claims)
    with pytest.raises(SignatureInvalid):
        Checkpoint.from_claims({})
