"""`chaveiro serve`: pages and API, by granian's worker processes over one WSGI application."""

from __future__ import annotations

import click
from django.db import connections
from granian import Granian
from granian.constants import Interfaces

from chaveiro.console import output, readiness

APPLICATION = "chaveiro.config.wsgi:application"
# The server's own messages go where all others go (stderr, scrubbed, as JSON); by itself it would write to stdout.
LOGGING = {"handlers": {}, "loggers": {"_granian": {"handlers": [], "propagate": True}}}


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 64), help="Threads of each process.")
@output.json_option
def serve(host: str, port: int, workers: int, threads: int, as_json: bool) -> None:
    """Serve pages and API until told to stop. Refuses while something is wrong, and says what, why, and the cure."""
    readiness.require()
    # Worker processes open their own connections; a shared one would mix their answers.
    connections.close_all()
    server = Granian(
        APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        respawn_failed_workers=True,
        websockets=False,
        log_access=False,
        log_dictconfig=LOGGING,
    )
    if as_json:
        output.write_json({"address": host, "port": port, "workers": workers, "threads": threads})
    else:
        output.say(f"Serving on http://{host}:{port}, {workers} processes of {threads} threads.")
    server.serve()
