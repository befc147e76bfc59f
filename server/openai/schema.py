"""Shapes that several OpenAI routes share. Unknown fields are refused by name, as OpenAI does."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError


class Body(BaseModel):
    """A request body; strict, so that a number sent as a string is an error and not a guess."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _whole_text(text: str) -> str:
    """JSON can smuggle in half of a surrogate pair, which no database, tokenizer or reply takes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = ascii(text[error.start])
        raise PydanticCustomError(
            "unicode_text", "not Unicode text: {half} is half of a surrogate pair", {"half": half}
        ) from None
    return text


MAX_DEPTH = 64
"""Levels of free-form JSON; filters need fewer."""


def _whole_json(value: Any) -> Any:
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _whole_text(item)
            elif isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, float) and not isfinite(item):
                raise PydanticCustomError("finite", "JSON has no {number}", {"number": str(item)})
        if not below:
            return value
        level = below
    raise PydanticCustomError("too_deep", "nested more than {most} levels deep", {"most": MAX_DEPTH})


UNICODE = BeforeValidator(lambda given: _whole_text(given) if isinstance(given, str) else given)
"""Last in `Annotated[str, ...]`, so that limits of length are still told in characters."""
Text = Annotated[str, UNICODE]
"""Every text of a request that has no type of its own."""
WHOLE_JSON = BeforeValidator(_whole_json)
"""Before a type of another layer, which knows nothing of what JSON can smuggle in."""
Json = Annotated[dict[str, Any], AfterValidator(_whole_json)]
"""An object whose fields are checked later, by whoever knows them."""

MAX_ATTRIBUTES = 16
Key = Annotated[str, StringConstraints(min_length=1, max_length=64), UNICODE]
Metadata = Annotated[
    dict[Key, Annotated[str, StringConstraints(max_length=512), UNICODE]], Field(max_length=MAX_ATTRIBUTES)
]
EXACT = 2**53
"""Whole numbers up to here are what any JSON reader holds exactly; searches compare numbers as floats."""


def _attribute(value: Any) -> Any:
    """One message for what four alternatives would each say in their own way."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= 512:
        return _whole_text(value)
    if (isinstance(value, int) and abs(value) <= EXACT) or (isinstance(value, float) and isfinite(value)):
        return value
    raise PydanticCustomError(
        "attribute",
        "must be a text of at most 512 characters, true, false, a finite number, or a whole number within ±{exact}",
        {"exact": EXACT},
    )


Attribute = Annotated[bool | int | float | str, BeforeValidator(_attribute)]
Attributes = Annotated[dict[Key, Attribute], Field(max_length=MAX_ATTRIBUTES)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256), UNICODE]


class StaticSizes(Body):
    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]

    @field_validator("chunk_overlap_tokens")
    @classmethod
    def at_most_half(cls, overlap: int, info: Any) -> int:
        size = info.data.get("max_chunk_size_tokens")
        if size is not None and overlap > size // 2:
            raise PydanticCustomError(
                "overlap", "must be at most half of max_chunk_size_tokens ({size})", {"size": size}
            )
        return overlap


class AutoChunking(Body):
    type: Literal["auto"]


class StaticChunking(Body):
    type: Literal["static"]
    static: StaticSizes


ChunkingStrategy = Annotated[AutoChunking | StaticChunking, Field(discriminator="type")]


class ExpiresAfter(Body):
    anchor: Literal["last_active_at"]
    days: Annotated[int, Field(ge=1, le=365)]
