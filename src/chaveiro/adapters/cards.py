"""Cards as PDF: A4 sheets of ten cards of 85.6 × 54 mm with crop marks, real text, a QR code drawn as vectors.

The key stands in Courier, a hair strengthened. Keys have no I, L, O or U, so what matters is how far letters and digits
of one shape are apart (8 and B, 2 and Z, 6 and G, 5 and S, 0 and D): Courier's letters have serifs and its digits have
none, and they differ there two to four times as much as those of the sans serif that is bundled beside it (decision
0022). Both faces come with reportlab and are embedded, so that every printer prints the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, BinaryIO

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from chaveiro.rules import serials
from chaveiro.rules.cards import Card, Face, Side, link

CARD_WIDTH, CARD_HEIGHT = 85.6 * mm, 54 * mm
COLUMNS, ROWS = 2, 5
ON_A_SHEET = COLUMNS * ROWS
LEFT = (A4[0] - COLUMNS * CARD_WIDTH) / 2
BOTTOM = (A4[1] - ROWS * CARD_HEIGHT) / 2
CUT_MARK, CUT_GAP = 6 * mm, 2 * mm

MARGIN = 5 * mm
QR_SIDE = 26 * mm  # with its quiet zone of four modules
QR_LEFT, QR_BOTTOM = CARD_WIDTH - QR_SIDE - 2 * mm, CARD_HEIGHT - QR_SIDE - 2 * mm
QUIET_MODULES = 4
SERIAL_LEFT, SERIAL_BASELINE = CARD_WIDTH - 28 * mm, 3.1 * mm
QR_MASK = 2  # any mask may be read; choosing the best one takes five times as long as the rest

PLAIN, BOLD, KEY = "Vera", "VeraBd", "CardKey"
FACTS_SIZE, SMALL_SIZE = 6.1, 5.6
KEY_SIZE, KEY_BASELINE = 12, 19.8 * mm
KEY_STRENGTH = 0.3
COBALT, INK, QUIET = (0.106, 0.294, 0.561), (0.06, 0.09, 0.14), (0.29, 0.35, 0.44)
FACE = "face"


def print_cards(face: Face, cards: Iterable[Card], into: BinaryIO) -> int:
    """Write the cards as PDF, sheet by sheet from the top left; answers how many. No key stands in its metadata."""
    _load_faces()
    canvas = Canvas(into, pagesize=A4, pageCompression=1, invariant=1, lang=face.sides[0].language)
    canvas.setTitle(face.title)
    canvas.setAuthor(face.vendor)
    _define_face(canvas, face)
    count = 0
    waiting = iter(cards)
    while sheet := list(islice(waiting, ON_A_SHEET)):
        _cut_marks(canvas)
        for place, card in enumerate(sheet):
            _draw(canvas, face, card, place)
        canvas.showPage()
        count += len(sheet)
    canvas.save()
    return count


@lru_cache(maxsize=1)
def _load_faces() -> None:
    pdfmetrics.registerFont(TTFont(PLAIN, "Vera.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, "VeraBd.ttf"))
    courier = pdfmetrics.EmbeddedType1Face("com_____.afm", "com_____.pfb")
    # Under its plain name it would be taken for the one that each printer brings along, and not be embedded.
    courier.name = "CHVKEY+Courier"
    pdfmetrics.registerTypeFace(courier)
    pdfmetrics.registerFont(pdfmetrics.Font(KEY, courier.name, "WinAnsiEncoding"))


def _corner(place: int) -> tuple[float, float]:
    """The lower left corner of a card on its sheet, in points; the first is at the top left."""
    row, column = divmod(place, COLUMNS)
    return LEFT + column * CARD_WIDTH, BOTTOM + (ROWS - 1 - row) * CARD_HEIGHT


def _cut_marks(canvas: Canvas) -> None:
    canvas.setLineWidth(0.25)
    canvas.setStrokeColorRGB(*QUIET)
    right, top = LEFT + COLUMNS * CARD_WIDTH, BOTTOM + ROWS * CARD_HEIGHT
    for column in range(COLUMNS + 1):
        x = LEFT + column * CARD_WIDTH
        canvas.line(x, top + CUT_GAP, x, top + CUT_GAP + CUT_MARK)
        canvas.line(x, BOTTOM - CUT_GAP, x, BOTTOM - CUT_GAP - CUT_MARK)
    for row in range(ROWS + 1):
        y = BOTTOM + row * CARD_HEIGHT
        canvas.line(LEFT - CUT_GAP, y, LEFT - CUT_GAP - CUT_MARK, y)
        canvas.line(right + CUT_GAP, y, right + CUT_GAP + CUT_MARK, y)


def _define_face(canvas: Canvas, face: Face) -> None:
    """What every card has is drawn once and referred to by each."""
    canvas.beginForm(FACE, 0, 0, CARD_WIDTH, CARD_HEIGHT)
    column = QR_LEFT - MARGIN
    canvas.setFillColorRGB(*COBALT)
    _line(canvas, face.vendor, BOLD, 8, MARGIN, 47.4 * mm, column)
    canvas.setFillColorRGB(*INK)
    y = 42.4 * mm
    for size, name in zip((10.0, 8.0), dict.fromkeys(side.product for side in face.sides), strict=False):
        _line(canvas, name, BOLD, size, MARGIN, y, column)
        y -= 3.9 * mm
    y = 34.2 * mm
    for text in _facts(face.sides):
        _line(canvas, text, PLAIN, FACTS_SIZE, MARGIN, y, column)
        y -= 2.75 * mm
    y = 14.6 * mm
    for side in face.sides:
        for text in side.instructions:
            _line(canvas, text, PLAIN, SMALL_SIZE, MARGIN, y, SERIAL_LEFT - MARGIN)
            y -= 2.15 * mm
        y -= 0.7 * mm
    canvas.setFillColorRGB(*QUIET)
    label = _drawable(face.serial_label, PLAIN)
    canvas.setFont(PLAIN, SMALL_SIZE)
    canvas.drawRightString(CARD_WIDTH - MARGIN, SERIAL_BASELINE + 2.6 * mm, label)
    canvas.endForm()


def _facts(sides: tuple[Side, ...]) -> Iterator[str]:
    yield from (side.carries for side in sides)
    yield from (side.redeem_by for side in sides if side.redeem_by)


def _line(canvas: Canvas, text: str, font: str, size: float, x: float, y: float, width: float) -> None:
    """One line of text, made smaller where it would not fit."""
    shown = _drawable(text, font)
    needed = pdfmetrics.stringWidth(shown, font, size)
    canvas.setFont(font, size if needed <= width else size * width / needed)
    canvas.drawString(x, y, shown)


def _drawable(text: str, font: str) -> str:
    """The text in letters that the face has; one that it lacks loses its accent."""
    has: Any = pdfmetrics.getFont(font).face.charToGlyph
    parts = (letter if ord(letter) in has else unicodedata.normalize("NFKD", letter) for letter in text)
    return "".join(letter for part in parts for letter in part if ord(letter) in has)


def _draw(canvas: Canvas, face: Face, card: Card, place: int) -> None:
    canvas.saveState()
    canvas.translate(*_corner(place))
    canvas.doForm(FACE)
    canvas.setFillColorRGB(*INK)
    canvas.setFont(PLAIN, FACTS_SIZE)
    canvas.drawRightString(CARD_WIDTH - MARGIN, SERIAL_BASELINE, serials.group(card.serial))
    _draw_key(canvas, card.key)
    _draw_qr(canvas, link(face.address, card.key))
    canvas.restoreState()


def _draw_key(canvas: Canvas, key: str) -> None:
    """Fill and outline: between Courier, which is thin, and Courier Bold, whose letters are nearer to one another."""
    width = pdfmetrics.stringWidth(key, KEY, KEY_SIZE)
    text = canvas.beginText((CARD_WIDTH - width) / 2, KEY_BASELINE)
    text.setFont(KEY, KEY_SIZE)
    text.setTextRenderMode(2)
    text.textOut(key)
    canvas.setStrokeColorRGB(*INK)
    canvas.setLineWidth(KEY_STRENGTH)
    canvas.drawText(text)


def _draw_qr(canvas: Canvas, address: str) -> None:
    """The dark modules as one path of runs, so that no viewer leaves a hair between two of them.

    Reckoned in modules: whole numbers are a third of the text that millimetres would be.
    """
    matrix = segno.make(address, error="m", micro=False, boost_error=False, mask=QR_MASK).matrix
    across = len(matrix) + 2 * QUIET_MODULES
    canvas.translate(QR_LEFT, QR_BOTTOM)
    canvas.scale(QR_SIDE / across, QR_SIDE / across)
    path = canvas.beginPath()
    for row, modules in enumerate(matrix):
        for start, length in _runs(modules):
            path.rect(QUIET_MODULES + start, across - QUIET_MODULES - row - 1, length, 1)
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawPath(path, stroke=0, fill=1)


def _runs(modules: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where dark modules stand in a row, and how many side by side."""
    start = modules.find(1)
    while start >= 0:
        end = modules.find(0, start)
        end = len(modules) if end < 0 else end
        yield start, end - start
        start = modules.find(1, end)
