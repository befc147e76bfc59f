"""Documents made on the spot, good and evil."""

import io
import zipfile
from collections.abc import Sequence
from html import escape

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(paragraphs: Sequence[str], *, title: str = "", password: str | None = None) -> bytes:
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    western = ParagraphStyle("western", fontName="Helvetica", fontSize=11, spaceAfter=8)
    chinese = ParagraphStyle("chinese", fontName="STSong-Light", fontSize=11, spaceAfter=8, wordWrap="CJK")
    out = io.BytesIO()
    document = SimpleDocTemplate(out, title=title, encrypt=password)
    document.build([Paragraph(escape(p), western if p.isascii() else chinese) for p in paragraphs])
    return out.getvalue()


def pdf_lines(*pages: Sequence[str]) -> bytes:
    """One string a line, as it stands."""
    from reportlab.pdfgen import canvas

    out = io.BytesIO()
    drawing = canvas.Canvas(out)
    for lines in pages:
        for n, line in enumerate(lines):
            drawing.drawString(72, 760 - 14 * n, line)
        drawing.showPage()
    drawing.save()
    return out.getvalue()


def docx(paragraphs: Sequence[str] = (), *, table: Sequence[Sequence[str]] = (), title: str = "") -> bytes:
    """A paragraph that begins with "# " is a heading, with "- " a list item; the table comes last."""
    import docx as python_docx

    document = python_docx.Document()
    document.core_properties.title = title
    for paragraph in paragraphs:
        if paragraph.startswith("# "):
            document.add_heading(paragraph[2:], 1)
        elif paragraph.startswith("- "):
            document.add_paragraph(paragraph[2:], style="List Bullet")
        else:
            document.add_paragraph(paragraph)
    if table:
        made = document.add_table(len(table), len(table[0]))
        for row, cells in zip(made.rows, table, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def repacked(package: bytes, parts: dict[str, bytes]) -> bytes:
    """The package with parts put in or in place of others."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, data in parts.items():
            new.writestr(name, data)
    return out.getvalue()


def docx_body(body: str, prolog: str = "") -> bytes:
    xml = f'<?xml version="1.0"?>{prolog}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return repacked(docx(), {"word/document.xml": xml.encode()})


def pptx(slides: Sequence[tuple[str, Sequence[str]]], *, notes: str = "") -> bytes:
    """Each slide a title and the paragraphs of its body; `notes` on the last one."""
    import pptx as python_pptx

    deck = python_pptx.Presentation()
    for title, paragraphs in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text_frame.text = "\n".join(paragraphs)
    if notes:
        slide.notes_slide.notes_text_frame.text = notes
    out = io.BytesIO()
    deck.save(out)
    return out.getvalue()


def xlsx(sheets: dict[str, Sequence[Sequence[object]]], *, title: str = "") -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    book.properties.title = title
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def pptx_body(shapes: str, prolog: str = "") -> bytes:
    """One slide whose shapes are this XML."""
    names = (
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    )
    group = "<p:nvGrpSpPr><p:cNvPr id='1' name=''/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>"
    tree = f"<p:cSld><p:spTree>{group}{shapes}</p:spTree></p:cSld>"
    xml = f'<?xml version="1.0"?>{prolog}<p:sld {names}>{tree}</p:sld>'
    return repacked(pptx([("T", ["x"])]), {"ppt/slides/slide1.xml": xml.encode()})


def xlsx_sheet(rows: str, prolog: str = "", behind: str = "") -> bytes:
    """One sheet with these rows of XML; `behind`: what follows them, such as merged cells."""
    xml = (
        f'<?xml version="1.0"?>{prolog}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{rows}</sheetData>{behind}</worksheet>"
    )
    return repacked(xlsx({"S": [["x"]]}), {"xl/worksheets/sheet1.xml": xml.encode()})
