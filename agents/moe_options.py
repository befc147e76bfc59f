"""What a caller may set of a mixture of experts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from agents.errors import BadPipeline, UnknownPipeline
from agents.experts.dispatch import Method, Rules
from agents.experts.expert import Expert
from agents.experts.routing import SecondRule
from agents.inner_options import read_options
from agents.pipeline import Options

NAME = "moe"


def asks(question: str) -> str:
    """Raises ValueError for a question without any text."""
    if not question.strip():
        raise ValueError("is empty: give a question, or leave it out")
    return question


class MoeOptions(Options):
    experts: tuple[Expert, ...] = Field(
        (),
        max_length=64,
        description="The experts: {name, description, backend?, pipeline?, collection?, options?}. None: those of the "
        "setting `experts`, else documents (with a collection), reasoning and conversation.",
    )
    method: Method = Field(
        "top1",
        description="top1 (Switch), top2 (GShard: the second expert by chance), or base (BASE: the best assignment "
        "that gives every expert the same number of questions).",
    )
    second: SecondRule = Field(
        "gshard",
        description="How probable the second expert is: gshard: 2 g2 / (g1 + g2); raw: 2 g2; threshold: certain from "
        "g2 / (g1 + g2) = 0.2 on.",
    )
    capacity_factor: float = Field(
        1.25, gt=0, le=64, description="An expert takes ceil(k * factor * questions / experts) questions of a batch."
    )
    overflow: Literal["bypass", "next"] = Field(
        "bypass",
        description="A question whose experts are full: the run's own backend answers it (bypass), or the best expert "
        "that has room.",
    )
    temperature: float = Field(0.1, ge=1e-6, le=100, description="Of the gate's softmax; the lower, the surer.")
    gate: str | None = Field(
        None, min_length=1, max_length=64, description="A gate trained by `sandtable train-gate`, by its name."
    )
    questions: tuple[Annotated[str, AfterValidator(asks)], ...] = Field(
        (), max_length=200, description="Further questions, routed together with the run's own as one batch."
    )
    combine: Literal["vote", "list"] = Field(
        "vote",
        description="What becomes of two answers: equal ones add their weights and the heaviest is taken (vote), or "
        "all are given, heaviest first.",
    )

    @field_validator("experts")
    @classmethod
    def _can_be_told_apart_and_run(cls, value: tuple[Expert, ...], info: ValidationInfo) -> tuple[Expert, ...]:
        names = [expert.name for expert in value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two experts are named {min(twice)!r}")
        for expert in value:
            if expert.runs() == NAME:
                raise ValueError(f"{expert.name!r}: {NAME!r} does not run itself; name another pipeline")
            try:
                read_options(expert.runs(), expert.options, info.context)
            except (UnknownPipeline, BadPipeline, ValueError) as error:
                raise ValueError(f"{expert.name!r}: {error}") from None
        return value

    @model_validator(mode="after")
    def _two_need_two(self) -> Self:
        if self.method == "top2" and len(self.experts) == 1:
            raise ValueError("'top2' asks two experts, and there is one: add another, or use top1")
        return self

    def rules(self) -> Rules:
        return Rules(self.method, self.second, self.capacity_factor, self.temperature, self.overflow)
