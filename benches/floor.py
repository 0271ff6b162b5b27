"""The floor of `benches.entitlements`: a bare view, raw SQL, the same row, on the same server, with the same settings.

No authentication, no isolation, no decision: one statement over the same tables, and its row as JSON.
"""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

# In a function that keeps its plan: to plan a join of eight tables anew costs more than to ask it.
FLOOR = """
CREATE FUNCTION bench_floor(address text) RETURNS TABLE (person text, email text, customer text, name text,
    product text, subscription text, ends_on text, erased_on text, policy text, licence text)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $body$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT p.id::text, a.email, c.id::text, c.name, pr.code::text, s.id::text, s.ends_on::text,
        s.erased_on::text, po.numbers::text, l.id::text
    FROM identity_account a JOIN customers_person p ON p.account_id = a.id
        JOIN customers_customer c ON c.id = p.customer_id JOIN subscriptions_subscription s ON s.customer_id = c.id
        JOIN catalog_product pr ON pr.id = s.product_id JOIN catalog_policy po ON po.id = s.policy_id
        LEFT JOIN licences_licence l ON l.person_id = p.id AND l.product_id = s.product_id AND l.ended_at IS NULL
            AND l.subscription_id = s.id
    WHERE lower(a.email) = lower(address) AND a.closed_at IS NULL AND p.deleted_at IS NULL;
END $body$
"""
SQL = "SELECT * FROM bench_floor(%s)"
NAMES = ("person", "email", "customer", "name", "product", "subscription", "ends_on", "erased_on", "policy", "licence")


def bare(request: HttpRequest) -> JsonResponse:
    """The row."""
    connection.ensure_connection()
    row = connection.connection.execute(SQL, (request.GET["email"],), prepare=True).fetchone()
    return JsonResponse(dict(zip(NAMES, row, strict=True)))


urlpatterns = [path("bare", bare), path("", include("chaveiro.config.urls"))]
