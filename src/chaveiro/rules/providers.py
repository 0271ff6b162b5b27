"""OpenID Connect providers, as the settings name them, and what must be true of a statement about who somebody is.

A provider's subject leads only to accounts that were linked to it from inside them; an e-mail address leads nowhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from chaveiro.rules.errors import Malformed, Refusal

SETTING = "CHAVEIRO_OIDC"
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MICROSOFT = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"})
DIRECTORY = "{tenantid}"  # how Microsoft's multi-tenant discovery writes its issuer
DIRECTORY_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PROVIDERS_AT_MOST = 10
SUBJECT_LENGTH_AT_MOST = 255  # OpenID Connect Core, section 2
LABEL_LENGTH_AT_MOST = 200


class ProviderRefused(Refusal):
    """The provider's answer does not hold, or it said no. Facts: reason (for the logs)."""

    code = "provider_refused"


class ProviderUnreachable(Refusal):
    """The provider does not answer, or not in the form that it must. Facts: reason (for the logs)."""

    code = "provider_unreachable"


class NotLinked(Refusal):
    """No account here is linked to whoever signed in at the provider."""

    code = "not_linked"


class LinkedAlready(Refusal):
    """This account is linked to that sign-in already."""

    code = "linked_already"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: our name for it, its issuer, our client there, what people call it.

    `second_factor` says that it asks for a second factor itself, so that we need not.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    label: str = ""
    second_factor: bool = False

    @property
    def title(self) -> str:
        """What people call it."""
        if self.label:
            return self.label
        host = urlsplit(self.issuer).hostname or self.name
        return "Microsoft" if host in MICROSOFT else host


@dataclass(frozen=True, slots=True)
class Testimony:
    """Whom a provider vouches for: its issuer's own name for them. `label` is only for showing."""

    issuer: str
    subject: str
    label: str = field(default="", repr=False)


class OpenIdClient(Protocol):
    """Something that sends people to a provider and reads what it says when they come back."""

    def address(self, provider: Provider, *, back: str, state: str, nonce: str, verifier: str) -> str:
        """Where to send them. Raises ProviderUnreachable."""

    def testimony(self, provider: Provider, *, back: str, code: str, nonce: str, verifier: str) -> Testimony:
        """Whom the provider vouches for, once they came back with a code.

        Raises ProviderRefused, ProviderUnreachable.
        """


def read(text: str) -> tuple[Provider, ...]:
    """The providers of the setting: a JSON list of objects. Raises Malformed, naming CHAVEIRO_OIDC; never its secrets.

    `name`, `issuer` and `client_id` are needed; `client_secret`, `label` and `second_factor` may be there.
    """
    if not text.strip():
        return ()
    try:
        listed = json.loads(text)
    except ValueError:
        raise Malformed(field=SETTING, reason="is not JSON") from None
    if not isinstance(listed, list) or len(listed) > PROVIDERS_AT_MOST:
        raise Malformed(field=SETTING, reason=f"is a list of {PROVIDERS_AT_MOST} objects or fewer")
    found = tuple(_read_one(each) for each in listed)
    if len({provider.name for provider in found}) != len(found):
        raise Malformed(field=SETTING, reason="has a name twice")
    return found


_TEXTS = ("name", "issuer", "client_id", "client_secret", "label")


def _read_one(each: Any) -> Provider:
    if not isinstance(each, Mapping) or not set(each) <= {*_TEXTS, "second_factor"}:
        raise Malformed(field=SETTING, reason="has an entry that is no object, or has unknown parts")
    texts = {name: each.get(name, "") for name in _TEXTS}
    second = each.get("second_factor", False)
    if not all(isinstance(value, str) for value in texts.values()) or not isinstance(second, bool):
        raise Malformed(field=SETTING, reason="has a part of the wrong type")
    if not NAME.fullmatch(texts["name"]):
        raise Malformed(field=SETTING, reason="has a name that is not small letters, digits and dashes")
    if not texts["client_id"]:
        raise Malformed(field=SETTING, reason=f"has no client_id for {texts['name']}")
    if not is_safe_address(texts["issuer"]):
        raise Malformed(field=SETTING, reason=f"has an issuer for {texts['name']} that is not https")
    return Provider(**texts, second_factor=second)


def is_safe_address(address: str, *, beside: str = "") -> bool:
    """Whether an address may be asked: https, or http on this very machine where `beside` (the issuer) is there too."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        near = urlsplit(beside or address).hostname in LOOPBACK
    except ValueError:
        return False
    if parts.username or parts.password or parts.fragment:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK and near))


def is_issuer(said: str, *, published: str, directory: str) -> bool:
    """Whether a statement's issuer is the one that discovery published.

    Microsoft's common endpoint publishes a form with `{tenantid}`: then the statement's own `tid` belongs there.
    """
    if DIRECTORY not in published:
        return said == published
    return bool(DIRECTORY_ID.fullmatch(directory)) and said == published.replace(DIRECTORY, directory)


def same_issuer(published: str, configured: str) -> bool:
    """Whether a discovery document is the one of the issuer that the settings name.

    Microsoft answers with `{tenantid}` where the settings say `common`, `organizations` or `consumers`.
    """
    if published.rstrip("/") == configured.rstrip("/"):
        return True
    parts = urlsplit(configured)
    if parts.hostname not in MICROSOFT or DIRECTORY not in published:
        return False
    asked = parts.path.strip("/").split("/")
    return asked[0] in {"common", "organizations", "consumers"} and published == (
        f"https://{parts.hostname}/{DIRECTORY}/" + "/".join(asked[1:])
    )
