"""A generation being built, and what it is worth beside the one before, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from server.cli.output import one_line, print_table, stderr_console, stdout_console

FIGURES = (
    ("recall_at_10", "recall@10 against exact", "{:.3f}"),
    ("ndcg_at_10", "nDCG@10, judged", "{:.3f}"),
    ("mrr_at_10", "MRR@10, judged", "{:.3f}"),
    ("p50_ms", "search p50, ms", "{:.2f}"),
    ("p99_ms", "search p99, ms", "{:.2f}"),
    ("qps", "searches/s on one core", "{:.0f}"),
    ("bytes_per_vector", "bytes a vector", "{:.0f}"),
    ("disk_bytes", "bytes on disk", "{:,}"),
    ("build_s", "seconds to build", "{:.1f}"),
    ("n_queries", "queries measured", "{}"),
    ("n_asked", "of these, asked by users", "{}"),
)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Gives a function that is told of the generation, as the service describes it, again and again."""
    console = stderr_console()
    if quiet or not console.is_terminal:
        yield lambda made: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("queued", total=None)

        def tell(made: dict[str, Any]) -> None:
            done, total = made["progress"]["done"], made["progress"]["total"]
            bar.update(task, description=made["status"], completed=done, total=total or None)

        yield tell


def show(name: str, found: dict[str, Any], *, refused: bool = False) -> None:
    """`refused`: it missed its gate."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    before, made = found["before"], found["generation"]
    if before["id"] == made["id"]:
        before = None
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("")
    columns = [made] if before is None else [before, made]
    for column, heading in zip(columns, ("before", "after") if before else ("now",), strict=True):
        table.add_column(f"{heading}: {one_line(column['spec']['index'])}", justify="right", overflow="fold")
    table.add_row("embedder", *(one_line(column["spec"]["embedder"]) for column in columns))
    for figure, label, form in FIGURES:
        values = [(column["metrics"] or {}).get(figure) for column in columns]
        if any(value is not None for value in values):
            table.add_row(label, *("-" if value is None else form.format(value) for value in values))
    console = stdout_console()
    print_table(table)
    for note in made["notes"]:
        console.print(f"note: {one_line(note)}", soft_wrap=True)
    if made["status"] == "active":
        back = f"; the way back: sandtable swap {name} {before['id']} --activate" if before else ""
        console.print(f"{made['id']} is active{back}", soft_wrap=True)
    else:
        all_the_same = " all the same" if refused else ""
        go = f"sandtable swap {name} {made['id']} --activate{' --force' if refused else ''}"
        console.print(f"{made['id']} is {made['status']}; to search with it{all_the_same}: {go}", soft_wrap=True)
