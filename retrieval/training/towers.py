"""The encoders to train: one for both sides, or one for each side, begun from the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retrieval.errors import TrainingRefused
from retrieval.training.recipe import Recipe

SIDES = ("query", "document")
SHARED = "model"
"""The folder of the one encoder of both sides."""


def begun(base: str, recipe: Recipe) -> Any:
    """The model before training, whose vectors have length 1. Raises EmbedderMissing, TrainingRefused."""
    from sentence_transformers import SentenceTransformer

    if recipe.towers == "shared":
        return _normalised(base)
    from sentence_transformers.sentence_transformer.modules import Router

    query, document = (_normalised(base) for _ in SIDES)
    router = Router.for_query_document(list(query), list(document))
    model = SentenceTransformer(modules=[router], prompts=query.prompts, device=str(query.device))
    model.max_seq_length = query.max_seq_length
    return model


def _normalised(base: str) -> Any:
    from sentence_transformers.sentence_transformer.modules import Normalize, Router

    from retrieval.embedders.sentence_transformer import load_model

    model = load_model(base)
    parts = list(model)
    if any(isinstance(part, Router) for part in parts):
        raise TrainingRefused(f"{base!r} has two encoders already; begin with one that has one", "model")
    if not isinstance(parts[-1], Normalize):
        model.append(Normalize())
    return model


def windows(model: Any, tokens: int | None) -> int:
    """Set how many tokens every encoder sees; None leaves it. Returns the former number."""
    former: int = 0
    for encoder in encoders(model):
        former = encoder.max_seq_length or 512
        if tokens is not None:
            encoder.max_seq_length = tokens
    return former


def encoders(model: Any) -> list[Any]:
    from sentence_transformers.sentence_transformer.modules import Transformer

    return [part for part in model.modules() if isinstance(part, Transformer)]


def freeze(model: Any, layers: int) -> None:
    """Raises TrainingRefused where the model has no such layers."""
    for encoder in encoders(model):
        inner = encoder.auto_model
        stack = getattr(getattr(inner, "encoder", None), "layer", None)
        if stack is None or not hasattr(inner, "embeddings") or layers >= len(stack):
            has = "none that can be told apart" if stack is None else f"{len(stack)}, one of which has to learn"
            raise TrainingRefused(f"frozen_layers is {layers}; the model has {has}", "frozen_layers")
        for part in (inner.embeddings, *stack[:layers]):
            part.requires_grad_(False)


def save(model: Any, folder: Path) -> None:
    """Write the encoder, or one for each side, as models of sentence-transformers."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Router

    first = next(iter(model))
    if not isinstance(first, Router):
        model.save(str(folder / SHARED), create_model_card=False)
        return
    for side in SIDES:
        modules = list(first.sub_modules[side])
        SentenceTransformer(modules=modules, prompts=model.prompts).save(str(folder / side), create_model_card=False)
