"""The words for every code: each `code`, or `code:variant` where a fact of the refusal asks for other words.

No sentence holds a key, a secret, or a name; facts are put in by name, already written for the language.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaveiro.wording.correcting import CORRECTING
from chaveiro.wording.feedback import HELPING
from chaveiro.wording.house import HOUSE
from chaveiro.wording.keys import KEYS
from chaveiro.wording.redeeming import REDEEMING
from chaveiro.wording.signing_in import SIGNING_IN
from chaveiro.wording.stock import STOCK
from chaveiro.wording.words import Words

SENTENCES: Mapping[str, Words] = {**KEYS, **REDEEMING, **HOUSE, **HELPING, **STOCK, **SIGNING_IN, **CORRECTING}
# No code has its words in two places.
assert len(SENTENCES) == sum(map(len, (KEYS, REDEEMING, HOUSE, HELPING, STOCK, SIGNING_IN, CORRECTING)))
