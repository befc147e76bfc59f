"""What a pipeline is: a value that names a graph, its source, its options and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

# Not typing's: of that one pydantic can tell no schema before Python 3.12, and LangGraph asks it for the state's.
from typing_extensions import TypedDict

from agents.citation import Citation
from backends.base import Message

if TYPE_CHECKING:
    from langgraph.graph import StateGraph


class State(TypedDict, total=False):
    """The waist that all pipelines share and all that a nested one sees; whatever else a pipeline keeps is its own."""

    question: str
    history: list[Message]
    """The turns before the question, oldest first, without system messages."""
    whole_history: list[Message]
    """The same as the thread has them, while `history` is what memory leaves of them; else empty, or missing."""
    answer: str
    citations: list[Citation]


class Options(BaseModel):
    """What a caller may set. Every field has a default and a description, and its schema is the HTTP schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def unused(self) -> frozenset[str]:
        """Names of fields of `agents.run.Sampling` that could have no effect with these options: they are refused."""
        return frozenset()


@dataclass(frozen=True)
class Pipeline:
    name: str
    summary: str
    """One sentence for the reader of a list."""
    source: str
    """The paper, or "-"."""
    options: type[Options]
    graph: StateGraph[Any, Any, Any, Any]
    """Uncompiled: who runs it brings the checkpointer."""
    needs_collection: bool = False
    asks_model: bool = True
    """False: no backend is ever asked."""
    asks: bool = False
    """Whether a step may stop to ask a person, so that every run has to be kept."""
    needs: frozenset[str] = frozenset()
    """Names of fields of `backends.base.Capabilities` that the backend must have."""
    takes: frozenset[str] = frozenset()
    """`images`, and names of fields of `agents.wishes.Wishes`: what it grants of them."""
