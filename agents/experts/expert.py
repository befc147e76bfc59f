"""An expert of a mixture: a backend, a pipeline, a collection, or several of these together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from backends.base import Backend
    from retrieval.base import Retriever


class ExpertParts(BaseModel):
    """What an expert is made of; whatever is left out is the run's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(
        default="", max_length=2000, description="What it is good at: what the gate compares with."
    )
    backend: str | None = Field(
        default=None, description="A backend's spec: `openai:gpt-4o-mini`, or a profile's name."
    )
    pipeline: str | None = Field(
        default=None, description="A pipeline; left out: `rag` with a collection, else `chat`."
    )
    collection: str | None = Field(default=None, description="A collection, by id or name.")
    options: dict[str, Any] = Field(default={}, description="Options of its pipeline.")

    def runs(self) -> str:
        return self.pipeline or ("rag" if self.collection else "chat")


class Expert(ExpertParts):
    name: str = Field(min_length=1, max_length=64)


@dataclass(frozen=True)
class Equipment:
    """What an expert has instead of the run's own."""

    backend: Backend | None = None
    retriever: Retriever | None = None
    collection: str | None = None
    """The id, and the generation that is searched: for the trace."""
    generation: str | None = None


BUILT_IN = (
    Expert(
        name="documents",
        pipeline="rag",
        description="Facts that stand in the user's own documents: what they say, who, when, where, how many.",
    ),
    Expert(
        name="reasoning",
        pipeline="cot",
        description="Arithmetic, logic puzzles and word problems that have to be worked out step by step.",
    ),
    Expert(
        name="conversation",
        pipeline="chat",
        description="Conversation and writing: a letter, a poem, a translation, an idea, general knowledge.",
    ),
)


def built_in(*, searches: bool) -> tuple[Expert, ...]:
    """The experts of a run that names none; `searches`: it has a collection."""
    return BUILT_IN if searches else BUILT_IN[1:]
