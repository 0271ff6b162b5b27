"""A wire between client and server that breaks where it is told to: at COMMIT, before or after the server has seen it.

It forwards PostgreSQL's protocol between two unix sockets and looks only for the word that ends a transaction.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# A simple query and its answer, as they stand on the wire.
ASKED = b"COMMIT\0"
ANSWERED = b"COMMIT\0"


class Proxy:
    """Listens in a folder of its own as a server would. `arm` breaks the next COMMIT; `broken` counts them."""

    def __init__(self, server_socket: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="chaveiro-wire-"))
        self.broken = 0
        self._armed: str | None = None
        self._server_socket = server_socket
        self._ends: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / server_socket.name))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, what: str) -> None:
        """Lose the `request`, so that the server never sees the next COMMIT, or the `answer`, after it has done it."""
        self._armed = what

    def close(self) -> None:
        """Stop listening and break whatever is open."""
        for end in (self._listening, *self._ends):
            _shut(end)
        shutil.rmtree(self.folder)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server_socket))
                self._ends += [client, server]
                swallowing = threading.Event()
                for run in (self._from_client, self._from_server):
                    threading.Thread(target=run, args=(client, server, swallowing), daemon=True).start()

    def _from_client(self, client: socket.socket, server: socket.socket, swallowing: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                if self._armed is not None and ASKED in data:
                    lost, self._armed = self._armed, None
                    if lost == "request":
                        self.broken += 1
                        break
                    swallowing.set()
                server.sendall(data)
        _shut(client, server)

    def _from_server(self, client: socket.socket, server: socket.socket, swallowing: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if swallowing.is_set() and ANSWERED in data:
                    self.broken += 1
                    break
                client.sendall(data)
        _shut(client, server)


def _shut(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def proxy_before(server_socket: Path) -> Iterator[Proxy]:
    """A proxy before a server's socket, closed at the end."""
    proxy = Proxy(server_socket)
    try:
        yield proxy
    finally:
        proxy.close()
