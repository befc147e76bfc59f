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
from retrieval.embedders.samples import CHECKING, FITTING, PROOF
from retrieval.embedders.saturation import products_saturate
from retrieval.embedders.session import session
from retrieval.embedders.weights import SHA256, model_folder, read
from retrieval.tokens import tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.base import Vectors
    from retrieval.embedders.weights import Array, Weights

Kind = Literal["int8", "int7", "fp32"]
KINDS: Final[tuple[Kind, ...]] = ("int8", "int7", "fp32")
VERSION: Final = "1"
"""Of the way the graph is made: a change makes every cache build anew and every generation's vectors foreign."""
LEAST_COSINE: Final = 0.99
SAME: Final = 0.9999
"""Cosine of the proof to itself: the order of float32 sums is allowed to differ, eight-bit products are not."""


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


@dataclass(frozen=True)
class Built:
    kind: Kind
    graph: bytes
    min_cosine: float


def prepare(cache_dir: Path) -> Prepared:
    """Return the cached graph, made now (a few seconds) if it is absent, damaged or of another kind of processor.

    `cache_dir` is Sandtable's own folder within the user's cache. Safe from several processes at once. Raises
    EmbedderMissing when the weights cannot be read or the folder not written.
    """
    return open_runtime(cache_dir)[0]


def open_runtime(cache_dir: Path) -> tuple[Prepared, Any]:
    """As `prepare`, and the inference session on it."""
    started = perf_counter()
    found = _find(cache_dir)
    if found is not None:
        kind, least, run = found
        return Prepared(_folder(cache_dir, kind) / cache.GRAPH, kind, False, perf_counter() - started, least), run
    made = build("int7" if products_saturate() else "int8")
    run = session(made.graph)
    cache.publish(_folder(cache_dir, made.kind), made.graph, made.min_cosine, _proof(run))
    path = _folder(cache_dir, made.kind) / cache.GRAPH
    return Prepared(path, made.kind, True, perf_counter() - started, made.min_cosine), run


def _find(cache_dir: Path) -> tuple[Kind, float, Any] | None:
    import numpy as np

    for kind in KINDS:
        manifest = cache.read(_folder(cache_dir, kind))
        if manifest is not None:
            run = session(_folder(cache_dir, kind) / cache.GRAPH)
            if np.dot(manifest.proof, _proof(run)) >= SAME:
                return kind, manifest.min_cosine, run
    return None


def _folder(cache_dir: Path, kind: Kind) -> Path:
    """An upgrade of ONNX Runtime checks anew: its kernels decide how true eight bits are."""
    import onnxruntime

    return cache_dir / f"{SHA256}-ort{onnxruntime.__version__}-{kind}-{VERSION}"


def _proof(run: Any) -> tuple[float, ...]:
    return tuple(vectors(run, [PROOF])[0].tolist())


def fingerprint(kind: Kind) -> str:
    return f"{SHA256[:16]}-{kind}-{VERSION}"


def build(wanted: Kind, least_cosine: float = LEAST_COSINE) -> Built:
    """Assemble `wanted`; when it strays further from float32 over the checking texts, return float32 instead."""
    weights = read(model_folder())
    exact: bytes = assemble(weights, Exact()).SerializeToString()
    if wanted == "fp32":
        return Built("fp32", exact, 1.0)
    small: bytes = assemble(weights, Int8(ranges(weights), 127 if wanted == "int8" else 63)).SerializeToString()
    least = float((vectors(session(exact), CHECKING) * vectors(session(small), CHECKING)).sum(axis=1).min())
    return Built(wanted, small, least) if least >= least_cosine else Built("fp32", exact, 1.0)


def ranges(weights: Weights) -> dict[str, Array]:
    """By product: the largest magnitude (inputs,) that the fitting texts bring into each of its channels."""
    import numpy as np

    exact = Exact()
    run = session(assemble(weights, exact, watch=exact.inputs).SerializeToString())
    names = list(exact.inputs.values())
    largest = {name: np.zeros(1, np.float32) for name in names}
    for text in FITTING:
        for name, values in zip(names, run.run(names, {INPUT: _ids(text)}), strict=True):
            largest[name] = np.maximum(largest[name], np.abs(values).max(axis=(0, 1)))
    return {product: largest[name] for product, name in exact.inputs.items()}


def vectors(run: Any, texts: Sequence[str]) -> Vectors:
    """Embed texts that fit the window: float32 (n, 384)."""
    import numpy as np

    return np.concatenate([run.run([OUTPUT], {INPUT: _ids(text)})[0] for text in texts])


def _ids(text: str) -> Any:
    import numpy as np

    return np.array([tokenizer().encode(text).ids], np.int32)
