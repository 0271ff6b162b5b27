"""The part of the matrix below `/api/v1/`: each role with its own token, with every scope that its side can have."""

from __future__ import annotations

from tests.isolation.table import ALL, LOOK, NOBODY, OPERATOR, PARTNER, REASON, Row, at

HOLDERS = "administrator partner operator"
DRAFTERS = "administrator partner"  # who may not redeem holds no keys
OPENING = {
    "purpose": "open",
    "keys": ["{key}"],
    "customer": {"name": "Nova, Lda.", "country": "PT", "language": "pt-PT", "domain_prefix": "novalda"},
    "administrator": {"given_name": "N", "family_name": "N", "email": "n@nova.example"},
    "attestation": True,
}
ORDER = {"product": "office-basic", "seats": 5, "months": 12, "count": 3, "passphrase": "broa de milho e manteiga"}

TABLE_OF_API: list[Row] = [
    *at("api/v1/openapi.json", None, ALL, GET=LOOK),
    *at("api/v1/docs", None, ALL, GET=LOOK),
    *at("api/v1/^(?P<rest>.*)$", None, NOBODY, given={"rest": "nothing/here"}, GET=LOOK),
    *at("api/v1/key-checks", None, "administrator user partner operator", POST={"keys": ["{key}"]}),
    *at("api/v1/keys/<serial>", "key", OPERATOR, GET=LOOK),
    *at("api/v1/keys/<serial>/revoke", "key", OPERATOR, POST=LOOK),
    *at("api/v1/keys/<serial>/replace", "key", OPERATOR, POST={"passphrase": "broa de milho e manteiga"}),
    *at("api/v1/redemptions/drafts", None, DRAFTERS, POST=LOOK),
    *at("api/v1/redemptions/drafts/<draft>", "api draft", DRAFTERS, beside=False, GET=LOOK, DELETE=LOOK),
    *at("api/v1/redemptions/drafts/<draft>/keys", "api draft", DRAFTERS, beside=False, PUT={"keys": ["{key}"]}),
    *at("api/v1/redemptions", None, HOLDERS, GET=LOOK),
    *at("api/v1/redemptions", None, PARTNER, POST=OPENING),
    *at("api/v1/redemptions/<redemption>", "redemption", HOLDERS, GET=LOOK),
    *at("api/v1/redemptions/<redemption>/receipt", "redemption", HOLDERS, GET=LOOK),
    *at(
        "api/v1/redemptions/<redemption>/reverse",
        "redemption",
        "partner operator",
        refused="administrator",
        POST=REASON,
    ),
    *at(
        "api/v1/redemptions/<redemption>/correct",
        "redemption",
        "partner operator",
        POST={"customer": "{mine}", **REASON},
    ),
    *at("api/v1/corrections", None, HOLDERS, GET=LOOK),
    *at("api/v1/corrections/<correction>/approve", "correction", OPERATOR, refused=PARTNER, POST=LOOK),
    *at("api/v1/corrections/<correction>/decline", "correction", OPERATOR, POST=REASON),
    *at("api/v1/subscriptions", None, HOLDERS, GET=LOOK),
    *at("api/v1/subscriptions/<subscription>", "subscription", HOLDERS, GET=LOOK),
    *at("api/v1/subscriptions/<subscription>/ledger", "subscription", HOLDERS, GET=LOOK),
    *at(
        "api/v1/subscriptions/<subscription>/partner-of-record",
        "subscription",
        "administrator",
        PUT={"registration_number": "{mar}"},
    ),
    *at("api/v1/batches", None, OPERATOR, GET=LOOK, POST=ORDER),
    *at("api/v1/batches/<batch>", "batch", OPERATOR, GET=LOOK),
    *at("api/v1/batches/<batch>/export", "batch", OPERATOR, GET=LOOK),
    *at("api/v1/batches/<batch>/approve", "batch", OPERATOR, POST=LOOK),
    *at("api/v1/batches/<batch>/release", "batch", OPERATOR, POST=LOOK),
    *at("api/v1/batches/<batch>/recall", "batch", OPERATOR, POST=REASON),
    *at("api/v1/operations/<operation>", "operation", "administrator user partner operator", beside=False, GET=LOOK),
    *at("api/v1/journal", None, HOLDERS, GET=LOOK),
    *at("api/v1/journal/proof/<entry>", "entry", HOLDERS, GET=LOOK),
]
