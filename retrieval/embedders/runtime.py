"""Makes the graph that the bundled embedder runs on: eight-bit where that stays true to float32, else float32.

Built once from the weights, checked on the spot, cached. torch has no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Literal

from retrieval.embedders import cache
from retrieval.embedders.graph import INPUT, OUTPUT, Exact, assemble
from retrieval.embedders.int8 import Int8
from retrieval.embedders.samples import CHECKING, FITTING
from retrieval.embedders.saturation import products_saturate
from retrieval.embedders.session import session
from retrieval.embedders.weights import SHA256, read
from retrieval.tokens import tokenizer

if TYPE_CHECKING:
    from retrieval.base import Vectors
    from retrieval.embedders.weights import Array, Weights

Kind = Literal["int8", "int7", "fp32"]
VERSION: Final = "1"
"""Of the way the graph is made: a change makes every cache build anew and every generation's vectors foreign."""
LEVELS: Final[dict[Kind, int]] = {"int8": 127, "int7": 63}
LEAST_COSINE: Final = 0.99


@dataclass(frozen=True)
class Prepared:
    path: Path
    """The ONNX file."""
    runtime: Kind
    built: bool
    """False: it was there already."""
    seconds: float
    min_cosine: float
    """The worst of the checking texts against float32; 1.0 for float32 itself."""


def prepare(cache_dir: Path) -> Prepared:
    """Return the cached graph, made now if it is absent or damaged (a few seconds). Safe from several processes.

    `cache_dir` is Sandtable's own folder within the user's cache. Raises EmbedderMissing.
    """
    started = perf_counter()
    wanted: Kind = "int7" if products_saturate() else "int8"
    for kind in dict.fromkeys((wanted, "fp32")):
        found = cache.read(folder(cache_dir, kind))
        if found is not None:
            path = folder(cache_dir, kind) / cache.GRAPH
            return Prepared(path, kind, False, perf_counter() - started, found.min_cosine)
    kind, graph, cosine = build(wanted)
    cache.publish(folder(cache_dir, kind), graph, cosine)
    return Prepared(folder(cache_dir, kind) / cache.GRAPH, kind, True, perf_counter() - started, cosine)


def folder(cache_dir: Path, kind: Kind) -> Path:
    """An upgrade of ONNX Runtime checks anew: its kernels decide how true eight bits are."""
    import onnxruntime

    return cache_dir / f"{SHA256}-ort{onnxruntime.__version__}-{kind}-{VERSION}"


def fingerprint(kind: Kind) -> str:
    return f"{SHA256[:16]}-{kind}-{VERSION}"


def build(wanted: Kind) -> tuple[Kind, bytes, float]:
    """Return the kind that passed, its file and its least cosine to float32 over the checking texts."""
    weights = read()
    exact: bytes = assemble(weights, Exact()).SerializeToString()
    if wanted == "fp32":
        return "fp32", exact, 1.0
    arithmetic = Int8(ranges(weights), LEVELS[wanted])
    small: bytes = assemble(weights, arithmetic).SerializeToString()
    least = float((vectors(session(exact), CHECKING) * vectors(session(small), CHECKING)).sum(axis=1).min())
    return (wanted, small, least) if least >= LEAST_COSINE else ("fp32", exact, 1.0)


def vectors(run: Any, texts: tuple[str, ...]) -> Vectors:
    import numpy as np

    encoded = [np.array([tokenizer().encode(text).ids], np.int32) for text in texts]
    return np.concatenate([run.run([OUTPUT], {INPUT: ids})[0] for ids in encoded])


def ranges(weights: Weights) -> dict[str, Array]:
    """By product: the largest magnitude (inputs,) that the fitting texts bring into each of its channels."""
    import numpy as np

    exact = Exact()
    model = assemble(weights, exact, watch=exact.inputs)
    run = session(model.SerializeToString())
    names = list(exact.inputs.values())
    largest = {name: np.zeros(1, np.float32) for name in names}
    for text in FITTING:
        ids = np.array([tokenizer().encode(text).ids], np.int32)
        for name, values in zip(names, run.run(names, {INPUT: ids}), strict=True):
            largest[name] = np.maximum(largest[name], np.abs(values).max(axis=(0, 1)))
    return {product: largest[name] for product, name in exact.inputs.items()}
