"""Every address that the installation answers, in one list."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from chaveiro.api import signatures
from chaveiro.web import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("api/v1/", include("chaveiro.api.urls")),
    path(".well-known/jwks.json", signatures.published_keys),
    path("", include("chaveiro.web.urls")),
]

handler400 = "chaveiro.web.problems.bad_request"
handler403 = "chaveiro.web.problems.forbidden"
handler404 = "chaveiro.web.problems.not_found"
handler500 = "chaveiro.web.problems.server_error"
