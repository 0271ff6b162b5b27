"""What stands around every call: its number, its size and kind, its headers, and a problem for whatever goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from chaveiro.api import languages, problems, refusals
from chaveiro.rules.errors import Malformed
from chaveiro.rules.verdicts import Fault

View = Callable[..., HttpResponseBase]

SAFE = {"GET", "HEAD", "OPTIONS"}
WRITE_OPTIONS = {"validate_only"}
# PostgreSQL's texts hold neither; nobody means them.
UNTOLD = re.compile("[\x00\ud800-\udfff]")


class StrictParser(Parser):
    """JSON as RFC 8259 has it, and no text that the database could not hold."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body. Raises BadRequest."""
        try:
            parsed = json.loads(request.body.decode(), parse_constant=_no_constant, object_pairs_hook=_each_once)
        except (ValueError, RecursionError) as fault:
            raise refusals.BadRequest(reason="the body is not JSON") from fault
        _refuse_untold(parsed)
        return parsed

    def parse_querydict(self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest) -> Any:
        """The query. Raises BadRequest."""
        parsed = super().parse_querydict(data, list_fields, request)
        _refuse_untold(parsed)
        return parsed


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands there twice")
    return found


def _refuse_untold(value: Any) -> None:
    match value:
        case str():
            if UNTOLD.search(value):
                raise refusals.BadRequest(reason="a text holds NUL or half a character")
        case dict():
            for name, part in value.items():
                _refuse_untold(name)
                _refuse_untold(part)
        case list():
            for part in value:
                _refuse_untold(part)


def framed(view: View) -> View:
    """The view, with everything around it. Whatever it raises becomes a problem document."""

    @wraps(view)
    def inside(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            _admit(request)
            response = view(request, *args, **kwargs)
        except Exception as fault:
            response = problems.answer_to(request, fault)
        if response.status_code == 405:
            allowed = response.get("Allow", "")
            response = problems.response_of(request, refusals.MethodNotAllowed())
            response["Allow"] = allowed
        return _dressed(request, response)

    # Tokens come in a header that no other site can set; there is no cookie to forge a request with.
    inside.csrf_exempt = True  # type: ignore[attr-defined]
    return inside


def _admit(request: HttpRequest) -> None:
    """Pass, or raise RequestDataTooBig, UnsupportedMediaType, or Malformed for an option that a write does not have.

    An unknown option of a write is refused: whoever misspells `validate_only` must not find the act done.
    """
    if request.method in SAFE:
        return
    # The framework reads no more than its setting allows, and says so in a fault of its own.
    if request.body and request.content_type != "application/json":
        raise refusals.UnsupportedMediaType(wanted="application/json")
    _refuse_options(request.GET)


def _refuse_options(sent: QueryDict) -> None:
    for name in sent:
        if name not in WRITE_OPTIONS:
            raise Fault(f"/query/{problems.escaped(name)}", Malformed(field="query", reason="there is no such option"))


def _dressed(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    response["X-Request-Id"] = problems.request_id(request)
    response.headers.setdefault("Cache-Control", "no-store")
    response["Content-Language"] = languages.tag_of(request)
    patch_vary_headers(response, ("Accept-Language", "Authorization"))
    return response


def not_found(request: HttpRequest, **_path: str) -> HttpResponseBase:
    """Whatever no call answers."""
    del request
    raise problems.no_such_address()
