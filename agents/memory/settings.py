"""What a caller may set of memory: `"long"`, or `{"kind": "long", "budget": 1000}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from agents.memory.record import Moment
from agents.memory.scoring import Weights
from backends.base import Value

Kind = Literal["none", "short", "long", "hybrid", "stream"]
Format = Literal["natural", "embeddings", "rows", "list"]
_RECALL: Final = ("budget", "records", "format", "at")
TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "none": (),
    "short": ("budget",),
    "long": _RECALL,
    "hybrid": _RECALL,
    "stream": (*_RECALL, "recency", "importance", "relevance", "reflect_at"),
}
"""What has an effect on which kind."""


class MemorySettings(Value):
    kind: Kind = Field(
        description="`short`: older turns become a summary. `long`: facts that outlive the thread. `hybrid`: both. "
        "`stream`: observations by recency, importance and relevance, with reflections. `none`: nothing."
    )
    budget: int = Field(
        2_000, ge=100, le=1_000_000, strict=True,
        description="Tokens, estimated, that the history may have (`short`, `hybrid`), and what is recalled as well.",
    )  # fmt: skip
    records: int = Field(10, ge=1, le=100, strict=True, description="Records that are recalled, at most.")
    format: Format = Field(
        "natural",
        description="How the model is told what is recalled: `natural` sentences, database `rows`, a structured "
        "`list`, or `embeddings`: found by vectors alone, told as bare texts.",
    )
    at: Moment | None = Field(
        default_factory=lambda: None,  # A default of null is told by some makers of schemas and left out by others.
        description="Recall as things stood at that time (ISO 8601), with facts that were superseded later.",
    )
    recency: float = Field(1.0, ge=0, le=100, description="Of `stream`: weight of how lately a record was used.")
    importance: float = Field(1.0, ge=0, le=100, description="Of `stream`: weight of its importance.")
    relevance: float = Field(1.0, ge=0, le=100, description="Of `stream`: weight of its nearness to the question.")
    reflect_at: float = Field(
        150.0, gt=0, description="Of `stream`: reflect when what was observed since the last reflection weighs more."
    )

    @property
    def compacts(self) -> bool:
        return self.kind in ("short", "hybrid")

    @property
    def recalls(self) -> bool:
        return self.kind in ("long", "hybrid", "stream")

    @property
    def weights(self) -> Weights:
        return Weights(self.recency, self.importance, self.relevance)


def _named(given: object) -> object:
    """A text is the kind, with everything else as usual."""
    if not isinstance(given, str):
        return given
    if given not in get_args(Kind):
        kinds = ", ".join(get_args(Kind))
        raise PydanticCustomError("memory", "no memory {given}; there are {kinds}", {"given": given, "kinds": kinds})
    return {"kind": given}


def _with_effect(given: MemorySettings) -> MemorySettings:
    for name, field in MemorySettings.model_fields.items():
        value, usual = getattr(given, name), field.get_default(call_default_factory=True)
        if name != "kind" and name not in TAKES[given.kind] and value != usual:
            takes = ", ".join(TAKES[given.kind]) or "no settings"
            about = {"name": name, "value": str(value), "kind": given.kind, "takes": takes}
            raise PydanticCustomError(
                "memory", "{name} {value} has no effect on memory {kind}, which takes {takes}: leave it out", about
            )
    return given


Memory = Annotated[MemorySettings, BeforeValidator(_named), AfterValidator(_with_effect)]
"""As a request has it."""
