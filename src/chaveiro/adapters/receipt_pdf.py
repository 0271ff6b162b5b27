"""A document as PDF: A4, real text in an embedded face, our mark drawn as lines, title, author and language told.

Equal documents give equal files. The face (Bitstream Vera, which reportlab brings) has the letters of western Europe;
any other letter is written without its accent, and where even that is missing as a question mark.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache, partial
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import reportlab
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import SimpleDocTemplate, TableStyle
from reportlab.platypus import Table as Grid

from chaveiro.rules.documents import Document, Facts, Heading, Paragraph, Part, Table

PLAIN, BOLD = "Vera", "Vera-Bold"
FONTS = {PLAIN: "Vera.ttf", BOLD: "VeraBd.ttf"}
INK, QUIET, COBALT, LINE = HexColor("#15202f"), HexColor("#4a5a70"), HexColor("#1b4b8f"), HexColor("#c9d4e3")
RED = HexColor("#a4262c")
MARGIN = 20 * mm
WIDTH = A4[0] - 2 * MARGIN
PADDING = 6  # what the frame of a page keeps free inside itself
LETTERHEAD = 16 * mm
TERM_WIDTH = 48 * mm


def receipt_pdf(document: Document) -> bytes:
    """The file. Meets rules.documents.Printer."""
    _fonts()
    file = BytesIO()
    paper = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN - PADDING,
        rightMargin=MARGIN - PADDING,
        topMargin=MARGIN + LETTERHEAD,
        bottomMargin=MARGIN,
        title=document.title,
        author=document.author,
        subject=document.subject,
        creator="Chaveiro",
        lang=document.language,
        invariant=1,
    )
    story = [_text(document.title, 17, BOLD, after=4), _text(document.code, 13, BOLD, COBALT, after=10)]
    for part in document.parts:
        story += _flowables(part)
    paper.build(story, canvasmaker=partial(_Paged, document=document))
    return file.getvalue()


class _Paged(Canvas):  # type: ignore[misc]
    """A canvas that knows, when it writes the first page, how many there are."""

    def __init__(self, *arguments: Any, document: Document, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._document = document
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - reportlab's name
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        pages = self._pages
        for number, page in enumerate(pages, start=1):
            self.__dict__.update(page)
            self._frame(number, len(pages))
            super().showPage()
        super().save()

    def _frame(self, number: int, pages: int) -> None:
        top = A4[1] - MARGIN
        _mark(self, MARGIN, top - 10 * mm, 10 * mm)
        self.setFont(BOLD, 11)
        self.setFillColor(INK)
        self.drawString(MARGIN + 14 * mm, top - 6.5 * mm, _written(self._document.author))
        self.setStrokeColor(LINE)
        self.line(MARGIN, top - 13 * mm, A4[0] - MARGIN, top - 13 * mm)
        self.setFont(PLAIN, 8)
        self.setFillColor(QUIET)
        self.drawString(MARGIN, 12 * mm, _written(self._document.subject))
        told = self._document.page_words % {"page": number, "pages": pages}
        self.drawRightString(A4[0] - MARGIN, 12 * mm, _written(told))


def _mark(canvas: Canvas, left: float, bottom: float, size: float) -> None:
    """The house's mark, a key before tiles, in a picture 32 wide and high whose first line is at the top."""
    canvas.saveState()
    canvas.translate(left, bottom + size)
    canvas.scale(size / 32, -size / 32)
    canvas.setStrokeColor(COBALT)
    canvas.setFillColor(COBALT)
    canvas.setLineWidth(2)
    canvas.rect(3, 3, 26, 26)
    canvas.setLineWidth(3.5)
    canvas.circle(12, 14, 4.25)
    for left_edge, above, wide, high in ((11, 18, 2, 7), (13, 23, 1, 2), (13, 20, 3, 1), (20, 8, 5, 5), (20, 16, 5, 5)):
        canvas.rect(left_edge, above, wide, high, stroke=0, fill=1)
    canvas.restoreState()


def _flowables(part: Part) -> list[Any]:
    match part:
        case Heading(text):
            return [_text(text, 11.5, BOLD, before=10, after=4, keep=True)]
        case Paragraph(text, weighty):
            return [_text(text, 9.5, BOLD if weighty else PLAIN, RED if weighty else INK, after=5)]
        case Facts(rows):
            return [_grid([[_text(term, 9, color=QUIET), _text(value, 9.5)] for term, value in rows], _halves())]
        case Table():
            return [_table(part)]


def _halves() -> list[float]:
    return [TERM_WIDTH, WIDTH - TERM_WIDTH]


def _table(table: Table) -> Any:
    def line(cells: tuple[str, ...], font: str, color: Color) -> list[Any]:
        return [_text(cell, 9, font, color, right=place in table.figures) for place, cell in enumerate(cells)]

    rows = [line(table.headings, BOLD, QUIET), *(line(row, PLAIN, INK) for row in table.rows)]
    if table.foot:
        rows.append(line(table.foot, BOLD, INK))
    narrow = 22 * mm
    wide = (WIDTH - narrow * len(table.figures)) / max(1, len(table.headings) - len(table.figures))
    widths = [narrow if place in table.figures else wide for place in range(len(table.headings))]
    return _grid(rows, widths, heads=1)


def _grid(rows: list[list[Any]], widths: list[float], heads: int = 0) -> Any:
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
    return Grid(rows, colWidths=widths, repeatRows=heads, style=TableStyle(style), hAlign="LEFT", spaceAfter=6)


def _text(
    text: str,
    size: float,
    font: str = PLAIN,
    color: Color = INK,
    *,
    before: float = 0,
    after: float = 0,
    keep: bool = False,
    right: bool = False,
) -> Any:
    style = ParagraphStyle(
        "text",
        fontName=font,
        fontSize=size,
        leading=size * 1.4,
        textColor=color,
        spaceBefore=before,
        spaceAfter=after,
        keepWithNext=keep,
        alignment=2 if right else 0,
        splitLongWords=True,
    )
    return Text(escape(_written(text), quote=False), style)


def _written(text: str) -> str:
    """The text in letters that the face has."""
    return "".join(_letter(letter) for letter in text)


@lru_cache(maxsize=4096)
def _letter(letter: str) -> str:
    known = _glyphs()
    if ord(letter) in known:
        return letter
    if letter.isspace():
        return " "
    plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return plain if plain and all(ord(part) in known for part in plain) else "?"


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    _fonts()
    return frozenset(pdfmetrics.getFont(PLAIN).face.charToGlyph) & frozenset(pdfmetrics.getFont(BOLD).face.charToGlyph)


@lru_cache(maxsize=1)
def _fonts() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, file in FONTS.items():
        pdfmetrics.registerFont(TTFont(name, folder / file))
