"""Fields of what was sent, by name: where one is, and what may stand where an unknown one was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def place_of(loc: Sequence[str | int]) -> str:
    """`("experts", 0, "backend")` as `experts[0].backend`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def fields_beside(model: type[BaseModel], place: Sequence[str | int]) -> tuple[str, ...]:
    """Of the object in `model` that holds the field at `place`, which is the `loc` of an error of pydantic; none where
    that cannot be told."""
    there = [model]
    for part in place[:-1]:
        inner = [found for one in there if (field := _field(one, part)) is not None for found in _models(field)]
        # What is no field is an index, or says which of several types was read.
        there = inner or [one for one in there if part == one.__name__ or part in _tags(one)] or there
    names = dict.fromkeys(name for one in there for name in one.model_fields)
    return tuple(names)


def _field(model: type[BaseModel], name: str | int) -> Any:
    for own, field in model.model_fields.items():
        if name in (own, field.alias):
            return field.annotation
    return None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _tags(model: type[BaseModel]) -> set[Any]:
    """The values by which unions tell their types apart."""
    return {value for field in model.model_fields.values() for value in get_args(field.annotation)}
