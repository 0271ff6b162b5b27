"""The demonstration's mail: what would have been posted, to be read here. Under the demo flag only."""

from __future__ import annotations

import email.policy
import json
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from csp.constants import NONE, SELF
from csp.decorators import csp, csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from chaveiro.web.pages import page

NAME = re.compile(r"[A-Za-z0-9_.-]{1,120}\.eml")
LISTED_AT_MOST = 200
LETTER_BYTES_AT_MOST = 1024 * 1024
LINK = re.compile(r"https?://[^\s<>\"]+")
# What a letter's HTML may do in its frame: nothing but have its own style and be left by a link.
FRAME = {
    "default-src": [NONE],
    "style-src": ["'unsafe-inline'"],
    "script-src": [NONE],
    "frame-ancestors": [SELF],
    "base-uri": [SELF],
}


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes with a letter, by its place in it."""

    place: int
    name: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter of the demonstration."""

    name: str
    subject: str
    to: str
    written_at: datetime | None
    language: str
    parts: tuple[tuple[str, str], ...] = ()  # text and whether it is a link of ours, in order
    headers: tuple[tuple[str, str], ...] = ()
    files: tuple[File, ...] = ()


def service_file() -> Path:
    """Where a demonstration's sample service has its address from; there is none in any other installation."""
    return Path(settings.DATA_FOLDER) / "sample-service.json"


@require_safe
def service(request: HttpRequest) -> HttpResponse:
    """On to the demonstration's sample service."""
    del request
    try:
        address = str(json.loads(service_file().read_text(encoding="utf-8"))["address"]) if settings.DEMO else ""
    except (OSError, ValueError, KeyError):
        address = ""
    if not address:
        raise Http404
    return HttpResponseRedirect(address)


@require_safe
def letters(request: HttpRequest) -> HttpResponse:
    """The letters, the newest first; `to` finds those to one address."""
    files = sorted(_folder().glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    found = [_letter(file.name, _message(file)) for file in files[:LISTED_AT_MOST]]
    to = request.GET.get("to", "").strip()[:254]
    chosen = [each for each in found if to.lower() in each.to.lower()]
    return page(request, "demo/letters.html", {"letters": chosen, "to": to})


@require_safe
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type] # its types know no view with arguments
def letter(request: HttpRequest, name: str) -> HttpResponse:
    """One letter: its text with links to follow, its HTML in a frame of its own, its headers and its files."""
    return page(request, "demo/letter.html", {"letter": _letter(name, _message(_file(name)))})


@require_safe
@xframe_options_sameorigin
@csp(FRAME)  # type: ignore[arg-type]
def letter_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML of a letter as a mail program would show it; its links leave the frame."""
    del request
    body = _message(_file(name)).get_body(preferencelist=("html",))
    if body is None:
        raise Http404
    response = HttpResponse(str(body.get_content()).replace("<head>", '<head><base target="_top">', 1))
    response["Cache-Control"] = "no-store"
    return response


@require_safe
def letter_file(request: HttpRequest, name: str, place: int) -> HttpResponse:
    """A file that goes with a letter, to be downloaded."""
    del request
    files = list(_message(_file(name)).iter_attachments())
    if place >= len(files):
        raise Http404
    response = HttpResponse(files[place].get_payload(decode=True), content_type=files[place].get_content_type())
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", files[place].get_filename() or "file")
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    response["Cache-Control"] = "no-store"
    return response


def _folder() -> Path:
    if not settings.DEMO:
        raise Http404
    return Path(settings.DATA_FOLDER) / "mail"


def _file(name: str) -> Path:
    file = _folder() / name
    if not NAME.fullmatch(name) or not file.is_file():
        raise Http404
    return file


def _message(file: Path) -> EmailMessage:
    with file.open("rb") as stream:
        raw = stream.read(LETTER_BYTES_AT_MOST)
    return BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(raw)


def _letter(name: str, message: EmailMessage) -> Letter:
    body = message.get_body(preferencelist=("plain", "html"))
    text = "" if body is None else str(body.get_content())
    files = enumerate(message.iter_attachments())
    return Letter(
        name=name,
        subject=str(message["Subject"] or ""),
        to=str(message["To"] or ""),
        written_at=_when(str(message["Date"] or "")),
        language=str(message["Content-Language"] or ""),
        parts=_parts(text),
        headers=tuple((header, str(value)) for header, value in message.items()),
        files=tuple(
            File(place, each.get_filename() or "", each.get_content_type(), len(each.get_payload(decode=True)))
            for place, each in files
        ),
    )


def _when(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date)
    except ValueError:
        return None


def _parts(text: str) -> tuple[tuple[str, str], ...]:
    """The text cut at its links: text and, where it is a link to this installation, its address."""
    parts, done = [], 0
    for match in LINK.finditer(text):
        parts.append((text[done : match.start()], ""))
        ours = match[0].startswith(f"{settings.BASE_URL}/")
        parts.append((match[0], match[0].removeprefix(settings.BASE_URL) if ours else ""))
        done = match.end()
    return (*parts, (text[done:], ""))
