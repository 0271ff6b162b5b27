"""What a tax number is called where people know it, and how it looks; only a hint, never a check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

_NAMED: Mapping[str, Any] = {
    "AO": _("In Angola the NIF, ten digits or letters."),
    "BE": _("In Belgium the VAT number, BE and ten digits."),
    "BR": _("In Brazil the CNPJ, fourteen digits."),
    "CH": _("In Switzerland the UID, CHE and nine digits."),
    "CV": _("In Cape Verde the NIF, nine digits."),
    "DE": _("In Germany the VAT number, DE and nine digits."),
    "ES": _("In Spain the NIF, nine digits and letters."),
    "FR": _("In France the VAT number, FR and eleven characters, or the SIREN."),
    "GB": _("In the United Kingdom the VAT number, GB and nine digits."),
    "IE": _("In Ireland the VAT number, IE and eight or nine characters."),
    "IT": _("In Italy the partita IVA, eleven digits."),
    "LU": _("In Luxembourg the VAT number, LU and eight digits."),
    "MZ": _("In Mozambique the NUIT, nine digits."),
    "NL": _("In the Netherlands the VAT number, NL, nine digits, B and two digits."),
    "PT": _("In Portugal the NIF, nine digits."),
    "ST": _("In São Tomé and Príncipe the NIF, nine digits."),
    "TL": _("In Timor-Leste the TIN, seven digits."),
    "US": _("In the United States the EIN, nine digits."),
}
_ELSEWHERE = _("The number under which the organisation pays taxes.")


def hint(country: str) -> str:
    """What to enter in a country or region; a general sentence where we know nothing special of it."""
    return str(_NAMED.get(country, _ELSEWHERE))
