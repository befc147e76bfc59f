"""A progress bar on stderr, when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.cli.output import stderr_console


@contextmanager
def progress(total: int, quiet: bool, what: str = "files") -> Iterator[Callable[[float], None]]:
    """Gives a function that is told how much of `total` things is done; parts of one count."""
    console = stderr_console()
    if quiet or not console.is_terminal:
        yield lambda done: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{total} {what}", total=total)
        yield lambda done: bar.update(task, completed=done)
