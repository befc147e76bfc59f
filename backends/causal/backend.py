"""A backend around a model in this process: one thread computes, and the streams take turns at it, token by token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from backends.base import Capabilities, Delta, Request
from backends.capabilities import check
from backends.causal.answering import answered
from backends.errors import RequestRefused

if TYPE_CHECKING:
    from backends.causal.base import Model


LONGEST = 1024
"""Tokens of an answer: a small model that finds no end would go on to that of its window."""
END = object()


class Causal:
    """`make` loads the model, on the thread, when the first request comes; it raises BackendError. `max_tokens`: of an
    answer whose request names none."""

    def __init__(
        self, name: str, make: Callable[[], Model], *, json_schema: bool = False, max_tokens: int = LONGEST
    ) -> None:
        self.name = name
        self.capabilities = Capabilities(json_schema=json_schema, logprobs=True, scoring=True, causal=True)
        self._make = make
        self._max_tokens = max_tokens
        self._model: Model | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises CapabilityMissing, RequestRefused, ContextLengthExceeded, and what loading the model raises."""
        check(self.name, self.capabilities, request)
        _check(request)
        if request.max_tokens is None:
            request = request.model_copy(update={"max_tokens": self._max_tokens})
        if request.reasoning_effort is not None:
            yield Delta(warning=f"{self.name} has no reasoning_effort; it is left out")
        steps = self._steps(request)
        while True:
            made = await self._do(partial(next, steps, END))
            if made is END:
                return
            if isinstance(made, Delta):
                yield made

    async def aclose(self) -> None:
        """Give the memory back. The backend may be used again: it then loads the model anew."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown)
        self._model = None

    async def _do(self, work: Callable[[], object]) -> object:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="causal")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _steps(self, request: Request) -> Iterator[Delta | None]:
        yield from answered(self._loaded(), request, self.name)

    def _loaded(self) -> Model:
        if self._model is None:
            self._model = self._make()
        return self._model


NOT_WITH_BEAMS = (
    "temperature", "top_p", "logit_bias", "frequency_penalty", "presence_penalty", "json_schema", "logprobs",
)  # fmt: skip


def _check(request: Request) -> None:
    """Refuse what cannot be held to. Raises RequestRefused."""
    searching = request.beams is not None or bool(request.contexts)
    wished = {name: getattr(request, name) for name in NOT_WITH_BEAMS}
    named = [name for name, value in wished.items() if value is not None and (value != 0.0 or name == "logprobs")]
    if searching and named:
        raise RequestRefused(
            f"a search with beams takes the most probable tokens as they are: it has no {' or '.join(named)}; leave "
            "that out"
        )
