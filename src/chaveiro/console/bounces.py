"""`chaveiro bounces`: one delivery report on stdin, for a mail server's alias.

    bounces: "|chaveiro bounces"                       an alias of Postfix, Exim, Sendmail
    CHAVEIRO_BOUNCE_LISTEN=127.0.0.1:2525              or let the mail server hand them over by SMTP

What is no report on a notice of ours is passed over, and the command still ends well: a mail server would answer
anything else with a bounce of its own.
"""

from __future__ import annotations

import sys

import click

from chaveiro.console import worker
from chaveiro.console.returned_mail import from_mail
from chaveiro.console.speaking import Voice, dry_run_option, speaking
from chaveiro.rules.bounces import REPORT_BYTES_AT_MOST


@click.command()
@click.option("--to", default="", metavar="ADDRESS", help="The address it was sent to; absent: as its headers say.")
@dry_run_option
@speaking
def bounces(voice: Voice, to: str, dry_run: bool) -> None:
    """Take one delivery report from stdin and mark the notice that it is about."""
    raw = sys.stdin.buffer.read(REPORT_BYTES_AT_MOST)
    taken = from_mail(worker.desk(), raw, to, dry_run=dry_run)
    told = {"outcome": taken.outcome, "notice": None if taken.notice is None else str(taken.notice)}
    voice.show(told, lambda: taken.outcome)
