"""The demonstration's sample service: registered once, given new secrets at each start, run beside the platform.

It lies in the checkout (`examples/sample_service`) and knows only the public documents; an installed package has none,
and then the demonstration goes without it. It listens on this machine alone, on the port after the platform's.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.actions import services as acts
from chaveiro.apps.identity.queries import services
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM

HOME = Path(__file__).resolve().parents[3] / "examples" / "sample_service"
NAME = "Serviço de exemplo"
CONFIG = "sample-service.json"
PORTS_TRIED = 20


def is_there() -> bool:
    """Whether this is a checkout that has the sample service."""
    return (HOME / "__main__.py").is_file()


def register(data: Path, issuer: str, after: int) -> str:
    """The service of the demo, with new secrets in a file of the folder; answers its address."""
    address = f"http://localhost:{_free_port(after)}"
    means = wiring.means()
    with acting(SYSTEM):
        standing = [card.service for card in services() if card.removed_at is None and card.service.name == NAME]
    # Another port is another address; what was registered for the last one goes.
    for service in standing:
        acts.remove_service(actor=SYSTEM, service=service.id, now=means.now)
    made = acts.add_service(
        actor=SYSTEM, name=NAME, returns=[f"{address}/callback"], leaves=[f"{address}/"], means=means
    )
    facts = {
        "issuer": issuer,
        "address": address,
        "client_id": identifiers.write("service", made.service.id),
        "client_secret": made.client_secret,
        "token": made.token,
    }
    file = data / CONFIG
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as writing:
        json.dump(facts, writing)
    return address


def start(data: Path) -> subprocess.Popen[bytes]:
    """The service as a process of its own; what it says goes to a file in the folder."""
    with (data / "service.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, str(HOME), "--config", str(data / CONFIG)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={name: value for name, value in os.environ.items() if not name.startswith("CHAVEIRO_")},
        )


def address_in(data: Path) -> str:
    """Where the service of the demo in this folder is; "" where there is none."""
    try:
        return str(json.loads((data / CONFIG).read_text(encoding="utf-8"))["address"])
    except (OSError, ValueError, KeyError):
        return ""


def _free_port(after: int) -> int:
    for port in range(after + 1, min(after + 1 + PORTS_TRIED, 65536)):
        with socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if trying.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return after + 1
