"""Rerankers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrieval.errors import BadReranker

if TYPE_CHECKING:
    from retrieval.base import Reranker

NEIGHBOURS: Final = "neighbours"
PREFIX: Final = "cross-encoder:"


def load(spec: str) -> Reranker:
    """Return the reranker that `spec` names; a model is loaded on its first use. Raises BadReranker.

    "neighbours" needs no model; "cross-encoder:NAME_OR_PATH" is a CrossEncoder of sentence-transformers.
    """
    if spec == NEIGHBOURS:
        from retrieval.rerankers.neighbours import Neighbours

        return Neighbours()
    name = spec.removeprefix(PREFIX).strip()
    if not spec.startswith(PREFIX) or not name:
        raise BadReranker(f"no reranker {spec!r}: use {NEIGHBOURS!r}, which needs no model, or '{PREFIX}NAME_OR_PATH'")
    from retrieval.rerankers.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(name)
