"""`chaveiro terms`: the sums of seat-time, for anybody who wants to check one. No database."""

from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from typing import Any

import click

from chaveiro.console import output
from chaveiro.rules.calculator import CASES_AT_MOST, calculate
from chaveiro.rules.errors import Malformed

# A case with every field, several keys and room to breathe is half of this.
BYTES_AT_MOST = 512 * CASES_AT_MOST


@click.command()
@output.json_option
def terms(as_json: bool) -> None:
    """Read a list of cases (JSON) on stdin and print what each act of keys gives, or why it is refused.

    A case: {"operation": "open" | "add" | "extend", "day", "keys": [{"seats", "months"}], "subscription": {"seats",
    "ends_on", "credit"}?, "seats_after"?}. The result: {"seats", "ends_on", "credit"}, or {"refused": code}.
    """
    results = calculate(_cases(sys.stdin.buffer.read(BYTES_AT_MOST + 1)))
    if as_json:
        output.write_json(results)
        return
    rows = [_row(number, result) for number, result in enumerate(results, start=1)]
    output.write(output.table(("CASE", "SEATS", "LAST DAY", "ENDS ON", "CREDIT", "REFUSED"), rows))


def _cases(given: bytes) -> Any:
    if len(given) > BYTES_AT_MOST:
        raise Malformed(field="cases", reason=f"must be a list of at most {CASES_AT_MOST} cases")
    try:
        return json.loads(given)
    except (ValueError, RecursionError) as fault:
        raise Malformed(field="cases", reason="must be JSON") from fault


def _row(number: int, result: dict[str, Any]) -> tuple[object, ...]:
    if "refused" in result:
        reason = " ".join(str(result[name]) for name in ("refused", "field", "reason") if name in result)
        return number, None, None, None, None, reason
    last_day = date.fromisoformat(result["ends_on"]) - timedelta(days=1)
    return number, result["seats"], last_day, result["ends_on"], result["credit"], None
