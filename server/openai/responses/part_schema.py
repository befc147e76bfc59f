"""The parts of a message, or of what a function said."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.openai.schema import Body, Text


class InputText(Body):
    type: Literal["input_text"]
    text: Text
    prompt_cache_breakpoint: Any | None = None


class OutputText(Body):
    type: Literal["output_text"]
    text: Text
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None


class Refusal(Body):
    type: Literal["refusal"]
    refusal: Text


class InputImage(Body):
    type: Literal["input_image"]
    image_url: Text | None = None
    detail: Literal["auto", "low", "high"] | None = None
    file_id: Text | None = None
    prompt_cache_breakpoint: Any | None = None


class InputFile(BaseModel):
    """Known to the API; here files belong into a vector store."""

    model_config = ConfigDict(extra="allow")
    type: Literal["input_file"]


Part = Annotated[InputText | OutputText | Refusal | InputImage | InputFile, Field(discriminator="type")]
