"""The words for every code: each `code`, or `code:variant` where a fact of the refusal asks for other words.

No sentence holds a key, a secret, or a name; facts are put in by name, already written for the language.
"""

from __future__ import annotations

from collections.abc import Mapping

from chaveiro.wording.access import ACCESS
from chaveiro.wording.backups import BACKUPS
from chaveiro.wording.clock_refusals import CLOCKS
from chaveiro.wording.correcting import CORRECTING
from chaveiro.wording.erasure_refusals import ERASING
from chaveiro.wording.feedback import HELPING
from chaveiro.wording.house import HOUSE
from chaveiro.wording.keys import KEYS
from chaveiro.wording.redeeming import REDEEMING
from chaveiro.wording.services import SERVICES
from chaveiro.wording.signing_in import SIGNING_IN
from chaveiro.wording.stock import STOCK
from chaveiro.wording.words import Words

_TABLES = (ACCESS, KEYS, REDEEMING, HOUSE, HELPING, STOCK, SIGNING_IN, SERVICES, CORRECTING, CLOCKS, BACKUPS, ERASING)
SENTENCES: Mapping[str, Words] = {code: words for table in _TABLES for code, words in table.items()}
# No code has its words in two places.
assert len(SENTENCES) == sum(map(len, _TABLES))
