"""The plan as the model writes it: a list of tasks that name each other's results, and what has to hold of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model, field_validator, model_validator
from pydantic_core import PydanticCustomError

from agents.task_board import End
from agents.task_graph import faults

RESULT = re.compile(r"<\s*(?:resource|generated)\s*(?:>\s*-\s*(\d{1,6})|-\s*(\d{1,6})\s*>)", re.IGNORECASE)
"""`<resource>-1` as in the paper, `<GENERATED>-1` and `<GENERATED-1>` as in the authors' code and its examples."""


class Task(BaseModel):
    """A value of a graph's state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str = Field(description="Its type.")
    id: int = Field(ge=0, le=999_999)
    dep: tuple[int, ...] = Field(default=(), description="Ids of the tasks whose results it needs.")
    args: dict[str, JsonValue] = Field(
        default={}, description="Its arguments; <resource>-ID stands for the result of the task of that id."
    )

    @field_validator("dep")
    @classmethod
    def _without_none(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        """The paper writes [-1] for no dependency."""
        return tuple(dict.fromkeys(id for id in value if id != -1))

    def needs(self) -> tuple[int, ...]:
        """What it says that it depends on, and whatever its arguments name."""
        return tuple(dict.fromkeys((*self.dep, *named(self.args))))

    def line(self) -> str:
        after = f" after {', '.join(map(str, self.needs()))}" if self.needs() else ""
        return f"{self.id} {self.task}{after} {json.dumps(self.args, ensure_ascii=False)}"


class Form(BaseModel):
    """What a type of task takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    args: dict[str, str] = {}
    """Name -> what it is; none: any are taken."""
    required: tuple[str, ...] = ()
    description: str = ""


def plan_type(forms: Mapping[str, Form], most: int) -> type[BaseModel]:
    """The type of a whole plan, {"tasks": [...]}; a bare list of tasks, as in the paper, is read as one too."""

    def whole(_cls: Any, value: Any) -> Any:
        return {"tasks": value} if isinstance(value, list) else value

    def sound(self: Any) -> Any:
        if wrong := problems(self.tasks, forms):
            raise PydanticCustomError("plan", "{wrong}", {"wrong": "; ".join(wrong)})
        return self

    types: Any = (Literal[tuple(forms)], Field(description="Its type."))
    listed: Any = create_model("ListedTask", __base__=Task, task=types)
    checks: dict[str, Any] = {
        "whole": model_validator(mode="before")(classmethod(whole)),  # type: ignore[arg-type]
        "sound": model_validator(mode="after")(sound),
    }
    many: Any = (tuple[listed, ...], Field(max_length=most, description="None: no expert is needed."))
    made: type[BaseModel] = create_model(
        "Plan", __config__=ConfigDict(extra="forbid"), __validators__=checks, tasks=many
    )
    return made


def problems(tasks: tuple[Task, ...], forms: Mapping[str, Form]) -> list[str]:
    ids = Counter(task.id for task in tasks)
    wrong = [f"{times} tasks have the id {id}" for id, times in ids.items() if times > 1]
    for task in tasks:
        form = forms[task.task]
        if form.args and (unknown := sorted(set(task.args) - set(form.args))):
            takes = ", ".join(form.args)
            wrong.append(f"task {task.id} ({task.task}) has no argument {', '.join(unknown)}; it takes {takes}")
        if missing := [name for name in form.required if name not in task.args]:
            wrong.append(f"task {task.id} ({task.task}) lacks the argument {', '.join(missing)}")
    return wrong + faults({task.id: task.needs() for task in tasks}, {task.id: task.task for task in tasks})


def named(value: JsonValue) -> Iterator[int]:
    """The ids of tasks whose results a value names."""
    if isinstance(value, str):
        yield from (int(found[1] or found[2]) for found in RESULT.finditer(value))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named(inner)


def filled(value: Any, ends: Mapping[int, End], *, as_json: bool = False) -> Any:
    """The value with results in the places of their names. `as_json`: a result that is all of an argument and reads as
    JSON, a number for example, becomes that."""
    if isinstance(value, dict):
        return {key: filled(inner, ends, as_json=as_json) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, ends, as_json=as_json) for inner in value]
    if not isinstance(value, str):
        return value
    whole = RESULT.fullmatch(value.strip())
    if whole is not None and as_json:
        text = ends[int(whole[1] or whole[2])].text
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return RESULT.sub(lambda found: ends[int(found[1] or found[2])].text, value)
