"""Cards as PDF: read back as text, measured in millimetres, photographed and scanned as people do."""

from __future__ import annotations

import io
import os
import re
from itertools import pairwise

import pypdfium2
import pytest
import zxingcpp

from chaveiro.adapters.cards import BOLD, CARD_HEIGHT, CARD_WIDTH, _drawable, _load_faces, print_cards
from chaveiro.rules import keys, serials
from chaveiro.rules.cards import Card, Face, Side

MM = 72 / 25.4
SIDES = (
    Side(
        "pt-PT",
        "Escritório Essencial",
        "5 licenças durante 12 meses",
        "Resgatar até 30 de novembro de 2027 (inclusive)",
        ("1. Abra chaves.exemplo.pt/redeem.", "2. Introduza a chave.", "3. Guarde este cartão."),
    ),
    Side(
        "en",
        "Office Essentials",
        "5 licences for 12 months",
        "Redeem by 30 November 2027 (inclusive)",
        ("1. Open chaves.exemplo.pt/redeem.", "2. Enter the key.", "3. Keep this card."),
    ),
)
FACE = Face("Tagus Software, S.A.", "https://chaves.exemplo.pt", "N.º de série / Serial number", "Cartões", SIDES)


def cards(count: int) -> list[Card]:
    made = keys.mint(count, os.urandom)
    return [Card(serials.write(10_000_000_000 + place), keys.group(key)) for place, key in enumerate(made)]


def printed(wanted: list[Card], face: Face = FACE) -> pypdfium2.PdfDocument:
    into = io.BytesIO()
    assert print_cards(face, iter(wanted), into) == len(wanted)
    return pypdfium2.PdfDocument(into.getvalue())


def scanned(document: pypdfium2.PdfDocument, page: int = 0, dots_per_inch: int = 200) -> list[str]:
    """What a telephone reads off a sheet, from the top left."""
    picture = document[page].render(scale=dots_per_inch / 72).to_pil()
    found = zxingcpp.read_barcodes(picture)
    return [
        code.text for code in sorted(found, key=lambda code: (code.position.top_left.y // 50, code.position.top_left.x))
    ]


def test_each_code_leads_to_its_own_key_behind_the_fragment() -> None:
    wanted = cards(10)
    assert scanned(printed(wanted)) == [f"https://chaves.exemplo.pt/r#{card.key}" for card in wanted]


def test_the_text_is_real_and_says_the_same_key_in_five_groups() -> None:
    wanted = cards(3)
    text = printed(wanted)[0].get_textpage().get_text_range()
    assert re.findall(r"(?:[0-9A-Z]{5}-){4}[0-9A-Z]{5}", text) == [card.key for card in wanted]
    for card in wanted:
        assert text.count(serials.group(card.serial)) == 1


def test_both_languages_stand_on_every_card() -> None:
    text = printed(cards(2))[0].get_textpage().get_text_range()
    for side in SIDES:
        for said in (side.product, side.carries, side.redeem_by, *side.instructions):
            assert text.count(said) == 2, said
    assert text.count(FACE.vendor) == 2


def test_ten_cards_of_85_6_by_54_millimetres_stand_on_an_a4_sheet_between_crop_marks() -> None:
    document = printed(cards(11))
    assert len(document) == 2
    assert [round(side / MM) for side in document[0].get_size()] == [210, 297]
    assert (round(CARD_WIDTH / MM, 3), round(CARD_HEIGHT / MM, 3)) == (85.6, 54)
    lines = [found.get_bounds() for found in document[0].get_objects() if found.type == 2]
    upright = sorted(
        {round((left + right) / 2 / MM, 1) for left, bottom, right, top in lines if right - left < 1 < top - bottom}
    )
    across = sorted(
        {round((bottom + top) / 2 / MM, 1) for left, bottom, right, top in lines if top - bottom < 1 < right - left}
    )
    assert [round(b - a, 1) for a, b in pairwise(upright)] == [85.6, 85.6]
    assert [round(b - a, 1) for a, b in pairwise(across)] == [54.0] * 5


def test_the_quiet_zone_and_the_cards_edges_stay_white() -> None:
    picture = printed(cards(1))[0].render(scale=200 / 72).to_pil().convert("L")
    (code,) = zxingcpp.read_barcodes(picture)
    left, top = code.position.top_left.x, code.position.top_left.y
    module = (code.position.top_right.x - left) / 33
    around = picture.crop(
        (int(left - 3.5 * module), int(top - 3.5 * module), int(left - module / 2), int(top + 33 * module))
    )
    assert around.getextrema()[0] == 255


def test_the_metadata_name_no_key() -> None:
    wanted = cards(1)
    told = str(printed(wanted).get_metadata_dict())
    assert wanted[0].key not in told
    assert "Tagus Software" in told


def test_both_faces_are_embedded_so_that_every_printer_prints_the_same() -> None:
    into = io.BytesIO()
    print_cards(FACE, cards(1), into)
    assert into.getvalue().count(b"/FontFile2") == 2
    assert len(re.findall(rb"/FontFile\b(?!2)", into.getvalue())) == 1


def test_letters_that_the_face_lacks_lose_their_accent_and_nothing_else() -> None:
    _load_faces()
    assert _drawable("Łódź Tešić Ação", BOLD).endswith("Tešić Ação") or _drawable("Ação", BOLD) == "Ação"
    assert "?" not in _drawable("ẽ", BOLD)


@pytest.mark.parametrize("names", ["Um produto cujo nome não cabe de modo nenhum na largura de um cartão"])
def test_a_long_name_is_made_smaller_and_never_cut(names: str) -> None:
    side = Side("pt-PT", names, *[getattr(SIDES[0], name) for name in ("carries", "redeem_by", "instructions")])
    document = printed(cards(1), Face(FACE.vendor, FACE.address, FACE.serial_label, FACE.title, (side, SIDES[1])))
    assert names in document[0].get_textpage().get_text_range()
    assert len(scanned(document)) == 1
