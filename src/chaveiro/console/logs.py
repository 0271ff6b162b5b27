"""Structured logs, one JSON object a line on stderr, that cannot carry a key, a token or a link.

Whatever a program or a library logs passes `without_secrets` last, tracebacks too. `request_id` and whatever else a
door binds with `structlog.contextvars` stands in every line.

Settings name this: `LOGGING_CONFIG = "chaveiro.console.logs.configure"`, `LOGGING = {"level": …}`.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import IO, Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from chaveiro.rules.keys import scrub
from chaveiro.rules.tokens import LINK_IN_TEXT, TOKEN_IN_TEXT

# A field is dropped, whatever it says, if its name holds one of these anywhere …
SECRET_PIECES = ("authorization", "cookie", "csrf", "passphrase", "password", "pepper", "secret", "session", "token")
# … or one of these as a word of its own.
SECRET_WORDS = frozenset({"code", "key", "keys", "link", "links", "resume", "typed"})
# A refusal's code and an exit code are no secrets; a resume code is one.
PLAIN_NAMES = frozenset({"code", "status_code", "exit_code", "error_code"})
DROPPED = "[dropped]"
DEPTH_AT_MOST = 6
_NAME_PARTS = re.compile(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])")


def configure(wanted: Mapping[str, Any], stream: IO[str] | None = None) -> None:
    """Send all logging of this process through here; `wanted["level"]` is the least that is written.

    Calling it again replaces what it set up before and nothing else.
    """
    level = str(wanted.get("level") or "INFO").upper()
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(formatter())
    root = logging.getLogger()
    for before in [one for one in root.handlers if isinstance(one, _Handler)]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("django", "django.server", "django.request"):
        # The framework's own handlers would write the same line a second time, unscrubbed.
        framework = logging.getLogger(name)
        framework.handlers.clear()
        framework.propagate = True
    if level != "DEBUG":
        logging.getLogger("procrastinate").setLevel(logging.WARNING)


class _Handler(logging.StreamHandler[IO[str]]):
    """Ours, so that a second `configure` finds it."""


def formatter() -> logging.Formatter:
    """What turns a record, from us or from a library, into one line of JSON without secrets."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            without_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event with secret fields dropped and every text in it masked; names of fields are masked too."""
    return {masked(str(name)): _clean(str(name), value, DEPTH_AT_MOST) for name, value in event.items()}


def masked(text: str) -> str:
    """A text without product keys, tokens and one-time links."""
    text = TOKEN_IN_TEXT.sub("chv_…", text)
    text = LINK_IN_TEXT.sub(r"\1…", text)
    return scrub(text)


def _clean(name: str, value: Any, depth: int) -> Any:
    if _names_a_secret(name):
        return DROPPED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if depth == 0:
        return DROPPED
    if isinstance(value, Mapping):
        return {masked(str(key)): _clean(str(key), part, depth - 1) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", part, depth - 1) for part in value]
    return masked(str(value))


def _names_a_secret(name: str) -> bool:
    if name in PLAIN_NAMES:
        return False
    parts = [part.lower() for part in _NAME_PARTS.split(name)]
    return not SECRET_WORDS.isdisjoint(parts) or any(piece in "".join(parts) for piece in SECRET_PIECES)
