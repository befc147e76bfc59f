"""Every pipeline by name. A pipeline's module imports langgraph (about half a second), so it loads on use."""

from __future__ import annotations

from importlib import import_module

from agents.errors import UnknownPipeline
from agents.pipeline import Pipeline

PIPELINES = {
    "chat": "agents.chat:pipeline",
    "rag": "agents.rag:pipeline",
}


def get(name: str) -> Pipeline:
    """Return the pipeline. Raises UnknownPipeline."""
    if name not in PIPELINES:
        raise UnknownPipeline(f"there is no pipeline {name!r}; there are {', '.join(PIPELINES)}")
    module, _, attribute = PIPELINES[name].partition(":")
    pipeline: Pipeline = getattr(import_module(module), attribute)
    return pipeline
