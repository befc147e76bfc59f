"""An expert as a registry lists it: what it is for, how often it is used, and how it is reached."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["tool", "pipeline", "backend", "url"]
WAYS: tuple[Kind, ...] = ("tool", "pipeline", "backend", "url")
Task = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s<>\"']+$")]


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=200)
    tasks: tuple[Task, ...] = Field(min_length=1, max_length=32, description="The types of task that it is for.")
    description: str = ""
    downloads: int = Field(default=0, ge=0, description="What experts of one type are ranked by.")
    likes: int = Field(default=0, ge=0)
    args: dict[str, str] = Field(
        default={}, max_length=32, description="Names of its arguments, each with what it is; none: any are taken."
    )
    tool: str | None = Field(default=None, description="It is the tool of this name,")
    pipeline: str | None = Field(default=None, description="this pipeline,")
    backend: str | None = Field(default=None, description="a backend's spec, or")
    url: str | None = Field(default=None, max_length=4000, description="an address that takes a POST of JSON.")
    options: dict[str, Any] = Field(default={}, description="Of its pipeline.")
    instructions: str = Field(default="", max_length=8000, description="Of its backend: what it is told beforehand.")
    body: Literal["args", "inputs"] = Field(
        default="args",
        description="What is posted: the arguments as an object, or {inputs, parameters} as Hugging Face takes them.",
    )
    approve: bool = Field(
        default=False,
        description="Whether a person is asked before a call, of a tool or an address; a tool may ask anyway.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [way for way in WAYS if getattr(self, way) is not None]
        if len(ways) > 1:
            raise ValueError(f"{self.id!r} names {' and '.join(ways)}: an expert is one of them")
        if self.options and self.pipeline is None:
            raise ValueError(f"{self.id!r} has options, which only a pipeline takes")
        if self.instructions and self.backend is None:
            raise ValueError(f"{self.id!r} has instructions, which only a backend is told")
        if self.approve and (self.pipeline or self.backend):
            raise ValueError(f"{self.id!r} has approve, which a tool or an address has; a pipeline's is in its options")
        return self

    def kind(self) -> Kind | None:
        """None: listed, with no way to reach it."""
        return next((way for way in WAYS if getattr(self, way) is not None), None)

    def line(self, characters: int) -> str:
        """The description in one line, cut."""
        text = " ".join(re.sub(r"[#*`\u200b]+", " ", self.description).split())
        return text if len(text) <= characters else f"{text[: characters - 1]}…"
