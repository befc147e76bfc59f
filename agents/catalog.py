"""Every pipeline by name. A pipeline's module imports langgraph (about half a second), so it loads on use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from agents.errors import BadPipeline, UnknownPipeline
from agents.pipeline import Pipeline

PIPELINES = {
    "chat": "agents.chat:pipeline",
    "rag": "agents.rag:pipeline",
    "knn": "agents.knn:pipeline",
    "rag_sequence": "agents.rag_sequence:pipeline",
    "rag_token": "agents.rag_token:pipeline",
    "cot": "agents.cot:pipeline",
    "tot": "agents.tot:pipeline",
    "llm_p": "agents.llm_p:pipeline",
    "react": "agents.react:pipeline",
    "reflexion": "agents.reflexion:pipeline",
    "function_calling": "agents.function_calling:pipeline",
    "retro": "agents.retro:pipeline",
    "moe": "agents.moe:pipeline",
    "mrkl": "agents.mrkl:pipeline",
    "hugginggpt": "agents.hugginggpt:pipeline",
    "toolformer": "agents.toolformer:pipeline",
    "research": "agents.research:pipeline",
    "generative": "agents.generative:pipeline",
}


BUILT_IN = frozenset(PIPELINES)


def offer(more: Mapping[str, str]) -> None:
    """Add pipelines of the user's own: name to `package.module:attribute`. Raises BadPipeline."""
    for name, target in more.items():
        if not name.replace("_", "").isalnum() or ":" not in target:
            raise BadPipeline(f"the pipeline {name!r} is {target!r}; it must be NAME = 'package.module:attribute'")
        if name in BUILT_IN:
            raise BadPipeline(f"there is a pipeline {name!r} already; give yours another name")
        PIPELINES[name] = target


def get(name: str) -> Pipeline:
    """Return the pipeline. Raises UnknownPipeline."""
    if name not in PIPELINES:
        raise UnknownPipeline(f"there is no pipeline {name!r}; there are {', '.join(PIPELINES)}")
    module, _, attribute = PIPELINES[name].partition(":")
    try:
        pipeline: Pipeline = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BadPipeline(f"the pipeline {name!r} cannot be loaded from {PIPELINES[name]!r}: {error}") from error
    return pipeline
