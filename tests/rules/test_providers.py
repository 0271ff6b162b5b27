"""OpenID Connect providers of the settings, their addresses, and whose statement is whose."""

from __future__ import annotations

import json

import pytest

from chaveiro.rules.errors import Malformed
from chaveiro.rules.providers import Provider, is_issuer, is_safe_address, read, same_issuer

GOOD = {"name": "sol", "issuer": "https://id.sol.example", "client_id": "chaveiro"}
DIRECTORY = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def test_providers_are_read_from_one_setting_and_none_is_none() -> None:
    assert read("") == ()
    (found,) = read(json.dumps([{**GOOD, "client_secret": "hush", "label": "Sol", "second_factor": True}]))
    assert found == Provider("sol", "https://id.sol.example", "chaveiro", "hush", "Sol", True)
    assert "hush" not in repr(found)


def test_microsoft_is_called_microsoft_and_others_by_their_host() -> None:
    assert Provider("ms", "https://login.microsoftonline.com/common/v2.0", "x").title == "Microsoft"
    assert Provider("sol", "https://id.sol.example", "x").title == "id.sol.example"
    assert Provider("sol", "https://id.sol.example", "x", label="Sol").title == "Sol"


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{}",
        json.dumps(["sol"]),
        json.dumps([{**GOOD, "name": "Sol"}]),
        json.dumps([{**GOOD, "client_id": ""}]),
        json.dumps([{**GOOD, "issuer": "http://id.sol.example"}]),
        json.dumps([{**GOOD, "issuer": "https://user:hush@id.sol.example"}]),
        json.dumps([{**GOOD, "colour": "blue"}]),
        json.dumps([{**GOOD, "second_factor": "yes"}]),
        json.dumps([GOOD, GOOD]),
        json.dumps([{**GOOD, "name": f"p{number}"} for number in range(11)]),
    ],
)
def test_what_cannot_be_meant_is_refused_and_no_secret_is_told(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        read(text)
    assert refused.value.facts["field"] == "CHAVEIRO_OIDC"
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "beside", "safe"),
    [
        ("https://id.sol.example/token", "https://id.sol.example", True),
        ("http://id.sol.example/token", "https://id.sol.example", False),
        ("http://127.0.0.1:8000/token", "http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8000/token", "https://id.sol.example", False),
        ("ftp://id.sol.example", "", False),
        ("javascript:alert(1)", "", False),
        ("https://id.sol.example/#x", "", False),
        ("https://[broken", "", False),
    ],
)
def test_only_https_is_asked_and_loopback_only_from_loopback(address: str, beside: str, safe: bool) -> None:
    assert is_safe_address(address, beside=beside) is safe


def test_an_issuer_is_the_published_one_and_microsoft_s_tenant_belongs_in_its_place() -> None:
    common = "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert is_issuer("https://id.sol.example", published="https://id.sol.example", directory="")
    assert not is_issuer("https://id.mar.example", published="https://id.sol.example", directory="")
    assert is_issuer(common.replace("{tenantid}", DIRECTORY), published=common, directory=DIRECTORY)
    for said, directory in (
        (common, ""),
        (common, "{tenantid}"),
        (common.replace("{tenantid}", DIRECTORY), "x"),
        ("x", DIRECTORY),
    ):
        assert not is_issuer(said, published=common, directory=directory)


@pytest.mark.parametrize(
    ("published", "configured", "same"),
    [
        ("https://id.sol.example", "https://id.sol.example/", True),
        ("https://id.mar.example", "https://id.sol.example", False),
        ("https://login.microsoftonline.com/{tenantid}/v2.0", "https://login.microsoftonline.com/common/v2.0", True),
        (
            "https://login.microsoftonline.com/{tenantid}/v2.0",
            f"https://login.microsoftonline.com/{DIRECTORY}/v2.0",
            False,
        ),
        ("https://id.sol.example/{tenantid}/v2.0", "https://id.sol.example/common/v2.0", False),
    ],
)
def test_discovery_must_be_that_of_the_issuer_in_the_settings(published: str, configured: str, same: bool) -> None:
    assert same_issuer(published, configured) is same
