"""What may be said of a key that somebody presents. `ok`, or one of these refusals; the code is for ever.

Source: rules, section 1. A verdict names facts that whoever holds the key may know: by whom and when it was used only
its own customer learns.
"""

from __future__ import annotations

from typing import ClassVar

from chaveiro.rules.errors import Refusal

OK = "ok"


class KeyRefused(Refusal):
    """A key cannot be used here and now."""


class KeyEmpty(KeyRefused):
    """Nothing was typed."""

    code = "key_empty"


class KeyLength(KeyRefused):
    """A key has 25 symbols. Facts: symbols."""

    code = "key_length"


class KeySymbol(KeyRefused):
    """Symbols stand there that no key has. Facts: positions, repair."""

    code = "key_symbol"


class KeyChecksum(KeyRefused):
    """The check symbols do not agree with the rest. Facts: positions, repair (a guess to confirm)."""

    code = "key_checksum"


class KeyDuplicate(KeyRefused):
    """The same key stands further up in the basket. Facts: first (its index there)."""

    code = "key_duplicate"


class KeyUnknown(KeyRefused):
    """Well-formed, but no key of this installation."""

    code = "key_unknown"


class KeyRedeemed(KeyRefused):
    """Redeemed already, by somebody else."""

    code = "key_redeemed"


class KeyRedeemedByYou(KeyRefused):
    """Redeemed already, by the customer who asks. Facts: at."""

    code = "key_redeemed_by_you"


class KeyHeld(KeyRefused):
    """Set aside in somebody's unfinished redemption. Facts: until, whole (the asker presents all of its keys)."""

    code = "key_held"


class KeyExpired(KeyRefused):
    """Its activate-before date has come. Facts: activate_before."""

    code = "key_expired"


class KeyNotReleased(KeyRefused):
    """Made, but not yet released for sale."""

    code = "key_not_released"


class KeyRevoked(KeyRefused):
    """Revoked or recalled."""

    code = "key_revoked"


class KeyWrongCountry(KeyRefused):
    """Sold for other countries than the customer's. Facts: country, countries."""

    code = "key_wrong_country"


class KeyWrongProduct(KeyRefused):
    """Of another product or price class than the subscription. Facts: product, wanted."""

    code = "key_wrong_product"


class CountryNotServed(Refusal):
    """The product is not sold in the customer's country. Facts: country, product."""

    code = "country_not_served"


class Fault(Refusal):
    """One refusal and the place in the request where it belongs (a JSON pointer)."""

    def __init__(self, pointer: str, refusal: Refusal) -> None:
        self.pointer = pointer
        self.refusal = refusal
        super().__init__(pointer=pointer, code=refusal.code)


class Refusals(Refusal):
    """Several things are wrong at once; all of them are told. Its code is that of the first."""

    code: ClassVar[str] = "several"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults
        super().__init__(codes=[fault.refusal.code for fault in faults])

    @property
    def first(self) -> Refusal:
        """The refusal that gives the answer its code."""
        return self.faults[0].refusal


READING = {refusal.code: refusal for refusal in (KeyEmpty, KeyLength, KeySymbol, KeyChecksum)}
VERDICTS = (
    KeyEmpty,
    KeyLength,
    KeySymbol,
    KeyChecksum,
    KeyDuplicate,
    KeyUnknown,
    KeyRedeemed,
    KeyRedeemedByYou,
    KeyHeld,
    KeyExpired,
    KeyNotReleased,
    KeyRevoked,
    KeyWrongCountry,
    KeyWrongProduct,
)
