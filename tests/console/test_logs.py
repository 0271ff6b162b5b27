"""Logs: one JSON object a line, and no key, token or link in any of them, whoever logs."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog

from chaveiro.console import logs
from chaveiro.rules.keys import group, mint

TOKEN = "chv_" + "a2b3c4d5" * 4
LINK = "/ownership/" + "abcdefgh" * 4


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What goes to the log; afterwards everything is as it was."""
    stream = io.StringIO()
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    logs.configure({"level": "INFO"}, stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def a_key() -> str:
    return group(mint(1, os.urandom)[0])


def with_two_wrong_symbols(key: str) -> str:
    symbols = list(key)
    for place in (2, 9):
        symbols[place] = "Z" if symbols[place] != "Z" else "X"
    return "".join(symbols)


def test_a_line_says_what_when_how_bad_and_for_which_request(written: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="req-1")
    structlog.get_logger("chaveiro.test").info("letter_posted", letter=UUID(int=1), attempt=2)
    [line] = lines(written)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "letter_posted",
        "level": "info",
        "logger": "chaveiro.test",
        "request_id": "req-1",
        "letter": "00000000-0000-0000-0000-000000000001",
        "attempt": 2,
    }


def test_a_librarys_line_has_the_same_form_and_the_request_too(written: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(request_id="req-2")
    logging.getLogger("some.library").warning("slow: %s", "query")
    [line] = lines(written)
    assert (line["event"], line["level"], line["request_id"]) == ("slow: query", "warning", "req-2")


@pytest.mark.parametrize("shape", [str, with_two_wrong_symbols, lambda key: key.replace("-", "").lower()])
def test_no_key_gets_through_wherever_it_stands(written: io.StringIO, shape: Any) -> None:
    typed = shape(a_key())
    log = structlog.get_logger("chaveiro.test")
    log.info("typed " + typed, note=typed, inside={"deep": [typed]}, exotic=_Shown(typed))
    logging.getLogger("some.library").error("cannot read %s", typed)
    logging.getLogger("some.library").error("cannot read %(text)s", {"text": typed})
    try:
        raise ValueError(f"bad: {typed}")
    except ValueError:
        log.exception("failed")
        logging.getLogger("some.library").exception("failed too")
    said = written.getvalue()
    assert len(lines(written)) == 5
    assert typed not in said
    assert typed[:14] not in said


class _Shown:
    """Something whose text is only made when it is written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def test_tokens_and_links_are_masked_in_any_text(written: io.StringIO) -> None:
    logging.getLogger("django.request").warning("Not Found: %s", LINK)
    structlog.get_logger("chaveiro.test").info("asked", header=f"Bearer {TOKEN}", path=LINK)
    said = written.getvalue()
    assert TOKEN not in said
    assert LINK not in said
    assert "/ownership/…" in said


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "api_token",
        "password",
        "passPhrase",
        "Authorization",
        "link",
        "resume_code",
        "csrf_token",
        "typed_keys",
    ],
)
def test_a_field_named_like_a_secret_is_dropped_whatever_it_says(written: io.StringIO, name: str) -> None:
    structlog.get_logger("chaveiro.test").info("asked", **{name: "anything"})
    [line] = lines(written)
    assert line[name] == logs.DROPPED


def test_codes_and_counts_are_not_taken_for_secrets(written: io.StringIO) -> None:
    structlog.get_logger("chaveiro.test").info("refused", code="try_later", status_code=429, monkey="banana")
    [line] = lines(written)
    assert (line["code"], line["status_code"], line["monkey"]) == ("try_later", 429, "banana")


def test_an_id_in_its_public_form_is_not_taken_for_a_key(written: io.StringIO) -> None:
    structlog.get_logger("chaveiro.test").info("seen", subscription="sub_01a0c4506de571da85e2ce6a3f15106c")
    assert lines(written)[0]["subscription"] == "sub_01a0c4506de571da85e2ce6a3f15106c"


def test_the_level_is_obeyed_and_the_job_engine_does_not_chatter(written: io.StringIO) -> None:
    structlog.get_logger("chaveiro.test").debug("detail")
    logging.getLogger("procrastinate.worker").info("Starting job")
    assert written.getvalue() == ""


def test_configuring_twice_writes_each_line_once(written: io.StringIO) -> None:
    logs.configure({"level": "INFO"}, written)
    structlog.get_logger("chaveiro.test").info("once")
    assert len(lines(written)) == 1


def test_the_frameworks_own_handlers_do_not_write_beside_us(written: io.StringIO) -> None:
    assert logging.getLogger("django").handlers == []
    assert logging.getLogger("django.server").handlers == []
