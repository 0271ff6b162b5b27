"""The API's description of itself: OpenAPI 3.1, and the same as one readable page without anything from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import Context, Engine
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from chaveiro.api.app import ROOT, api
from chaveiro.api.problems import MEDIA_TYPE, status_of
from chaveiro.rules.errors import Refusal
from chaveiro.rules.verdicts import Fault, KeyRefused, Refusals

TEMPLATES = Engine(dirs=[str(Path(__file__).parent / "templates")], autoescape=True)
FAILURES = {
    400: "The request cannot be read, or its Idempotency-Key is missing.",
    401: "No token that is good came with the request.",
    403: "The token, or a role of its account, does not reach so far.",
    404: "Nothing of that name is within reach; foreign and absent answer alike.",
    409: "Somebody was faster, the sum changed, or the same request still runs. Nothing was done.",
    413: "The body is larger than a request may be (1 MiB).",
    415: "The body is not JSON.",
    422: "Refused by a rule; every fault is told at once.",
    429: "This token asked too often; `Retry-After` says how long to wait.",
    500: "Something failed that should not.",
    503: "Out of reach for the moment; ask again.",
}
NOT_TOLD = (Refusal, KeyRefused, Fault, Refusals)


@lru_cache(maxsize=1)
def described() -> dict[str, Any]:
    """The description, made once for each process."""
    document: dict[str, Any] = dict(api.get_openapi_schema(path_prefix=ROOT))
    document["servers"] = [{"url": settings.BASE_URL}]
    document["components"]["securitySchemes"]["BearerToken"]["bearerFormat"] = "chv_…"
    for _, _, call in calls(document):
        call["responses"] = {str(status): _failure(int(status), said) for status, said in call["responses"].items()}
    return document


def _failure(status: int, said: dict[str, Any]) -> dict[str, Any]:
    if status < 400:
        return said
    return {"description": FAILURES[status], "content": {MEDIA_TYPE: said["content"]["application/json"]}}


def calls(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of every call."""
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            yield path, method.upper(), call


@require_safe
def description(request: HttpRequest) -> JsonResponse:
    """`/api/v1/openapi.json`."""
    del request
    return JsonResponse(described())


@dataclass(frozen=True, slots=True)
class Named:
    """One field or parameter as the page shows it."""

    name: str
    kind: str
    where: str
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the page shows it."""

    anchor: str
    method: str
    path: str
    meaning: str
    parameters: list[Named]
    body: list[Named]
    answers: list[tuple[str, str, list[Named]]]


@dataclass(frozen=True, slots=True)
class Code:
    """One code of a refusal."""

    code: str
    status: int
    meaning: str


@require_safe
def pages(request: HttpRequest) -> HttpResponse:
    """`/api/v1/docs`."""
    del request
    document = described()
    context = {
        "info": document["info"],
        "paragraphs": document["info"]["description"].split("\n\n"),
        "calls": [_call(path, method, call, document) for path, method, call in calls(document)],
        "codes": codes(),
        "sheet": static("chaveiro/sheet.css"),
        "specification": f"{ROOT}openapi.json",
    }
    return HttpResponse(TEMPLATES.get_template("docs.html").render(Context(context)))


def _call(path: str, method: str, call: Mapping[str, Any], document: Mapping[str, Any]) -> Call:
    sent = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return Call(
        anchor=call["operationId"],
        method=method,
        path=path,
        meaning=call.get("description", ""),
        parameters=[
            Named(one["name"], _kind(one["schema"]), one["in"], one["required"], one.get("description", ""))
            for one in call["parameters"]
        ],
        body=_fields(sent, document),
        answers=[
            (status, answer["description"], [] if int(status) >= 400 else _answered(answer, document))
            for status, answer in call["responses"].items()
        ],
    )


def _answered(answer: Mapping[str, Any], document: Mapping[str, Any]) -> list[Named]:
    schemas = [one["schema"] for one in answer.get("content", {}).values()]
    return _fields(schemas[0], document) if schemas else []


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Named]:
    schema = _followed(schema, document)
    needed = schema.get("required", [])
    return [
        Named(name, _kind(one), "", name in needed, one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def _followed(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(_kind(one) for one in schema[several]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    return str(schema.get("format") or schema.get("const") or schema.get("type", "any"))


def codes() -> list[Code]:
    """Every code that a refusal can have, with what it means for a developer."""
    found = {kind.code: Code(kind.code, int(status_of(kind.__new__(kind))), kind.summary()) for kind in _kinds(Refusal)}
    return [found[code] for code in sorted(found)]


def _kinds(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for one in kind.__subclasses__():
        if one not in NOT_TOLD:
            yield one
        yield from _kinds(one)
