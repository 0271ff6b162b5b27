"""`chaveiro conformance`: a service that honours every stage passes, and one that does not is told where it fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner

from chaveiro.console.conformance import STAGES, conformance
from tests.cast import build_world
from tests.conftest import Server
from tests.examples.sample import PROBE_TOKEN, sample_service
from tests.web.browser import serving

pytestmark = [pytest.mark.timeout(300)]


def run(*words: str) -> tuple[int, list[dict[str, str]]]:
    """The command, in this process; how it ended, and its cases."""
    ended = CliRunner().invoke(conformance, [*words, "--json"], standalone_mode=False)
    if ended.exception is not None:
        raise ended.exception
    return int(ended.return_value), json.loads(ended.stdout)


@pytest.fixture
def sandbox(real_database: str, settings: Any) -> str:
    settings.SANDBOX = True
    build_world()
    return real_database


@pytest.mark.prove
def test_the_sample_service_honours_every_stage(sandbox: str, server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(PROBE_TOKEN, encoding="utf-8")
    with serving(server, sandbox, tmp_path) as provider, sample_service(provider, tmp_path) as service:
        code, cases = run("--service", f"{service}/check", "--token-file", str(token))
    assert [(case["stage"], case["result"]) for case in cases if case["result"] != "passed"] == []
    assert [case["stage"] for case in cases] == list(STAGES)
    assert code == 0


def test_the_sample_service_honours_the_first_stages(sandbox: str, server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(PROBE_TOKEN, encoding="utf-8")
    words = ("--token-file", str(token), "--stages", "unknown,active,blocked,unblocked,no-licence")
    with serving(server, sandbox, tmp_path) as provider, sample_service(provider, tmp_path) as service:
        code, cases = run("--service", f"{service}/check", *words)
    assert (code, {case["result"] for case in cases}) == (0, {"passed"})


@contextmanager
def a_service(answer: Callable[[str], tuple[int, dict[str, Any]]]) -> Iterator[str]:
    """A service's check that says what it likes."""

    class Check(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (email,) = parse_qs(urlsplit(self.path).query)["email"]
            status, told = answer(email)
            raw = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_arguments: Any) -> None:
            """Nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Check)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/check"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_a_service_that_lets_everybody_in_is_told_where(sandbox: str) -> None:
    with a_service(lambda _email: (200, {"allowed": True})) as check:
        code, cases = run("--service", check, "--stages", "unknown,active,blocked,no-licence")
    assert code == 1
    assert {case["stage"]: case["result"] for case in cases} == {
        "unknown": "failed",
        "active": "passed",
        "blocked": "failed",
        "no-licence": "failed",
    }


@pytest.mark.parametrize("told", [{}, {"code": "because"}, ["blocked"]])
def test_who_is_kept_out_is_to_be_told_why(sandbox: str, told: Any) -> None:
    with a_service(lambda _email: (403, told)) as check:
        code, cases = run("--service", check, "--stages", "blocked")
    assert (code, [case["result"] for case in cases]) == (1, ["failed"])


def test_a_service_that_does_not_answer_fails(sandbox: str) -> None:
    code, cases = run("--service", "http://127.0.0.1:9/check", "--stages", "active")
    assert (code, cases[0]["result"], cases[0]["answered"]) == (1, "failed", "0 URLError")
