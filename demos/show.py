"""How the demos look: in colour on a terminal, as plain lines in a file or pipe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def section(console: Console, title: str) -> None:
    from rich.text import Text

    console.print()
    console.print(Text(title, style="bold cyan"), soft_wrap=True)


def line(console: Console, text: str, style: str = "") -> None:
    """Text as it is: square brackets are no markup, long lines are not broken when piped."""
    from rich.text import Text

    console.print(Text(text, style=style), soft_wrap=not console.is_terminal)


def piece(console: Console, text: str) -> None:
    """A part of a text that is still being written."""
    console.print(text, end="", markup=False, emoji=False, highlight=False, soft_wrap=True)


def table(
    console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()
) -> None:
    """`right` names the columns that are set flush right; only the last column is broken into several lines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", no_wrap=name != columns[-1])
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    console.print(made)


def scored(score: float | None, rank: int | None) -> str:
    """`0.512 (1)`: a stage's score and rank; a dash if the stage did not see the passage."""
    return "-" if score is None else f"{score:.3f}" + (f" ({rank})" if rank is not None else "")


def counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


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


def files(console: Console, done: Sequence[dict[str, Any]]) -> None:
    """What became of every file; one that failed with its reason."""
    rows = [
        (
            file["filename"],
            file["last_error"]["message"] if file["last_error"] else file["status"],
            str(file["progress"]["total"]),
            file["attributes"]["language"],
        )
        for file in done
    ]
    table(console, ("file", "status", "chunks", "language"), rows, right=("chunks",))


def trace(console: Console, events: Sequence[dict[str, Any]]) -> None:
    """One line for every event of a run; the pieces of its text are only counted."""
    begun = datetime.fromisoformat(events[0]["at"])
    tokens = sum(event["type"] == "token" for event in events)
    rows = [
        (
            f"{(datetime.fromisoformat(event['at']) - begun).total_seconds():.3f}",
            event["type"],
            event["node"],
            shortened(_detail(event), 60),
        )
        for event in events
        if event["type"] != "token"
    ]
    table(console, ("seconds", "event", "step", "what"), rows, right=("seconds",))
    line(console, f"and {counted(tokens, 'piece', 'pieces')} of text", "dim")


def _detail(event: dict[str, Any]) -> str:
    match event["type"]:
        case "run_started":
            return f"{event['pipeline']}, {event['backend']}"
        case "retrieved":
            return f"{counted(len(event['hits']), 'passage', 'passages')} in {event['seconds']:.3f} s"
        case "llm_called":
            return f"{event['backend']} in {event['seconds']:.3f} s"
        case "step_finished":
            return "wrote " + ", ".join(event["changed"])
        case "warning":
            return str(event["message"])
        case "run_finished":
            return counted(len(event["citations"]), "citation", "citations")
        case _:
            return ""
