"""What the desk looks for is found by an index, however many there are: the plans of the keeper's own statements."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.cast import build_world

pytestmark = pytest.mark.django_db

MANY = 20_000
CUSTOMERS = f"""
INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at, is_test,
    contact_email)
SELECT gen_random_uuid(), 'Padaria ' || n, 'PT', 'T' || n, 'pt-pt', 'Europe/Lisbon', 'prefix' || n, now(), false, ''
FROM generate_series(1, {MANY}) AS n;
INSERT INTO identity_account (id, password, login_name, kind, customer_id, email, alternate_email, given_name,
    family_name, language, time_zone, created_at)
SELECT gen_random_uuid(), '!', 'name' || domain_prefix, 'customer', id, domain_prefix || '@a.example',
    domain_prefix || '@b.example', 'A', 'B', 'pt-pt', 'UTC', now() FROM customers_customer;
ANALYZE customers_customer; ANALYZE identity_account;
"""
KEYS = f"""
INSERT INTO keys_batch (id, number, product_version_id, seats, months, quantity, minted, first_number, countries,
    holder_id, kind, created_at, approved_at, minted_at, released_at, wholly_released)
SELECT gen_random_uuid(), 1, (SELECT min(id) FROM catalog_productversion), 5, 12, {MANY}, {MANY}, 1, '{{}}',
    (SELECT min(id::text)::uuid FROM channel_organisation), 'bearer', now(), now(), now(), now(), true;
INSERT INTO keys_key (number, batch_id, state, digest, pepper, last_five)
SELECT n, (SELECT id FROM keys_batch), CASE WHEN n % 100 = 0 THEN 'revoked' ELSE 'released' END,
    sha256(n::text::bytea), 1, upper(substr(md5(n::text), 1, 5)) FROM generate_series(1, {MANY}) AS n;
ANALYZE keys_key;
"""

LOOKS = {
    "customer_by_words": "SELECT id FROM customers_customer WHERE closing_words(name || ' ' || domain_prefix)"
    " @@ closing_asked('padaria 77')",
    "account_by_email": "SELECT customer_id FROM identity_account WHERE lower(email) = lower('prefix7@a.example')",
    "account_by_alternate_email": "SELECT customer_id FROM identity_account WHERE alternate_email <> ''"
    " AND lower(alternate_email) = lower('prefix7@b.example')",
    "customer_by_tax_number": "SELECT id FROM customers_customer c WHERE NOT c.tax_number = '' AND c.closed_at IS NULL"
    " AND customers_tax_number_form(c.country, c.tax_number) = ANY (ARRAY(SELECT customers_tax_number_form(one, 'T7')"
    " FROM unnest(ARRAY['PT', 'ES']) AS one))",
    "keys_key_digest": "SELECT number FROM keys_key WHERE digest = sha256('7'::bytea)",
    "key_by_last_five": "SELECT number FROM keys_key WHERE last_five = 'AAAAA' ORDER BY number DESC LIMIT 20",
}


def plan(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


def test_every_look_of_the_search_goes_by_its_index() -> None:
    build_world()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(CUSTOMERS)
        cursor.execute(KEYS)
        cursor.execute("SET LOCAL session_replication_role = origin")
    for index, statement in LOOKS.items():
        told = plan(statement)
        assert "Seq Scan on" not in told, told
        assert index.removeprefix("keys_key_") in told, told


def test_a_look_without_its_index_reads_everything() -> None:
    build_world()
    with connection.cursor() as cursor:
        cursor.execute(CUSTOMERS)
        cursor.execute("DROP INDEX customer_by_words")
    assert "Seq Scan on customers_customer" in plan(LOOKS["customer_by_words"])
