"""A second embedding model, made on the spot."""

from __future__ import annotations

from pathlib import Path

DIMENSION = 256


def projected(folder: Path) -> str:
    """Save MiniLM with its 384 dimensions turned and cut to 256: another model as far as anybody can tell."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

    from retrieval.embedders.weights import HIDDEN, model_folder

    torch.manual_seed(0)
    model = SentenceTransformer(str(model_folder()), device="cpu")
    dense = Dense(HIDDEN, DIMENSION, bias=False, activation_function=torch.nn.Identity())
    torch.nn.init.orthogonal_(dense.linear.weight)
    model.append(dense)
    model.save(str(folder))
    return str(folder)
