"""What `sandtable doctor` finds about the embedder: whether its runtime graph is made, or its server answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.cli.checks import Check

if TYPE_CHECKING:
    from pathlib import Path

    from server.settings import Settings

BUNDLED = "minilm"


def embedder(settings: Settings, prepare: bool) -> Check:
    """Whether the bundled embedder's runtime graph is there; with `prepare` it is made. Another one is asked for a
    vector, if it is behind HTTP.
    """
    from retrieval.embedders import runtime
    from retrieval.errors import RetrievalError

    if settings.embedder != BUNDLED:
        return _configured(settings)
    directory = settings.cache()
    if not prepare:
        return _cached(directory)
    try:
        made = runtime.prepare(directory)
    except RetrievalError as error:
        return Check("embedder", "fail", str(error), "see the message; SANDTABLE_CACHE_DIR moves the cache")
    how = "made" if made.built else "already there"
    detail = f"{made.runtime} graph {how} ({made.seconds:.1f} s), least cosine to float32 {made.min_cosine:.4f}"
    return Check("embedder", "ok", f"{detail}: {made.path}")


def _cached(directory: Path) -> Check:
    """A look at the folder alone: opening the graph, as a start does, also judges whether it is sound."""
    from importlib.metadata import version

    from retrieval.embedders.cache import GRAPH
    from retrieval.embedders.weights import SHA256

    found = sorted(directory.glob(f"{SHA256}-*{version('onnxruntime')}-*/{GRAPH}"))
    if found:
        return Check("embedder", "ok", f"runtime graph cached: {found[0]}")
    way_out = "`sandtable doctor --prepare` makes it now; else the first start takes some seconds longer"
    return Check("embedder", "warn", f"no runtime graph in {directory} yet", way_out)


def _configured(settings: Settings) -> Check:
    from pydantic import ValidationError

    from backends.errors import BackendError
    from retrieval.embedders.remote import RemoteEmbedder
    from retrieval.errors import RetrievalError
    from server.backend_choice import profiles
    from server.embedders import Embedders
    from server.settings import environment

    try:
        embedders = Embedders(settings.cache(), profiles(settings, environment()))
    except (BackendError, ValidationError):
        return Check("embedder", "warn", f"{settings.embedder!r}: not tried, as a backend's configuration is at fault")
    try:
        found = embedders.load(settings.embedder)
        said = f"answers, {found.dimension} dimensions" if isinstance(found, RemoteEmbedder) else "as configured"
    except RetrievalError as error:
        return Check("embedder", "fail", str(error), "correct `embedder`, or the profile that it names")
    finally:
        embedders.close()
    return Check("embedder", "ok", f"{settings.embedder!r}: {said}")
