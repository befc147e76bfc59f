"""A run's hands for what memory asks the model on its own: it speaks as nobody, and not to the reader."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.run import Run


def quiet(run: Run) -> Run:
    """Without the client's system message, the persona and what is recalled, which are for the answer."""
    return replace(run, input=run.input.model_copy(update={"system": "", "persona": None}), reminder=None)


def writes(run: Run) -> bool:
    """Whether the backend is a model that can be asked; `extractive` only quotes."""
    return run.deps.backend.name != "extractive"
