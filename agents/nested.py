"""The hands of a pipeline that runs inside a step of another one.

It shares the run's trace, spending, journal and limits. Its answer is not the run's: the outer pipeline decides what
becomes of it, so nothing of it is sent out as it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from agents.run import Run
from backends.base import Message

if TYPE_CHECKING:
    from agents.events import Event
    from agents.experts.expert import Equipment
    from agents.pipeline import Options
    from backends.base import Completion, TokenLogprob

Hear = Callable[[str, type["Event"], dict[str, Any]], None]
"""Is told `task_id`, kind and fields of every event of the nested pipeline, as it happens."""


@dataclass
class NestedRun(Run):
    outer: Run = field(kw_only=True)
    hear: Hear = field(kw_only=True)
    system: str = field(kw_only=True)
    """Said in every call, after what the client says and who the model is to be."""
    drafts: bool = field(kw_only=True)
    """Whether its best answer so far is the outer run's too."""

    def emit(self, kind: type[Event], **fields: Any) -> None:
        self.hear(self.outlet.task_id(), kind, fields)
        super().emit(kind, **fields)

    def say(self, text: str, logprobs: tuple[TokenLogprob, ...] = (), call: int = 0) -> None:
        self._said.append(text)

    def draft(self, answer: str) -> None:
        if self.drafts:
            self.outer.draft(answer)

    async def ask(
        self,
        *messages: Message,
        stream_to: Literal["answer"] | None = None,
        hold: Callable[[str], bool] | None = None,
        **named: Any,
    ) -> Completion:
        told = (Message(role="system", content=self.system),) if self.system else ()
        completion = await super().ask(*told, *messages, **named)
        if stream_to == "answer":
            self._say_again(completion, stream_to, hold)
        return completion


def nested(
    run: Run, options: Options, *, system: str, hear: Hear, drafts: bool, has: Equipment | None = None
) -> NestedRun:
    """`system` is said to the nested pipeline's model, in every call, after what the client says; `has`: a backend or a
    collection of its own."""
    deps = replace(run.deps, options=options)
    if has is not None and has.backend is not None:
        deps = replace(deps, backend=has.backend)
    if has is not None and has.retriever is not None:
        deps = replace(deps, retriever=has.retriever, collection=has.collection, generation=has.generation)
    return NestedRun(
        deps=deps,
        input=run.input,
        outlet=run.outlet,
        spent=run.spent,
        journal=run.journal,
        began=run.began,
        reminder=run.reminder,
        outer=run,
        system=system,
        hear=hear,
        drafts=drafts,
    )
