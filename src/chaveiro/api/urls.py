"""Every address below /api/v1/, each in its frame; what is none of them is a problem document too."""

from __future__ import annotations

from typing import cast

from django.urls import URLPattern, path, re_path

from chaveiro.api import documentation
from chaveiro.api.app import api
from chaveiro.api.frame import framed, not_found


def _calls() -> list[URLPattern]:
    found = [cast(URLPattern, pattern) for pattern in api.urls[0]]
    for pattern in found:
        assert pattern.callback is not None
        pattern.callback = framed(pattern.callback)
    return [pattern for pattern in found if pattern.name != "api-root"]


urlpatterns = [
    path("openapi.json", framed(documentation.description)),
    path("docs", framed(documentation.pages)),
    *_calls(),
    re_path(r"^(?P<rest>.*)$", framed(not_found)),
]
