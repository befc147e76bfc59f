"""Makes the ONNX graph of a sentence-transformers model whose parts we know: python -m ... FOLDER TARGET

A process of its own, at a low priority, so that torch's seconds of loading hold up no search. It writes what has proved
to make torch's vectors; it ends with 1 where the model has a part that is not known here, or the graph strays.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.embedders import cache
from retrieval.embedders.converted import DOCUMENT, QUERY, SAME, WINDOW, Runs
from retrieval.embedders.graph import Exact, Projection, Shape, assemble
from retrieval.embedders.samples import CHECKING, PROOF
from retrieval.embedders.session import session
from retrieval.embedders.weights import Linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto

    from retrieval.embedders.weights import Weights

ACTIVATIONS: Final = ("Identity", "Tanh")


def convert(folder: str, target: Path) -> bool:
    """Publish the graph of the model in `folder`; False where that cannot be, or is not the same model."""
    import numpy as np

    from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder, load_model

    model = load_model(folder)
    made = _graph(model)
    if made is None:
        return False
    graph: bytes = made.SerializeToString()
    runs, torch = Runs(folder, session(graph)), SentenceTransformerEmbedder(folder)
    # Longer ones are cut into windows, here and there not quite at the same places.
    texts = [text for text in CHECKING if runs.fits(text)]
    pairs = [(runs.embed(texts, kind=kind), torch.embed(texts, kind=kind)) for kind in ("query", "document")]
    least = min(float((ours * theirs).sum(axis=1).min()) for ours, theirs in pairs)
    if not texts or not np.isfinite(least) or least < SAME:
        return False
    cache.publish(target, graph, least, tuple(runs.embed([PROOF], kind="document")[0].tolist()))
    return True


def _graph(model: Any) -> ModelProto | None:
    encoder, pooling, *tail = list(model)
    if type(encoder).__name__ != "Transformer" or type(pooling).__name__ != "Pooling":
        return None
    config = encoder.auto_model.config
    if not _is_bert(config) or pooling.pooling_mode not in ("mean", "cls") or not pooling.include_prompt:
        return None
    try:
        parts = tuple(_part(part) for part in tail)
    except LookupError:
        return None
    weights = {name: tensor.detach().cpu().float().numpy() for name, tensor in encoder.auto_model.state_dict().items()}
    shape = Shape(
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        epsilon=config.layer_norm_eps,
        dimension=_dimension(parts, config.hidden_size),
        pooling=pooling.pooling_mode,
        tail=parts,
    )
    return _described(model, assemble(weights, Exact(shape.heads), shape=shape))


def _is_bert(config: Any) -> bool:
    absolute = getattr(config, "position_embedding_type", "absolute") == "absolute"
    return config.model_type == "bert" and config.hidden_act == "gelu" and absolute and not config.is_decoder


def _part(part: Any) -> Projection | None:
    """What follows the pooling, as `Shape.tail` has it. Raises LookupError where it is not known here."""
    import numpy as np

    kind = type(part).__name__
    if kind == "Normalize":
        return None
    activation = type(getattr(part, "activation_function", None)).__name__
    if kind != "Dense" or activation not in ACTIVATIONS:
        raise LookupError(kind)
    state: Weights = {name: tensor.detach().cpu().float().numpy() for name, tensor in part.linear.state_dict().items()}
    bias = state.get("bias", np.zeros(len(state["weight"]), np.float32))
    return Projection(Linear(state["weight"].T, bias), "Tanh" if activation == "Tanh" else "Identity")


def _dimension(parts: Sequence[Projection | None], hidden: int) -> int:
    sizes = [part.layer.matrix.shape[1] for part in parts if isinstance(part, Projection)]
    return sizes[-1] if sizes else hidden


def _described(model: Any, made: ModelProto) -> ModelProto:
    """With what the graph itself does not say: the window, and the prompts as the library chooses them."""
    from onnx import helper

    from retrieval.embedders.sentence_transformer import window_of

    default = model.prompts.get(model.default_prompt_name) or ""
    documents = [model.prompts[name] for name in ("document", "passage", "corpus") if name in model.prompts]
    query = model.prompts.get("query", default)
    about = {WINDOW: str(window_of(model)), QUERY: query or "", DOCUMENT: (documents or [default])[0] or ""}
    helper.set_model_props(made, about)
    return made


def main() -> None:
    folder, target = sys.argv[1:]
    if hasattr(os, "nice"):
        os.nice(10)
    sys.exit(0 if convert(folder, Path(target)) else 1)


if __name__ == "__main__":
    main()
