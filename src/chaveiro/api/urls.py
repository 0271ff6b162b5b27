"""Every address below /api/v1/, each in its frame; what is none of them is a problem document too."""

from __future__ import annotations

from django.urls import path, re_path

from chaveiro.api import documentation, frame
from chaveiro.api.app import api

calls, _, _ = api.urls
for pattern in calls:
    pattern.callback = frame.framed(pattern.callback)

urlpatterns = [
    path("openapi.json", frame.framed(documentation.description)),
    path("docs", frame.framed(documentation.pages)),
    *(pattern for pattern in calls if pattern.name != "api-root"),
    re_path(r"^(?P<rest>.*)$", frame.framed(frame.not_found)),
]
