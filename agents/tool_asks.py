"""The backend of a run as a tool asks it: in the trace, before the run's limits, and in its cassette like any call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents.errors import LimitReached
from backends.base import Message, Source
from backends.errors import BackendError
from backends.extractive import Extractive
from tools.errors import ToolError

if TYPE_CHECKING:
    from agents.run import Run

NO_MODEL = (
    "no language model is set up here, only a backend that quotes documents: give it a text to quote, or go without"
)


class Asking:
    """For one call of a tool. `ended`: the limit that it ran into, which ends the run and not only the call."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.ended: LimitReached | None = None

    async def __call__(self, instructions: str, text: str, question: str, sources: Sequence[Source] = ()) -> str:
        if not sources and self._run.deps.backend.name == Extractive.name:
            raise ToolError(NO_MODEL)
        try:
            completion = await self._run.ask(
                Message(role="system", content=instructions),
                Message(role="user", content=text),
                question=question,
                sources=sources,
            )
        except BackendError as error:
            raise ToolError(f"the language model failed: {error}") from error
        except LimitReached as error:
            self.ended = error
            raise
        return completion.message.content
