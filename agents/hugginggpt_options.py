"""What a caller may set of HuggingGPT: which experts there are, who chooses, and how many tasks run at once."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from agents import catalog
from agents.errors import BadPipeline, UnknownPipeline
from agents.inner_options import read_options
from agents.tool_use import ToolOptions
from tools.registry.entry import Entry

NAME = "hugginggpt"


class HuggingGPTOptions(ToolOptions):
    registry: str | None = Field(
        None, max_length=32, description="A registry of the setting `registries`, by its name; null: what the service "
        "has itself, its tools, the pipelines below and the model.",
    )  # fmt: skip
    experts: tuple[Entry, ...] = Field(
        (), max_length=64, description="Experts of your own, beside those of the registry: {id, tasks, description?, "
        "downloads?, args?} and one of tool, pipeline, backend, url.",
    )  # fmt: skip
    pipelines: tuple[str, ...] = Field(
        ("rag", "cot"), max_length=20, description="Without a registry: the pipelines that are experts."
    )
    choose: Literal["model", "first"] = Field(
        "model", description="Who chooses among several experts for a task: the model, or nobody: the first is taken."
    )
    top: int = Field(5, ge=1, le=50, description="How many experts the model chooses among, most downloads first.")
    candidate_tokens: int = Field(
        1000, ge=50, le=100_000, description="About how many tokens their descriptions may have in all."
    )
    width: int = Field(8, ge=1, le=64, description="How many tasks may run at once.")
    max_tasks: int = Field(20, ge=1, le=200, description="How many tasks a plan may have.")
    report: bool = Field(
        True, description="End the answer with what was done: each task, its expert, its result or why it has none."
    )

    @field_validator("pipelines")
    @classmethod
    def _are_other_pipelines(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            _check(name)
        return value

    @field_validator("experts")
    @classmethod
    def _can_be_called(cls, value: tuple[Entry, ...], info: ValidationInfo) -> tuple[Entry, ...]:
        ids = [entry.id for entry in value]
        if twice := {id for id in ids if ids.count(id) > 1}:
            raise ValueError(f"two experts are called {min(twice)!r}")
        known = (info.context or {}).get("tools")
        for entry in value:
            if entry.kind() is None:
                raise ValueError(f"{entry.id!r} names no tool, pipeline, backend or url")
            if entry.tool is not None and known is not None and entry.tool not in known:
                raise ValueError(f"{entry.id!r}: there is no tool {entry.tool!r}; there are {', '.join(known)}")
            if entry.pipeline is not None:
                _check(entry.pipeline)
                read_options(entry.pipeline, entry.options, info.context)
        return value


def _check(name: str) -> None:
    """Raises ValueError."""
    if name == NAME:
        raise ValueError(f"{NAME!r} is no expert of itself: name another pipeline")
    try:
        catalog.get(name)
    except (UnknownPipeline, BadPipeline) as error:
        raise ValueError(str(error)) from None
