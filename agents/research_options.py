"""What a caller may set of `research`, and what its model is asked for beside the plan."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.tool_use import ToolOptions
from tools.sql import MOST_FILES


class ResearchOptions(ToolOptions):
    tools: tuple[Literal["sql", "python"], ...] | None = Field(
        None,
        description="Which of `sql` and `python` may be used; null: both, `python` only where there is a sandbox.",
    )
    review: bool = Field(
        False, description="A person is asked about the plan before anything is done, and may change it."
    )
    max_questions: int = Field(5, ge=1, le=10, description="Questions of the plan; further ones are left out.")
    tables: tuple[str, ...] | None = Field(
        None,
        max_length=MOST_FILES,
        description="Ids of the files with figures (CSV, XLSX, SQLite); null: those that a search finds.",
    )
    attempts: int = Field(2, ge=1, le=5, description="How often a query or a program that failed is written in all.")
    max_source_chars: int = Field(
        16_000, ge=500, le=1_000_000, description="Characters of source text in a prompt, in all; the rest is dropped."
    )


class Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    query: str = Field(min_length=1, description="One SELECT statement.")


class Program(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(min_length=1, description="Python that draws the chart.")
