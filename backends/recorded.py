"""Model outputs of published runs, given again to the pipeline that asks for them. No model is asked.

A record answers what its run was asked: by what the call is about (`Request.subject`) and the question. Whatever else a
pipeline asks ends its run with an error that names it: nothing is made up.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Protocol

from backends.asked import shortened
from backends.base import Capabilities, Delta, Request
from backends.capabilities import check
from backends.errors import BadSpec, NotRecorded
from backends.scripted import PIECE


class Record(Protocol):
    @property
    def questions(self) -> Sequence[str]:
        """What the recorded runs were asked, in the order of the file; none if the file does not say."""
        ...

    def knows(self, question: str) -> bool: ...

    def reply(self, request: Request) -> str | None:
        """What the model said to this; None if it is not in the record."""
        ...


class Recorded:
    capabilities = Capabilities()

    def __init__(self, record: Record, name: str) -> None:
        self.name = name
        self.record = record

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises NotRecorded."""
        check(self.name, self.capabilities, request)
        text = self.record.reply(request)
        if text is None:
            about = dict(request.subject) or {"prompt": request.messages[-1].content}
            raise NotRecorded(
                f"{self.name!r} has no reply to {shortened(str(about))!r} for the question "
                f"{shortened(request.question)!r}: it answers the pipeline and the questions of its run only"
            )
        for piece in PIECE.findall(text):
            yield Delta(text=piece)
        yield Delta(finish="stop")


def read_record(path: Path) -> Record:
    """The record in a file; its form is seen from its content. Raises BadSpec."""
    from backends.recorded_dfs import DfsRecord, is_dfs
    from backends.recorded_react import ReactRecord, is_react
    from backends.recorded_tot import TotRecord

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSpec(f"the record {str(path)!r} cannot be read: {error}") from None
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if isinstance(data, list) and data and isinstance(data[0], dict) and "steps" in data[0]:
        return TotRecord(data)
    if is_dfs(data):
        return DfsRecord(data, path.parent)
    if is_react(text):
        return ReactRecord(text)
    raise BadSpec(
        f"{str(path)!r} is no record that is known: a JSON log of tree-of-thought-llm (a list with 'steps', or "
        "lists with 'actions'), or "
        "trajectories of ReAct (an index and a question, then lines `Thought 1:`, `Action 1:`, `Observation 1:`)"
    )
