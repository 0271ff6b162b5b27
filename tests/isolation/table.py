"""The matrix: what every route names, and who may do it to which of that kind.

    at(route, kind, who, GET=…, POST=body)

`who` are the roles that may; `partner` stands for all who sell (they differ by what is theirs). They may where a thing
is their own or lies beside it in the same organisation (`beside=False`: only their own). Everybody else, and about
everybody else's things, is answered as if there were no such thing. A route whose kind is None names nothing that is
anybody's: whoever may not is turned away. Bodies are such as would do it: what the request names is `{customer}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]

ALL = "stranger administrator user partner operator"
SIGNED_IN = "administrator user partner operator"
OPERATOR = "operator"
PARTNER = "partner"
CUSTOMER = "administrator user"
SIDES = "administrator user partner"
NOBODY = ""
LOOK: Body = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One route and method. `given` are parameters that no thing brings; `query` stands behind the address."""

    route: str
    method: str
    kind: str | None
    who: frozenset[str]
    beside: bool = True
    body: Body = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    query: str = ""
    refused: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.method} /{self.route}"


def roles(text: str) -> frozenset[str]:
    """The roles of a row: all who sell stand behind one word."""
    found = set(text.split())
    if "partner" in found:
        found |= {"other_partner", "distributor"}
    return frozenset(found)


def at(
    route: str,
    kind: str | None,
    who: str,
    *,
    beside: bool = True,
    given: dict[str, str] | None = None,
    query: str = "",
    refused: str = "",
    **methods: Body,
) -> list[Row]:
    """The rows of one route. `refused` roles see the thing and may not do this to it; they are told so."""
    return [
        Row(route, method, kind, roles(who), beside, body, given or {}, query, roles(refused))
        for method, body in methods.items()
    ]


REFERENCE = "(?P<reference>[Rr]-[0-9A-Za-z]{4}-[0-9A-Za-z]{4})"
TAG = "(?P<tag>[0-9a-f]{12})"
FORM = r"\.(?P<form>json|jws|pdf)$"
REASON = {"reason": "Engano"}
STANDARD = {"name": "standard"}
PERSON = {"given_name": "Eva", "family_name": "Melo", "email": "eva@rio.example", "role": "owner"}
NO_SECRET = {"secret": "0" * 32}
CERTIFICATE = {"erasure": "era_" + "0" * 31 + "1"}  # whoever has its address may read it: it holds ids only

