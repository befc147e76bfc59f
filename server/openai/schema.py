"""Shapes that several OpenAI routes share. Unknown fields are refused by name, as OpenAI does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator


class Body(BaseModel):
    """A request body; strict, so that a number sent as a string is an error and not a guess."""

    model_config = ConfigDict(extra="forbid", strict=True)


MAX_ATTRIBUTES = 16
Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Metadata = Annotated[dict[Key, Annotated[str, StringConstraints(max_length=512)]], Field(max_length=MAX_ATTRIBUTES)]
AttributeText = Annotated[str, StringConstraints(max_length=512)]
# What any JSON reader holds exactly; searches compare and return numbers as floats.
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Attributes = Annotated[dict[Key, bool | Whole | Finite | AttributeText], Field(max_length=MAX_ATTRIBUTES)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class StaticSizes(Body):
    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]

    @field_validator("chunk_overlap_tokens")
    @classmethod
    def at_most_half(cls, overlap: int, info: Any) -> int:
        size = info.data.get("max_chunk_size_tokens")
        if size is not None and overlap > size // 2:
            raise ValueError(f"must be at most half of max_chunk_size_tokens ({size})")
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
