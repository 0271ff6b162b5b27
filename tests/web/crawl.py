"""Follows every link of the pages from where somebody begins, one sample or a few for each address of the list.

What a person can reach is found by reaching it: a page that nobody links to is told as such, a link that leads nowhere
is a fault. Forms are not sent; their journeys have tests of their own.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

ACCOUNT = re.compile(r"^/a/[0-9a-f]+(?=/|$)")
SAMPLES = 2
PAGES_AT_MOST = 400
NOT_PAGES = ("/static/", "/api/", "/livez", "/readyz", "/metrics", "/.well-known/")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request brought: the status, where it led (for a redirect), the text of a page."""

    status: int
    location: str = ""
    html: str = ""


@dataclass(slots=True)
class Found:
    """What a crawl saw: the address of each sample by route, in the order they were found, and dead links."""

    pages: dict[str, list[str]] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        if tag == "a" and facts.get("href"):
            self.found.append(facts["href"] or "")


def links_of(html: str, page: str) -> list[str]:
    """The addresses of this installation that a page links to, without fragments, absolute below its root."""
    parser = _Links()
    parser.feed(html)
    found = [urljoin(page, urldefrag(link)[0]) for link in parser.found]
    return [link for link in found if not urlsplit(link).netloc and link.startswith("/")]


def route_of(address: str) -> str | None:
    """The route of an address as the list of addresses writes it, None where there is none."""
    path = ACCOUNT.sub("", urlsplit(address).path) or "/"
    try:
        return resolve(path).route
    except Resolver404:
        return None


def crawl(ask: Callable[[str], Answer], starts: Iterable[str], samples: int = SAMPLES) -> Found:
    """Every page that can be reached from `starts` by links, at most `samples` of each route."""
    found, waiting, seen, count = Found(), deque(starts), set(starts), Counter[str]()
    while waiting and sum(count.values()) < PAGES_AT_MOST:
        address = waiting.popleft()
        route = route_of(address)
        if address.startswith(NOT_PAGES) or (route is not None and count[route] >= samples):
            continue
        answer = ask(address)
        if route is None or answer.status >= 400:
            found.dead.append(f"{address}: {answer.status}")
            continue
        count[route] += 1
        if answer.status < 300:
            found.pages.setdefault(route, []).append(address)
        further = links_of(answer.html, address)
        further += [urljoin(address, answer.location)] if answer.location else []
        for link in further:
            if link not in seen:
                seen.add(link)
                waiting.append(link)
    return found


def routes(under: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """Every route of the running list of addresses."""
    for each in (under or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            yield from routes(each, before + str(each.pattern))
        elif isinstance(each, URLPattern):
            yield before + str(each.pattern)
