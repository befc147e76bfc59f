"""Hits of a search as a table."""

from __future__ import annotations

from typing import Any

from server.cli.output import one_line, stdout_console

SNIPPET = 160
"""Characters of a hit's text that are shown; --json gives all of it."""


def show(hits: list[dict[str, Any]], explain: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not hits:
        stdout_console().print("Nothing found.")
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True)
    for heading in ("#", "score"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("file, span", overflow="fold", max_width=28)
    table.add_column("text", overflow="fold", ratio=1)
    for rank, hit in enumerate(hits, start=1):
        place = f"{one_line(hit['filename'])}\n{hit['start']}-{hit['end']}"
        how = f"{stages(hit['explain'])}\n" if explain else ""
        text = Text.assemble((how, "dim"), snippet(hit))
        table.add_row(Text(str(rank)), Text(f"{hit['score']:.3f}"), Text(place), text)
    stdout_console().print(table)


def snippet(hit: dict[str, Any]) -> str:
    text = one_line("\n".join(part["text"] for part in hit["content"]))
    return text if len(text) <= SNIPPET else text[: SNIPPET - 1] + "…"


def stages(found: dict[str, Any]) -> str:
    """Score and rank of each stage that saw the hit, and the matched terms."""
    parts = []
    for stage in ("dense", "lexical", "fused"):
        if (score := found.get(stage)) is not None:
            rank = found.get(f"{stage}_rank")
            parts.append(f"{stage} {score:.3f}" + (f" (#{rank})" if rank else ""))
    if found.get("rerank") is not None:
        parts.append(f"rerank {found['rerank']:.3f} (#{found['rerank_rank']}, before #{found['candidate_rank']})")
    for by in found.get("found_by", ()):
        parts.append(f"{one_line(by['query'])!r} {by['score']:.3f} (#{by['rank']})")
    if terms := found.get("matched_terms"):
        parts.append("terms " + one_line(", ".join(terms)))
    return " · ".join(parts)
