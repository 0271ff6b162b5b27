"""Every route of the running URL configuration with every method that it allows, as the table names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from chaveiro.api.app import api

# What the framework derives from GET by itself: the same answer without its body.
DERIVED = {"HEAD"}
CATCH_ALL = "api/v1/^(?P<rest>.*)$"


def routes(resolver: URLResolver | None = None) -> set[tuple[str, str]]:
    """Route and method of everything that the installation answers."""
    of_api = _of_api()
    found: set[tuple[str, str]] = set()
    for route, view in _views(resolver or get_resolver(), ""):
        methods = of_api.get(route) or _allowed_by(view) or {"GET"}
        found |= {(route, method) for method in methods - DERIVED}
    return found


def _views(resolver: URLResolver, before: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from _views(each, before + str(each.pattern))
        else:
            assert isinstance(each, URLPattern)
            assert each.callback is not None
            yield before + str(each.pattern), each.callback


def _allowed_by(view: Callable[..., Any]) -> set[str]:
    """The methods that one of the framework's decorators around a view lets through; none where there is none."""
    waiting: list[Any] = [view]
    while waiting:
        function = waiting.pop()
        code = getattr(function, "__code__", None)
        for name, cell in zip(
            code.co_freevars if code else (), getattr(function, "__closure__", None) or (), strict=True
        ):
            if name == "request_method_list":
                return set(cell.cell_contents)
            if callable(cell.cell_contents):
                waiting.append(cell.cell_contents)
    return set()


def _of_api() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            route = f"api/v1{prefix}{path}".replace("{", "<").replace("}", ">")
            found.setdefault(route, set()).update(*(operation.methods for operation in view.operations))
    return found
