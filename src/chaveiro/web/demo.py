"""The demonstration's mail: what would have been posted, to be read here. Under the demo flag only."""

from __future__ import annotations

import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from chaveiro.web.pages import page

NAME = re.compile(r"[A-Za-z0-9_.-]{1,120}\.eml")
LISTED_AT_MOST = 200
LETTER_BYTES_AT_MOST = 1024 * 1024
LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter of the demonstration."""

    name: str
    subject: str
    to: str
    date: str
    parts: tuple[tuple[str, str], ...] = ()  # text and whether it is a link of ours, in order


@require_safe
def letters(request: HttpRequest) -> HttpResponse:
    """The letters, the newest first."""
    files = sorted(_folder().glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    return page(request, "demo/letters.html", {"letters": [_read(file) for file in files[:LISTED_AT_MOST]]})


@require_safe
def letter(request: HttpRequest, name: str) -> HttpResponse:
    """One letter, as plain text with its links to follow."""
    file = _folder() / name
    if not NAME.fullmatch(name) or not file.is_file():
        raise Http404
    return page(request, "demo/letter.html", {"letter": _read(file)})


def _folder() -> Path:
    if not settings.DEMO:
        raise Http404
    return Path(settings.DATA_FOLDER) / "mail"


def _read(file: Path) -> Letter:
    with file.open("rb") as stream:
        raw = stream.read(LETTER_BYTES_AT_MOST)
    message = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(raw)
    body = message.get_body(preferencelist=("plain", "html"))
    text = "" if body is None else str(body.get_content())
    return Letter(
        file.name, str(message["Subject"] or ""), str(message["To"] or ""), str(message["Date"] or ""), _parts(text)
    )


def _parts(text: str) -> tuple[tuple[str, str], ...]:
    """The text cut at its links: text and, where it is a link to this installation, its address."""
    parts, done = [], 0
    for match in LINK.finditer(text):
        parts.append((text[done : match.start()], ""))
        ours = match[0].startswith(f"{settings.BASE_URL}/")
        parts.append((match[0], match[0].removeprefix(settings.BASE_URL) if ours else ""))
        done = match.end()
    return (*parts, (text[done:], ""))
