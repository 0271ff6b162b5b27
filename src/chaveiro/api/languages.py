"""The language of an answer: the first of Accept-Language that we have, else the account's, else the house's."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

_OURS = {"pt": "pt-pt", "en": "en"}
_TAGS = {"pt-pt": "pt-PT", "en": "en"}


def language_of(request: HttpRequest) -> str:
    """`pt-pt` or `en`. Any Portuguese and any English will do."""
    for asked, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if asked.partition("-")[0] in _OURS:
            return _OURS[asked.partition("-")[0]]
    asker = getattr(request, "auth", None)
    return asker.language if asker is not None else settings.LANGUAGE_CODE


def tag_of(request: HttpRequest) -> str:
    """The language as the Content-Language header names it."""
    return _TAGS[language_of(request)]
