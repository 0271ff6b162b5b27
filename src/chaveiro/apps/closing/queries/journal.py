"""The journal: invariant H1, by its own verification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaveiro.apps.closing.queries.assertions import Assertion, Ground
from chaveiro.apps.journal import queries as journal
from chaveiro.rules.journal import CHECKPOINT_KIND, SignatureInvalid
from chaveiro.rules.journal_audit import FINDINGS


def _findings(ground: Ground) -> Iterator[dict[str, Any]]:
    readable = []
    for number, text in enumerate(ground.outside, start=1):
        try:
            ground.reader.read(text, CHECKPOINT_KIND)
            readable.append(text)
        except SignatureInvalid as refusal:
            yield {"checkpoint_outside": number, "reason": refusal.message()}
    report = journal.verify(reader=ground.reader, outside=readable)
    for finding in report.findings:
        found = {"code": finding.code, "reason": FINDINGS[finding.code], "first": finding.first, "last": finding.last}
        yield found | ({"entry": finding.entry_id} if finding.entry_id else {}) | _detail(finding.detail)
    if not report.complete and not report.findings:
        yield {"code": "incomplete", "reason": "The journal could not be read to its end.", "size": report.size}


def _detail(detail: str) -> dict[str, Any]:
    return {"detail": detail} if detail else {}


H1 = (
    Assertion(
        "H1",
        "journal_is_what_was_sealed",
        "No journal row was changed, removed or reordered, and every signed checkpoint holds.",
        _findings,
    ),
)
