"""What a caller may set of MRKL: which experts there are, who routes, and what happens when an expert cannot."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from agents import catalog
from agents.errors import BadPipeline, UnknownPipeline
from agents.inner_options import read_options
from agents.mrkl_cards import MODEL, Card
from agents.tool_use import ToolOptions

NAME = "mrkl"
Router = Literal["auto", "model", "lexical", "dense", "hybrid"]


class MrklOptions(ToolOptions):
    pipelines: tuple[str, ...] = Field(
        ("rag",), max_length=20, description="Pipelines that are experts; one that searches only with a collection."
    )
    cards: tuple[Card, ...] = Field(
        (), max_length=200, description="Descriptions and examples of your own for experts; the built-in ones give way."
    )
    router: Router = Field(
        "auto",
        description="Who chooses: the model, from the nearest descriptions; or the nearest one by words (lexical), by "
        "meaning (dense) or by both (hybrid). auto: the model where there is one, else hybrid.",
    )
    shortlist: int = Field(12, ge=1, le=100, description="How many of the nearest experts the model chooses among.")
    min_score: float = Field(
        0.3, ge=0, le=1, description="Without a model's choice: an expert nearer than this, or the fall-back answers."
    )
    fallback: str = Field(
        "auto",
        description='Who answers when no expert does: "model" is the backend by itself, else a pipeline. auto: rag '
        "where there is a collection, else the model.",
    )
    phrase: Literal["auto", "model", "tool"] = Field(
        "auto",
        description="Who words what a tool said: the model, or nobody. auto: the model where there is one.",
    )
    provenance: bool = Field(True, description="End the answer with a line that says which expert gave it.")

    @field_validator("pipelines")
    @classmethod
    def _are_other_pipelines(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            _check(name)
        return value

    @field_validator("fallback")
    @classmethod
    def _is_another_pipeline(cls, value: str) -> str:
        if value not in ("auto", MODEL):
            _check(value)
        return value

    @field_validator("cards")
    @classmethod
    def _fit_their_experts(cls, value: tuple[Card, ...], info: ValidationInfo) -> tuple[Card, ...]:
        known = (info.context or {}).get("tools")
        for card in value:
            if card.expert in catalog.PIPELINES:
                read_options(card.expert, card.options)
            elif known is not None and card.expert not in known:
                raise ValueError(f"there is no tool and no pipeline {card.expert!r} to describe")
            elif card.options:
                raise ValueError(f"{card.expert!r} is a tool, and takes no options")
        return value

    def card(self, expert: str) -> Card:
        return next((card for card in self.cards if card.expert == expert), Card(expert=expert))


def _check(name: str) -> None:
    if name == NAME:
        raise ValueError(f"{NAME!r} is no expert of itself: name another pipeline")
    try:
        catalog.get(name)
    except (UnknownPipeline, BadPipeline) as error:
        raise ValueError(str(error)) from None
