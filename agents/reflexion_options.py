"""What a caller may set of Reflexion, checked against the pipeline that it runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from agents import catalog
from agents.errors import BadPipeline, UnknownPipeline
from agents.heuristic import MAX_ACTIONS, MAX_REPEAT
from agents.inner_options import read_options
from agents.pipeline import Options
from agents.tasks import catalog as tasks
from agents.tasks.base import Tested, UnknownTask

NAME = "reflexion"


class ReflexionOptions(Options):
    inner: str = Field("react", description="The pipeline that makes each trial; any but this one.")
    inner_options: dict[str, Any] = Field({}, description='Options of that pipeline: {"max_steps": 5}.')
    reference: str | tuple[str, ...] | None = Field(
        None,
        description="The right answer, or several; only the evaluator sees it, the model never.",
    )
    task: str | None = Field(None, description="A task of `sandtable eval`, whose check tests the answers: `game24`.")
    evaluator: Literal["auto", "exact", "tests", "code", "llm"] = Field(
        "auto",
        description="Who says whether a trial succeeded: exact match with `reference` after SQuAD's normalisation, the "
        "check of `task`, assertions that the model writes for its own code and that run in the sandbox, or the model "
        "itself. auto: tests if there is a `task`, exact if there is a `reference`, else "
        "the model.",
    )
    max_trials: int = Field(3, ge=1, le=50, description="Trials in all; the paper gives up after 3 failures in a row.")
    omega: int = Field(
        3, ge=0, le=20, description="Reflections that are kept, the last ones. 0: each trial begins anew, without any."
    )
    max_repeat: int = Field(
        MAX_REPEAT,
        ge=1,
        le=100,
        description="A trial ends as stuck when an action with the same observation is repeated in a row more often.",
    )
    max_actions: int = Field(MAX_ACTIONS, ge=1, le=10_000, description="A trial ends as stuck after more actions.")

    @field_validator("inner")
    @classmethod
    def _is_another_pipeline(cls, value: str) -> str:
        if value == NAME:
            raise ValueError(f"{NAME!r} does not run itself: name another pipeline")
        try:
            catalog.get(value)
        except (UnknownPipeline, BadPipeline) as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("inner_options")
    @classmethod
    def _fit_the_pipeline(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "inner" in info.data:
            read_options(info.data["inner"], value, info.context)
        return value

    @field_validator("task")
    @classmethod
    def _is_a_task(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                task = tasks.get(value)
            except UnknownTask as error:
                raise ValueError(str(error)) from None
            if isinstance(task, Tested):
                raise ValueError(f"the tests of {value!r} are hidden and only score: set evaluator to 'code' instead")
        return value

    @field_validator("evaluator")
    @classmethod
    def _has_what_it_needs(cls, value: str, info: ValidationInfo) -> str:
        if value == "exact" and not info.data.get("reference"):
            raise ValueError("'exact' needs a 'reference' to compare with")
        if value == "tests" and not info.data.get("task"):
            raise ValueError("'tests' needs a 'task', whose tests they are")
        return value

    def of_inner(self) -> Options:
        return read_options(self.inner, self.inner_options, None)

    def judge(self) -> str:
        """The evaluator, where it is left open."""
        if self.evaluator != "auto":
            return self.evaluator
        return "tests" if self.task else "exact" if self.reference else "llm"
