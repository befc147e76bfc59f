"""PowerPoint presentations: slide after slide with its number and title, text, tables, charts, diagrams and notes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.lines import Lines
from retrieval.loaders.numbers import shown
from retrieval.loaders.office import DAMAGE, POWERPOINT, check_package, damaged

_A: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_DIAGRAM: Final = "/diagramData"
# Placeholders that repeat on each slide what is not of it: date, footer, number; header.
_FURNITURE: Final = frozenset(["dt", "ftr", "sldNum", "hdr"])
_TITLES: Final = frozenset(["title", "ctrTitle"])
_TICKS: Final = 200
"""Values of a chart that are written out."""


def load_pptx(path: Path, filename: str, media_type: str) -> Parsed:
    """Return each slide as `## Slide N: title`, then its shapes in the order in which PowerPoint reads them aloud, then
    its notes. Hidden slides are read too; pictures are not.
    """
    import pptx
    from pptx.exc import PythonPptxError

    check_package(path, filename, POWERPOINT)
    try:
        deck = pptx.Presentation(str(path))
        lines = Lines()
        said = [_slide(slide, number, lines) for number, slide in enumerate(deck.slides, start=1)]
        title = (deck.core_properties.title or "").strip()
    except (PythonPptxError, *DAMAGE) as error:
        raise damaged(filename, POWERPOINT, error) from error
    if not any(said):
        raise LoadFailed(
            f"{filename!r} is empty: its {len(said)} slides hold no text (pictures are not read)", "empty_file"
        )
    return Parsed(text=lines.text(), title="" if title == "PowerPoint Presentation" else title, media_type=media_type)


def _slide(slide: Any, number: int, lines: Lines) -> bool:
    """Write one slide; whether there is anything on it."""
    shapes = list(_flat(slide.shapes))
    titles = [shape for shape in shapes if _kind(shape) in _TITLES and shape.has_text_frame]
    title = " ".join(" ".join(shape.text_frame.text.split()) for shape in titles).strip()
    lines.end_block()
    lines.write(f"## Slide {number}: {title}" if title else f"## Slide {number}")
    lines.end_block()
    said = bool(title)
    for shape in shapes:
        if shape not in titles and _kind(shape) not in _FURNITURE:
            said = _shape(shape, lines) or said
    for diagram in _diagrams(slide):
        said = _paragraphs(diagram.iter(_A + "p"), lines, "- ") or said
    if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None and frame.text.strip():
        lines.end_block()
        lines.write("Notes:")
        said = _paragraphs(frame._txBody.iter(_A + "p"), lines, "") or said
    lines.end_block()
    return said


def _flat(shapes: Any) -> Iterator[Any]:
    """The shapes with those inside of groups, in order."""
    stack = [iter(shapes)]
    while stack:
        shape = next(stack[-1], None)
        if shape is None:
            stack.pop()
        elif hasattr(shape, "shapes"):
            stack.append(iter(shape.shapes))
        else:
            yield shape


def _kind(shape: Any) -> str | None:
    """The type of a placeholder as the XML says it; None: an ordinary shape."""
    return str(shape.element.ph.get("type", "obj")) if shape.is_placeholder else None


def _shape(shape: Any, lines: Lines) -> bool:
    lines.end_block()
    if shape.has_text_frame:
        return _paragraphs(
            shape.text_frame._txBody.iter(_A + "p"), lines, "- " if _kind(shape) in ("obj", "body") else ""
        )
    if getattr(shape, "has_table", False):
        rows = [[cell.text_frame.text for cell in row.cells] for row in shape.table.rows]
        return _table(rows, lines)
    if getattr(shape, "has_chart", False):
        return _chart(shape.chart, lines)
    return False


def _paragraphs(paragraphs: Any, lines: Lines, mark: str) -> bool:
    """A line for each: with `mark` where it is a list. Also text that python-pptx passes over (fields, changes)."""
    said = False
    for paragraph in paragraphs:
        lines.end_line()
        lines.mark(mark)
        for node in paragraph.iter(_A + "t", _A + "br"):
            if node.tag == _A + "br":
                lines.write(" ")
            elif node.text:
                lines.write(node.text)
                said = said or bool(node.text.strip())
    lines.end_line()
    return said


def _table(rows: list[list[str]], lines: Lines) -> bool:
    lines.open_table(data=True)
    for row in rows:
        lines.open_row()
        for cell in row:
            lines.cell()
            lines.write(cell)
        lines.close_row()
    lines.close_table()
    return any(cell.strip() for row in rows for cell in row)


def _chart(chart: Any, lines: Lines) -> bool:
    """The title, and the figures as a table with a row for each category."""
    said = chart.has_title and chart.chart_title.has_text_frame and chart.chart_title.text_frame.text.strip()
    if said:
        lines.write(chart.chart_title.text_frame.text)
        lines.end_line()
    for plot in chart.plots:
        series = list(plot.series)
        names = [str(category) for category in plot.categories] or [str(n + 1) for n in range(len(series[0].values))]
        rows = [["", *(one.name or "" for one in series)]]
        for n, name in enumerate(names[:_TICKS]):
            rows.append([name, *(shown(one.values[n], "General") if n < len(one.values) else "" for one in series)])
        said = _table(rows, lines) or said
    return bool(said)


def _diagrams(slide: Any) -> Iterator[Any]:
    """The text trees of SmartArt, which lie in parts of their own."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for relation in slide.part.rels.values():
        if relation.reltype.endswith(_DIAGRAM) and not relation.is_external:
            yield etree.fromstring(relation.target_part.blob, parser)
