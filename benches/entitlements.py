"""What `GET /entitlements` costs, with authentication, isolation, decision and words, against a bare view of the row.

Both are asked of the same production server (granian, all middleware, the same settings), in turns, by processes that
write the bytes of a request to a socket that stays open. 10,000 customers; other people each time. Beside it the same
two in this process, without a network between: there nothing that both pay for hides the difference.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

from benches.ground import Ground, ground, rate

CUSTOMERS, KEYS = 10_000, 20_000
ROUNDS, CLIENTS, EACH = 5, 2, 600

_line: socket.socket | None = None
_whose = 0  # a line is never shared with a process that was forked
_port = 0


def run() -> dict[str, Any]:
    """Requests a second of both, and their ratio in each round."""
    with ground() as place:
        token = _grow(place)
        within = _within(token)
        with _serving() as port:
            floor, ours, known = zip(*(_round(port, token) for _ in range(ROUNDS)), strict=True)
    ratios = sorted(own / bare for own, bare in zip(ours, floor, strict=True))
    again = sorted(own / bare for own, bare in zip(known, floor, strict=True))
    return {
        "customers": CUSTOMERS,
        "clients": CLIENTS,
        "bare view, requests a second": round(median(floor)),
        "entitlements, requests a second": round(median(ours)),
        "ratio (median of rounds)": round(median(ratios), 2),
        "ratio, worst and best round": f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        "ratio where the answer is known (304)": round(median(again), 2),
        **within,
    }


def _grow(place: Ground) -> str:
    import psycopg
    from tests.cast import DAY, NOON, build_world, make_keys, means, open_customer

    from benches.floor import FLOOR
    from chaveiro.apps.identity.actions import services
    from chaveiro.rules.actors import SYSTEM

    world = build_world()
    open_customer(world, make_keys(world))
    facts = {
        "keys": KEYS,
        "batches": 2,
        "small": 100,
        "customers": CUSTOMERS,
        "partners": 2_000,
        "reseller": world.reseller,
        "other": world.rui.organisation,
        "seller": world.ana.account,
        "other_seller": world.rui.account,
        "day": DAY,
        "noon": NOON,
    }
    script = (Path(__file__).parent / "channel.sql").read_text(encoding="utf-8")
    with psycopg.ClientCursor(psycopg.connect(place.dsn("postgres"), autocommit=True)) as cursor:
        cursor.execute("BEGIN;" + script + "COMMIT", facts)
        cursor.execute(FLOOR)
        cursor.execute("VACUUM ANALYZE")
        cursor.connection.close()
    made = services.add_service(actor=SYSTEM, name="Bench", returns=["https://b.example/"], means=means())
    return made.token


def _request(path: str, token: str = "", etag: str = "") -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Accept-Language: en"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"If-None-Match: {etag}"] if etag else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _email(number: int) -> str:
    return f"a{number % CUSTOMERS + 1}%40grow.example"


def _round(port: int, token: str) -> tuple[float, float, float]:
    global _port
    _port = port
    numbers = [range(share * 4_001, share * 4_001 + EACH) for share in range(CLIENTS)]
    bare = [[_request(f"/bare?email={_email(n)}") for n in share] for share in numbers]
    ours = [[_request(f"/api/v1/entitlements?email={_email(n)}", token) for n in share] for share in numbers]
    known = [
        [_known(port, request, token, n) for request, n in zip(ours[0][:1] * EACH, share, strict=True)]
        for share in numbers
    ]
    return rate(_send, bare)[0], rate(_send, ours)[0], rate(_send, known)[0]


def _known(port: int, request: bytes, token: str, number: int) -> bytes:
    del port, request
    return _request(f"/api/v1/entitlements?email={_email(number)}", token, _etags(token)[number % CUSTOMERS])


_kept: dict[int, str] = {}


def _etags(token: str) -> dict[int, str]:
    """The names of the answers that will be asked for again."""
    if not _kept:
        for share in range(CLIENTS):
            for number in range(share * 4_001, share * 4_001 + EACH):
                head = _ask(_request(f"/api/v1/entitlements?email={_email(number)}", token))
                _kept[number % CUSTOMERS] = head.split(b"etag: ", 1)[1].split(b"\r\n", 1)[0].decode()
    return _kept


def _send(request: bytes) -> None:
    head = _ask(request)
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")), head


def _ask(request: bytes) -> bytes:
    """One request over the line of this process; the answer's head, in small letters from its second line on."""
    global _line, _whose
    if _line is None or _whose != os.getpid() or _line.getpeername()[1] != _port:
        _whose = os.getpid()
        _line = socket.create_connection(("127.0.0.1", _port))
        _line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _line.sendall(request)
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _line.recv(65536)
    head, _, body = raw.partition(b"\r\n\r\n")
    first, _, rest = head.partition(b"\r\n")
    low = rest.lower()
    length = int(low.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]) if b"content-length: " in low else 0
    while len(body) < length:
        body += _line.recv(65536)
    return first + b"\r\n" + low


@contextmanager
def _serving() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--blocking-threads", "2", "--no-ws", "benches.floor_server:application"]
    environment = {**os.environ, "CHAVEIRO_EMAIL_URL": "memory:", "PYTHONPATH": os.pathsep.join(sys.path)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, *command], env=environment, stdout=log, stderr=log)
        try:
            _wait(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/livez", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _within(token: str) -> dict[str, Any]:
    """Both in this process, in turns: milliseconds of the whole stack, without server and socket."""
    from django.conf import settings
    from django.test import Client
    from django.test.utils import override_settings

    settings.ALLOWED_HOSTS = ["*"]
    laps: dict[str, list[float]] = {"bare": [], "ours": []}
    with override_settings(ROOT_URLCONF="benches.floor"):
        client = Client(headers={"Accept-Language": "en"})
        for number in range(400):
            for name, path, headers in (
                ("bare", f"/bare?email={_email(number)}", {}),
                ("ours", f"/api/v1/entitlements?email={_email(number)}", {"Authorization": f"Bearer {token}"}),
            ):
                began = time.perf_counter()
                answer = client.get(path, headers=headers)
                laps[name].append(time.perf_counter() - began)
                assert answer.status_code == 200
    bare, ours = (median(laps[name][50:]) * 1000 for name in ("bare", "ours"))
    return {
        "in one process, bare ms": round(bare, 2),
        "in one process, entitlements ms": round(ours, 2),
        "in one process, ratio": round(bare / ours, 2),
    }
