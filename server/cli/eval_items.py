"""What `sandtable eval` asks: the task by its name, and its items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli import studies
from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from agents.tasks.base import Item, Task


def task_of(name: str) -> Task:
    from agents.tasks import catalog
    from agents.tasks.base import UnknownTask

    try:
        return catalog.get(name)
    except UnknownTask as error:
        raise click.UsageError(f"{error}, {', '.join(studies.STUDIES)}.") from None


def items_of(task: Task, backend: str | None, data: Path | None) -> list[Item]:
    """From the folder, from a recorded run, or what both have. Raises CommandFailed, UsageError."""
    from agents.tasks.base import BadData, Item
    from backends.errors import BadSpec
    from backends.recorded import read_record

    kind, _, file = (backend or "").partition(":")
    try:
        record = read_record(Path(file)) if kind == "recorded" else None
        items = list(task.items(data)) if data is not None else None
    except (BadData, BadSpec) as error:
        raise CommandFailed(str(error), type="bad_data", wrong_use=True) from None
    if items is not None:
        known = [item for item in items if record is None or record.knows(item.question)]
        if not known:
            reason = f"none of its {len(items)} items is in the record {file!r}" if items else "it holds no item"
            raise CommandFailed(f"{str(data)!r}: {reason}", type="bad_data", wrong_use=True)
        return known
    if record is not None and record.questions:
        return [Item(id=str(place), question=question) for place, question in enumerate(record.questions)]
    raise click.UsageError(f"the task {task.name!r} needs the folder of its data: --data DIR.")
