"""The way back into an unfinished redemption, mailed to the address that was given when it was left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chaveiro import wiring
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.notices.queries import LetterFacts
from chaveiro.apps.redemption.actions import resuming
from chaveiro.console.letters import Desk, Occasion, Reader, deliver, id_in, instant_for
from chaveiro.rules.actors import SYSTEM
from chaveiro.rules.means import Means
from chaveiro.rules.outbox import Owed


def draft_resume(desk: Desk, owed: Owed) -> None:
    """Post the one-time link back to a draft, unless it was redeemed or left for good since. Facts: draft, link."""
    link = id_in(owed, "link")
    assert link is not None
    secret = wiring.draft_links_secret()
    with acting(SYSTEM):
        told = resuming.letter_of(link=link, secret=secret, now=desk.means().now)
    if told is None:
        return
    reader = Reader(email=told.email, language=told.language)

    def words(desk: Desk, _letter: LetterFacts, reader: Reader, _means: Means) -> Mapping[str, Any]:
        return {"link": desk.base_url + told.path, "until": instant_for(reader, told.expires_at)}

    deliver(desk, owed, Occasion("draft_resume", None, None, words, reader=reader))
