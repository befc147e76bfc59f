"""What a caller may set of `generative`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.memory.record import Moment, in_utc
from agents.pipeline import Options

Weight = Annotated[float, Field(ge=0, le=100)]


class Seen(BaseModel):
    """Something that the persona perceives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    at: Annotated[Moment | None, Field(strict=False)] = None
    """None: now. Without a zone it is UTC."""


class GenerativeOptions(Options):
    observations: tuple[Seen, ...] = Field(
        (), max_length=500, description="What the persona perceives before the message: `{text, at?}`, oldest first."
    )
    now: Annotated[Moment | None, Field(strict=False)] = Field(
        None, description="The time in the persona's world (ISO 8601, UTC if it names no zone); default: the real one."
    )
    stream: str = Field(
        "",
        max_length=200,
        description="Name of the memory stream, which all threads may share; default: the thread's own.",
    )
    speaker: str = Field(
        "Somebody", min_length=1, max_length=200, description="Who speaks to the persona, or asks it something."
    )
    max_memory_chars: int = Field(
        4_000, ge=200, le=1_000_000, description="Memories go into the prompt, best first, as long as they fit in this."
    )
    recency: Weight = Field(1.0, description="Weight of how lately a memory was last used (0.995 for every hour).")
    importance: Weight = Field(1.0, description="Weight of the importance that a memory was given when it was made.")
    relevance: Weight = Field(1.0, description="Weight of how near a memory is to what is asked.")
    rate: Literal["model", "constant"] = Field(
        "model", description="Who says how important a memory is, from 1 to 10: the model, or nobody, then it is 5."
    )
    reflect_at: float = Field(
        150.0,
        gt=0,
        description="Reflect when the importance of what was perceived since the last reflection sums to more.",
    )
    latest: int = Field(100, ge=1, le=1_000, description="So many of the latest memories a reflection begins from.")
    questions: int = Field(3, ge=1, le=3, description="Questions of a reflection.")
    insights: int = Field(5, ge=1, le=5, description="Insights of a reflection for each question, at most.")
    plan: bool = Field(
        False,
        description="Plan the day (strokes, then hours), and each hour, as it comes, in blocks of 5-15 minutes.",
    )

    def clock(self, began: datetime) -> datetime:
        return in_utc(self.now or began)
