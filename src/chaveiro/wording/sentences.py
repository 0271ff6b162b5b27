"""The words for every code: each `code`, or `code:variant` where a fact of the refusal asks for other words.

No sentence holds a key, a secret, or a name; facts are put in by name, already written for the language.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaveiro.wording.house import HOUSE
from chaveiro.wording.keys import KEYS
from chaveiro.wording.redeeming import REDEEMING
from chaveiro.wording.words import Words

SENTENCES: Mapping[str, Words] = {**KEYS, **REDEEMING, **HOUSE}
assert len(SENTENCES) == len(KEYS) + len(REDEEMING) + len(HOUSE)  # no code has its words in two places
