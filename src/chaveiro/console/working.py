"""`chaveiro worker`: everything that goes on behind the pages, until told to stop."""

from __future__ import annotations

import click

from chaveiro.console import output, readiness
from chaveiro.console.worker import run_until_told


@click.command()
@output.json_option
def worker(as_json: bool) -> None:
    """Relay what is owed, post letters, mint, seal and sign the journal; any number of workers may run.

    Refuses while something is wrong, and says what, why, and the cure. SIGTERM ends it when its work in hand is done.
    """
    readiness.require()
    if as_json:
        output.write_json({"working": True})
    else:
        output.say("Working. Ctrl-C or SIGTERM ends it.")
    run_until_told()
