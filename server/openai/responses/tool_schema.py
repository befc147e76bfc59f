"""The tools that a response may be given, and the choice among them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.openai.function_tools import MOST, Function, FunctionName
from server.openai.schema import Body, Json, Text


class FunctionTool(Function):
    type: Literal["function"]
    output_schema: Json | None = None
    defer_loading: Literal[False] | None = None
    allowed_callers: list[Literal["direct"]] | None = None


class RankingOptions(Body):
    ranker: Text | None = None
    score_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    hybrid_search: Any | None = None


class FileSearchTool(Body):
    type: Literal["file_search"]
    vector_store_ids: Annotated[list[Text], Field(min_length=1)]
    filters: Json | None = None
    max_num_results: Annotated[int, Field(ge=1, le=50)] | None = None
    ranking_options: RankingOptions | None = None


class OtherTool(BaseModel):
    """Known to the API; a pipeline brings its own."""

    model_config = ConfigDict(extra="allow")
    type: Literal[
        "apply_patch", "code_interpreter", "computer", "computer_use", "computer_use_preview", "custom",
        "image_generation", "local_shell", "mcp", "namespace", "programmatic_tool_calling", "shell", "tool_search",
        "web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11",
    ]  # fmt: skip


Tool = Annotated[FunctionTool | FileSearchTool | OtherTool, Field(discriminator="type")]


class NamedChoice(Body):
    type: Literal["function"]
    name: FunctionName


class SearchChoice(Body):
    type: Literal["file_search"]


class AllowedChoice(Body):
    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[
        list[Annotated[NamedChoice | SearchChoice, Field(discriminator="type")]], Field(min_length=1, max_length=MOST)
    ]


Choice = (
    Literal["none", "auto", "required"]
    | Annotated[NamedChoice | SearchChoice | AllowedChoice, Field(discriminator="type")]
)
