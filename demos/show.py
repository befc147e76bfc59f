"""How the demos look: in colour on a terminal, as plain lines in a file or pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def section(console: Console, title: str) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(title, style="bold cyan"))


def line(console: Console, text: str, style: str = "") -> None:
    """Text as it is: square brackets are no markup, long lines are not broken when piped."""
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)


def piece(console: Console, text: str) -> None:
    """A part of a text that is still being written."""
    console.print(text, end="", markup=False, highlight=False, soft_wrap=True)


def table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """`right` names the columns that are set flush right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    console.print(made)


def scored(score: float | None, rank: int | None) -> str:
    """`0.512 (1)`: a stage's score and rank; a dash if the stage did not see the passage."""
    return "-" if score is None else f"{score:.3f}" + (f" ({rank})" if rank is not None else "")


def shortened(text: str, most: int) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= most else one_line[: most - 1] + "…"


def stages(console: Console, hits: Sequence[dict[str, Any]]) -> None:
    """What each stage of the search made of its hits."""
    rows = [
        (
            str(place),
            hit["filename"],
            f"{hit['score']:.3f}",
            scored(hit["explain"]["dense"], hit["explain"]["dense_rank"]),
            scored(hit["explain"]["lexical"], hit["explain"]["lexical_rank"]),
            ", ".join(hit["explain"]["matched_terms"]),
        )
        for place, hit in enumerate(hits, start=1)
    ]
    right = ("#", "score", "dense (rank)", "lexical (rank)")
    table(console, ("#", "file", "score", "dense (rank)", "lexical (rank)", "matched terms"), rows, right=right)
