"""The sample service as a process beside a real server, and somebody who goes to both with one browser."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener, urlopen

from chaveiro import wiring
from chaveiro.apps.identity.actions import services
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM

ROOT = Path(__file__).parents[2]
PROBE_TOKEN = "only for tests: the probe"
SECONDS_TO_START = 20


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def sample_service(issuer: str, folder: Path, **changes: Any) -> Iterator[str]:
    """The service, registered and running; its address. `changes` are of its file."""
    address = f"http://127.0.0.1:{free_port()}"
    made = services.add_service(
        actor=SYSTEM,
        name="Serviço de exemplo",
        returns=[f"{address}/callback"],
        leaves=[f"{address}/"],
        means=wiring.means(),
    )
    config = folder / "sample.json"
    facts = {
        "issuer": issuer,
        "address": address,
        "client_id": identifiers.write("service", made.service.id),
        "client_secret": made.client_secret,
        "token": made.token,
        "probe_token": PROBE_TOKEN,
    }
    config.write_text(json.dumps(facts | changes), encoding="utf-8")
    log = (folder / "sample.log").open("wb")
    command = [sys.executable, "-W", "error", "examples/sample_service", "--config", str(config)]
    process = subprocess.Popen(command, cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, stdout=log, stderr=log)
    try:
        _wait(address, process, folder / "sample.log")
        yield address
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{address}/livez", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text()[-3000:]}")


@dataclass(slots=True)
class Seen:
    """A page as it came."""

    status: int
    address: str
    text: str
    headers: Any


@dataclass(slots=True)
class Somebody:
    """A person with one browser, without script."""

    language: str = "en"
    opener: OpenerDirector = field(default_factory=lambda: build_opener(HTTPCookieProcessor(CookieJar())))

    def opens(self, address: str, form: dict[str, str] | None = None, **headers: str) -> Seen:
        sent = {"Accept-Language": self.language, **headers}
        request = Request(address, urlencode(form).encode() if form is not None else None, sent)
        try:
            answer: HTTPResponse | HTTPError = self.opener.open(request, timeout=20)
        except HTTPError as refused:
            answer = refused
        with answer:
            return Seen(int(answer.status or 0), answer.url, answer.read().decode(), answer.headers)

    def signs_in(self, provider: str, service: str, link: str) -> Seen:
        """From the service to the provider, in by a one-time link, and back to the service."""
        led = self.opens(f"{service}/sign-in")
        wanted = re.search(r"next=([^&]+)", led.address)
        assert wanted is not None, led.address
        page = self.opens(f"{provider}{link}")
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        from urllib.parse import unquote

        form["next"] = unquote(wanted[1])
        going = self.opens(f"{provider}{link}", form, Referer=f"{provider}{link}")
        return self.goes_on(going)

    def goes_on(self, page: Seen) -> Seen:
        """Where a page goes by itself."""
        refresh = page.headers.get("Refresh", "")
        assert refresh, (page.status, page.address, page.text[:2000])
        return self.opens(unescape(refresh.removeprefix("0; url=")))


def probe(service: str, email: str, token: str = PROBE_TOKEN) -> tuple[int, dict[str, Any]]:
    """What the service's declared check says."""
    asked = Request(f"{service}/check?{urlencode({'email': email})}", headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(asked, timeout=20) as answer:
            return int(answer.status), json.loads(answer.read())
    except HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())