TABLE = [
    # ── for programs ──
    *at("livez", None, ALL, GET=LOOK),
    *at("readyz", None, ALL, GET=LOOK),
    *at("metrics", None, ALL, GET=LOOK),
    *at(".well-known/jwks.json", None, ALL, GET=LOOK),
    # ── for everybody ──
    *at("", None, ALL, GET=LOOK),
    *at("language", None, ALL, POST={"switch_to": "en", "next": "/"}),
    *at("theme", None, ALL, POST={"theme": "dark", "next": "/"}),
    *at("help", None, ALL, GET=LOOK),
    *at("help/ask", None, ALL, GET=LOOK, POST={"message": "Como?", "email": "x@y.example", "name": "X"}),
    *at("help/<slug:slug>", None, ALL, given={"slug": "redeem-and-set-up"}, GET=LOOK),
    *at("accessibility", None, ALL, GET=LOOK),
    *at("privacy", None, ALL, GET=LOOK),
    *at("status", None, ALL, GET=LOOK),
    *at("feedback", None, ALL, POST={"page": "/", "useful": "yes"}),
    *at("feedback/thanks", None, ALL, GET=LOOK),
    *at("feedback/<str:token>", None, NOBODY, given={"token": "forged"}, GET=LOOK, POST={"text": "Olá"}),
    *at("r", None, "stranger administrator partner", GET=LOOK, POST={"key": "{key}"}),
    # ── redeeming ──
    *at("redeem", None, "stranger administrator partner", GET=LOOK, POST=LOOK),
    *at("redeem/resume", None, "stranger administrator partner", GET=LOOK, POST={"code": "0"}),
    *at("redeem/resume/<str:secret>", None, NOBODY, given=NO_SECRET, GET=LOOK, POST=LOOK),
    *at(
        "^redeem/(?P<rest>keys|code|purpose|organisation|confirm|receipt|leave)$",
        None,
        ALL,
        given={"rest": "keys"},
        GET=LOOK,
        POST=LOOK,
    ),
    *at(f"^redeem/{TAG}$", "draft", ALL, beside=False, GET=LOOK),
    *at(f"^redeem/{TAG}/take-over$", "draft", NOBODY, GET=LOOK, POST=LOOK),
    *at(f"^redeem/{TAG}/attest$", "draft", ALL, beside=False, GET=LOOK, POST={"attestation": "yes"}),
    *at(f"^redeem/{TAG}/keys$", "draft", ALL, beside=False, GET=LOOK, POST={"key": "{key}", "do": "next"}),
    *at(f"^redeem/{TAG}/check$", "draft", ALL, beside=False, GET=LOOK, POST={"do": "next"}),
    *at(f"^redeem/{TAG}/purpose$", "draft", ALL, beside=False, GET=LOOK, POST={"target": "open"}),
    *at(f"^redeem/{TAG}/organisation$", "draft", ALL, beside=False, GET=LOOK, POST={"name": "X"}),
    *at(f"^redeem/{TAG}/administrator$", "draft", ALL, beside=False, GET=LOOK, POST={"email": "x@y.example"}),
    *at(f"^redeem/{TAG}/partner$", "draft", ALL, beside=False, GET=LOOK, POST={"partner_of_record": "{mar}"}),
    *at(f"^redeem/{TAG}/confirm$", "draft", ALL, beside=False, GET=LOOK, POST={"fingerprint": "x"}),
    *at(f"^redeem/{TAG}/later$", "draft", ALL, beside=False, GET=LOOK, POST={"email": "x@y.example"}),
    *at(f"^redeem/{TAG}/leave$", "draft", ALL, beside=False, POST=LOOK),
    *at(f"^redeem/{TAG}/receipt$", "draft", ALL, beside=False, GET=LOOK),
    *at(f"^redeem/{TAG}/receipt{FORM}", "draft", NOBODY, given={"form": "json"}, GET=LOOK),
    # ── in and out: whoever holds a secret is whom it leads to; here nobody holds one ──
    *at("ownership/<str:secret>", None, NOBODY, given=NO_SECRET, GET=LOOK, POST={"password": "batata doce frita"}),
    *at("ownership/<str:secret>/passkey", None, NOBODY, given=NO_SECRET, POST=LOOK),
    *at("sign-in", None, ALL, GET=LOOK, POST={"name": "bruno@padariasol.example", "password": "errada"}),
    *at("sign-in/forgotten", None, ALL, GET=LOOK, POST={"name": "nobody@nowhere.example"}),
    *at("sign-in/code", None, ALL, GET=LOOK, POST={"code": "000000"}),
    *at("sign-in/code/passkey", None, ALL, POST=LOOK),
    *at("sign-in/passkey", None, ALL, POST={"credential": "{{}}"}),
    *at("sign-in/passkey/options", None, ALL, POST=LOOK),
    *at("sign-in/with/<slug:name>", None, NOBODY, given={"name": "nenhum"}, POST=LOOK),
    *at("oidc/authorize", None, ALL, query="?client_id=none", GET=LOOK, POST={"client_id": "none"}),
    *at("oidc/go/<str:handle>", None, NOBODY, given={"handle": "00"}, GET=LOOK),
    *at("oidc/logout", None, ALL, GET=LOOK, POST=LOOK),
    *at("oidc/token", None, ALL, POST={"grant_type": "authorization_code"}),
    *at("oidc/userinfo", None, NOBODY, GET=LOOK, POST=LOOK),
    *at("oidc/jwks.json", None, ALL, GET=LOOK),
    *at(".well-known/openid-configuration", None, ALL, GET=LOOK),
    *at("openid/<slug:name>", None, NOBODY, given={"name": "nenhum"}, GET=LOOK),
    *at("sign-in/<str:secret>", None, NOBODY, given=NO_SECRET, GET=LOOK, POST=LOOK),
    *at("reset/<str:secret>", None, NOBODY, given=NO_SECRET, GET=LOOK, POST={"password": "batata doce frita"}),
    *at("address/<str:secret>", None, NOBODY, given=NO_SECRET, GET=LOOK, POST=LOOK),
    *at("sign-out", None, ALL, POST=LOOK),
    *at("accounts", None, ALL, GET=LOOK, POST={"out": "nobody"}),
    *at("confirm-it-is-you", None, SIGNED_IN, GET=LOOK, POST={"by": "password", "password": "errada"}),
    *at("confirm-it-is-you/passkey", None, SIGNED_IN, POST=LOOK),
    # ── one's own account ──
    *at("settings", None, SIGNED_IN, GET=LOOK),
    *at("settings/name", None, SIGNED_IN, GET=LOOK, POST={"given_name": "Novo", "family_name": "Nome"}),
    *at("settings/language", None, SIGNED_IN, GET=LOOK, POST={"language": "en", "time_zone": "Europe/Lisbon"}),
    *at("settings/email", None, SIGNED_IN, GET=LOOK, POST={"address": "novo@nome.example"}),
    *at("settings/alternate-email", None, SIGNED_IN, GET=LOOK, POST={"address": "novo@nome.example"}),
    *at("settings/security", None, SIGNED_IN, GET=LOOK),
    *at("settings/security/password", None, SIGNED_IN, GET=LOOK, POST={"password": "batata doce frita"}),
    *at("settings/security/passkeys/new", None, SIGNED_IN, GET=LOOK, POST={"name": "x", "credential": "{{}}"}),
    *at("settings/security/passkeys/options", None, SIGNED_IN, POST=LOOK),
    *at("settings/security/passkeys/<uuid:passkey>", "passkey", SIGNED_IN, beside=False, GET=LOOK, POST={"name": "x"}),
    *at("settings/security/second-step", None, SIGNED_IN, GET=LOOK, POST={"code": "000000"}),
    *at("settings/security/second-step/picture.svg", None, NOBODY, GET=LOOK),
    *at("settings/security/recovery-codes", None, SIGNED_IN, GET=LOOK, POST=LOOK),
    *at("settings/security/providers/<slug:name>", None, NOBODY, given={"name": "nenhum"}, POST=LOOK),
    *at("settings/security/elsewhere/<uuid:testimony>", "testimony", SIGNED_IN, beside=False, GET=LOOK, POST=LOOK),
    *at("settings/security/link/<str:handle>", None, NOBODY, given={"handle": "forged"}, GET=LOOK, POST=LOOK),
    *at("settings/data", None, CUSTOMER, GET=LOOK, POST={"do": "mine"}),
    *at("settings/data/me", None, CUSTOMER, GET=LOOK, POST=LOOK),
    *at("settings/data/people/<str:person>", "person", "administrator", GET=LOOK, POST={"do": "erase"}),
    *at("settings/data/exports/<str:operation>", "data export", CUSTOMER, beside=False, GET=LOOK, POST=LOOK),
    *at(r"^erasures/(?P<erasure>era_[0-9a-f]{32})$", None, ALL, given=CERTIFICATE, GET=LOOK),
    *at(rf"^erasures/(?P<erasure>era_[0-9a-f]{{32}}){FORM}", None, ALL, given=CERTIFICATE | {"form": "jws"}, GET=LOOK),
    *at("settings/sessions", None, SIGNED_IN, GET=LOOK),
    *at("settings/sessions", "session", SIGNED_IN, beside=False, POST={"end": "{session}"}),
    # ── what one has ──
    *at("home", None, SIGNED_IN, GET=LOOK),
    *at("subscriptions/<str:subscription>", "subscription", SIGNED_IN, GET=LOOK),
    *at("subscriptions/<str:subscription>/why", "subscription", SIGNED_IN, GET=LOOK),
    *at(
        "subscriptions/<str:subscription>/block",
        "subscription",
        "partner operator",
        GET=LOOK,
        POST={"kind": "unpaid", **REASON},
    ),
    *at("subscriptions/<str:subscription>/blocks/<str:block>/lift", "block", PARTNER, refused=OPERATOR, POST=LOOK),
    *at("subscriptions/<str:subscription>.ics", "subscription", SIGNED_IN, GET=LOOK),
    *at("subscriptions/<str:subscription>.csv", "subscription", SIGNED_IN, GET=LOOK),
    *at("subscriptions/<str:subscription>/notices", "subscription", SIGNED_IN, GET=LOOK),
    *at("notices", None, SIDES, GET=LOOK),
    *at("notices/<str:notice>", "notice", SIGNED_IN, GET=LOOK),
    *at("subscriptions/<str:subscription>/renew", "subscription", SIGNED_IN, GET=LOOK, POST={"key": "{key}"}),
    *at("receipts", None, SIDES, GET=LOOK),
    *at("receipts.csv", None, SIDES, GET=LOOK),
    *at(f"^receipts/{REFERENCE}$", "redemption", SIGNED_IN, GET=LOOK),
    *at(f"^receipts/{REFERENCE}{FORM}", "redemption", SIGNED_IN, given={"form": "json"}, GET=LOOK),
    *at(f"^receipts/{REFERENCE}/reverse$", "redemption", PARTNER, GET=LOOK, POST=REASON),
    *at(
        f"^receipts/{REFERENCE}/correct$",
        "redemption",
        PARTNER,
        GET=LOOK,
        POST={"customer": "{mine}", "purpose": "open", **REASON},
    ),
    *at("customers", None, PARTNER, GET=LOOK),
    *at("customers.csv", None, PARTNER, GET=LOOK),
    *at("customers/<str:customer>", "customer", PARTNER, GET=LOOK),
    *at("renewals", None, PARTNER, GET=LOOK),
    *at("renewals.csv", None, PARTNER, GET=LOOK),
    *at("charts/renewals.csv", None, "partner operator", GET=LOOK),
    *at("charts/redemptions.csv", None, "partner operator", GET=LOOK),
    *at("stock", None, PARTNER, GET=LOOK),
    *at("history", None, SIDES, GET=LOOK),
    *at("history.csv", None, SIDES, GET=LOOK),
    *at("partner", None, CUSTOMER, GET=LOOK),
    *at("partner", None, "administrator", POST={"registration_number": "{mar}", "do": "choose"}),
    *at("partners-of-record/<uuid:proposal>", "proposal", "administrator", POST={"partner": "confirm"}),
    # ── the vendor's desk ──
    *at("desk/feedback", None, OPERATOR, GET=LOOK),
    *at("desk/policies", None, OPERATOR, GET=LOOK),
    *at("desk/policies/<str:name>", None, OPERATOR, given=STANDARD, GET=LOOK),
    *at("desk/policies/<str:name>/draft", None, OPERATOR, given=STANDARD, GET=LOOK, POST={"do": "drop"}),
    *at("desk/policies/<str:name>/what-if", None, OPERATOR, given=STANDARD, GET=LOOK),
    *at("desk/policies/<str:name>/what-if.csv", None, OPERATOR, given=STANDARD, GET=LOOK),
    *at("desk/policies/<str:name>/publish", None, OPERATOR, given=STANDARD, POST=LOOK),
    *at("desk/policies/<str:name>/follow", None, OPERATOR, given={"name": "escolas"}, POST=LOOK),
    *at(
        "desk/policies/<str:name>/follow/<str:adoption>",
        "adoption",
        OPERATOR,
        given={"name": "escolas"},
        POST={"do": "withdraw"},
    ),
    *at("desk/blocks", None, OPERATOR, GET=LOOK),
    *at("desk/products", None, OPERATOR, GET=LOOK),
    *at("desk/new-product", None, OPERATOR, GET=LOOK, POST={"code": "novo"}),
    *at("desk/products/<str:code>", "product", OPERATOR, GET=LOOK),
    *at("desk/products/<str:code>/version", "product", OPERATOR, GET=LOOK, POST={"do": "check"}),
    *at("desk/products/<str:code>/retire", "product", OPERATOR, POST=LOOK),
    *at("desk/products/<str:code>/restore", "product", OPERATOR, POST=LOOK),
    *at("desk/batches", None, OPERATOR, GET=LOOK),
    *at("desk/batches/new", None, OPERATOR, GET=LOOK, POST={"product": "office-basic", "count": "3", "do": "check"}),
    *at("desk/batches/<int:number>", "batch", OPERATOR, GET=LOOK),
    *at("desk/batches/<int:number>/approve", "batch", OPERATOR, POST=LOOK),
    *at("desk/batches/<int:number>/export", "batch", OPERATOR, GET=LOOK, POST=LOOK),
    *at("desk/batches/<int:number>/release", "batch", OPERATOR, GET=LOOK, POST={"which": "all", "do": "release"}),
    *at("desk/batches/<int:number>/recall", "batch", OPERATOR, GET=LOOK, POST={**REASON, "do": "recall"}),
    *at("desk/batches/<int:number>/drop-recall", "batch", OPERATOR, POST=LOOK),
    *at("desk/operations/<str:operation>", "mint", OPERATOR, GET=LOOK),
    *at("desk/operations/<str:operation>/progress", "mint", OPERATOR, GET=LOOK),
    *at("desk/operations/<str:operation>/cancel", "mint", OPERATOR, POST=LOOK),
    *at("desk/keys/replace", None, OPERATOR, query="?serial=none", GET=LOOK),
    *at("desk/keys/<str:serial>", "key", OPERATOR, GET=LOOK),
    *at("desk/keys/<str:serial>/revoke", "key", OPERATOR, GET=LOOK, POST={"reason": "lost"}),
    *at("desk/keys/<str:serial>/replace", "key", OPERATOR, GET=LOOK, POST={"lock": "passphrase", "passphrase": "x"}),
    *at("desk/search", None, OPERATOR, GET=LOOK, POST={"q": "Padaria"}),
    *at("desk/redemptions", None, OPERATOR, GET=LOOK),
    *at("desk/redemptions.csv", None, OPERATOR, GET=LOOK),
    *at(f"^desk/redemptions/{REFERENCE}$", "redemption", OPERATOR, GET=LOOK),
    *at(f"^desk/redemptions/{REFERENCE}/reverse$", "redemption", OPERATOR, GET=LOOK, POST=REASON),
    *at(
        f"^desk/redemptions/{REFERENCE}/correct$",
        "redemption",
        OPERATOR,
        GET=LOOK,
        POST={"customer": "{talho}", "purpose": "open", **REASON},
    ),
    *at("desk/corrections", None, OPERATOR, GET=LOOK),
    *at("desk/corrections/<str:correction>", "correction", OPERATOR, GET=LOOK),
    *at("desk/corrections/<str:correction>/settle", "correction", OPERATOR, POST={"do": "decline", **REASON}),
    *at("desk/erasures", None, OPERATOR, GET=LOOK),
    *at("desk/erasures/allow", None, OPERATOR, POST={"day": "2026-11-22"}),
    *at(
        "desk/erasures/<str:subscription>",
        "subscription",
        OPERATOR,
        GET=LOOK,
        POST={"do": "record", "text": "Carta registada", "told_on": "2026-11-01"},
    ),
    *at("desk/renewals", None, OPERATOR, GET=LOOK),
    *at("desk/renewals.csv", None, OPERATOR, GET=LOOK),
    *at("desk/customers", None, OPERATOR, GET=LOOK),
    *at("desk/customers/<str:customer>", "customer", OPERATOR, GET=LOOK),
    *at("desk/customers/<str:customer>/people/<str:person>/send", "person", OPERATOR, POST=LOOK),
    *at("desk/notices", None, OPERATOR, GET=LOOK),
    *at("desk/notices.csv", None, OPERATOR, GET=LOOK),
    *at("desk/partners", None, OPERATOR, GET=LOOK),
    *at("desk/partners/add", None, OPERATOR, GET=LOOK, POST={"kind": "reseller", "name": "Rio", "country": "PT"}),
    *at("desk/partners/<str:partner>", "partner", OPERATOR, GET=LOOK),
    *at("desk/partners/<str:partner>/people/add", "partner", OPERATOR, GET=LOOK, POST=PERSON),
    *at("desk/partners/<str:partner>/people/<str:account>/send", "member", OPERATOR, POST=LOOK),
    *at("desk/operators", None, OPERATOR, GET=LOOK),
    *at("desk/operators/add", None, OPERATOR, GET=LOOK, POST=PERSON),
    *at("desk/operators/<str:account>/close", "colleague", OPERATOR, GET=LOOK, POST=LOOK),
    *at("desk/journal", None, OPERATOR, GET=LOOK),
    *at(r"^desk/journal\.(?P<form>csv|jsonl)$", None, OPERATOR, given={"form": "csv"}, GET=LOOK),
    *at("desk/journal/checkpoint", None, OPERATOR, GET=LOOK, POST={"checkpoint": "x"}),
    *at("desk/journal/<int:number>", "entry", OPERATOR, GET=LOOK),
    *at("desk/journal/<int:number>.json", "entry", OPERATOR, GET=LOOK),
    *at("desk/state", None, OPERATOR, GET=LOOK),
    # ── test clocks: the same pages on either side ──
    *(
        row
        for base, who in (("clocks", PARTNER), ("desk/clocks", OPERATOR))
        for row in (
            *at(base, None, who, GET=LOOK, POST={"name": "Ensaio", "day": "2027-01-01"}),
            *at(f"{base}/<str:clock>", "clock", who, GET=LOOK),
            *at(f"{base}/<str:clock>/move", "clock", who, POST={"days": "3", "day": ""}),
            *at(f"{base}/<str:clock>/customers", "clock", who, POST={"customer": "{mine}"}),
            *at(f"{base}/<str:clock>/end", "clock", who, POST=LOOK),
            *at(f"{base}/<str:clock>/progress", "clock", who, GET=LOOK),
        )
    ),
    # ── the demo's letters: not in an installation that is none ──
    *at("demo/mail", None, NOBODY, GET=LOOK),
    *at("demo/parts", None, NOBODY, GET=LOOK),
    *at("demo/service", None, NOBODY, GET=LOOK),
    *at("demo/mail/<str:name>", None, NOBODY, given={"name": "1"}, GET=LOOK),
    *at("demo/mail/<str:name>/html", None, NOBODY, given={"name": "1"}, GET=LOOK),
    *at("demo/mail/<str:name>/<int:place>", None, NOBODY, given={"name": "1", "place": "0"}, GET=LOOK),
]
