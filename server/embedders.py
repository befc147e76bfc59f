"""Embedders by name, those behind HTTP among them: `PROFILE:MODEL` is a model of that profile's server, `ft:NAME` one
that was trained here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING

from backends.errors import BackendError, ContextLengthExceeded, RateLimited, RequestRefused, TimedOut
from backends.load import needs_key
from backends.presets import PRESETS
from backends.profiles import Profile
from retrieval.errors import EmbedderFailed, EmbedderMissing
from server.loop_thread import LoopThread
from server.trained_models import PREFIX as TRAINED
from server.trained_models import TrainedModels

if TYPE_CHECKING:
    from array import array

    from backends.embeddings import EmbeddingModel
    from retrieval.base import Embedder

TOO_MUCH = frozenset({400, 413, 422})
"""What servers say to more texts in a request than they take."""


class Embedders:
    """Loads embedders. Those behind HTTP share one thread with an event loop, so that embedding may block as it does
    with a model in process, and a stop of the service ends requests under way.
    """

    def __init__(
        self, cache_dir: Path, profiles: Mapping[str, Profile], trained: TrainedModels | None = None
    ) -> None:  # fmt: skip
        self._cache_dir = cache_dir
        self._trained = trained
        self._profiles = profiles
        self._loop = LoopThread()
        self._models: list[EmbeddingModel] = []

    def load(self, spec: str) -> Embedder:
        """The embedder of `spec`; nothing is loaded or asked yet. Raises EmbedderMissing."""
        from retrieval.embedders.load import PREFIX, load

        if spec.startswith(TRAINED) and self._trained is not None:
            return load(f"{PREFIX}{self._trained.folder(spec)}", cache_dir=self._cache_dir, name=spec)
        name, colon, model = spec.strip().partition(":")
        profile = self._profiles.get(name)
        if profile is None or not colon or spec.startswith(PREFIX):
            return load(spec, cache_dir=self._cache_dir)
        return self._remote(profile, model.strip())

    def close(self) -> None:
        """End requests under way and the connections."""
        self._loop.close([model.aclose() for model in self._models])

    def _remote(self, profile: Profile, model: str) -> Embedder:
        from backends.embeddings import EmbeddingModel
        from retrieval.embedders.remote import RemoteEmbedder

        if profile.kind == "ollama" and profile.base_url is not None:
            # Beside its own API, whose address this is, Ollama speaks the form of OpenAI.
            profile = profile.model_copy(update={"kind": "openai", "base_url": f"{profile.base_url}/v1"})
        if profile.kind != "openai" or profile.base_url is None:
            raise EmbedderMissing(
                f"the backend profile {profile.name!r} (kind {profile.kind!r}) has no server of OpenAI's form to embed "
                "with: give it a base_url, or take another profile, or 'default'"
            )
        if not model:
            raise EmbedderMissing(f"'{profile.name}:' names no model: write '{profile.name}:MODEL'")
        if needs_key(profile):
            variables = " or ".join(PRESETS[profile.name].key_names)
            raise EmbedderMissing(
                f"the embedder '{profile.name}:{model}' needs a key: set {variables}, or api_key in its profile"
            )
        options = profile.embeddings
        served = EmbeddingModel(profile, model)
        self._models.append(served)
        return RemoteEmbedder(
            served.name,
            OverHttp(served, self._loop),
            identity=f"{profile.base_url} {model}",
            window=options.max_tokens,
            batch=options.batch,
            dimension=options.dimensions,
            query_prefix=options.query_prefix,
            document_prefix=options.document_prefix,
        )


class OverHttp:
    """A `retrieval.embedders.remote.Wire`."""

    def __init__(self, model: EmbeddingModel, loop: LoopThread) -> None:
        self._model = model
        self._loop = loop

    def embed(self, texts: Sequence[str]) -> list[array[float]]:
        try:
            return self._loop.run(self._model.embed(texts))
        except BackendError as error:
            raise _failed(self._model.name, error) from error
        except CancelledError:
            raise EmbedderFailed(f"the embedder {self._model.name!r} was asked while the service stops") from None


def _failed(name: str, error: BackendError) -> EmbedderFailed:
    message = f"the embedder {name!r} did not embed: {error}"
    if isinstance(error, ContextLengthExceeded):
        return EmbedderFailed(message, refused="length")
    if isinstance(error, RateLimited):
        return EmbedderFailed(message, status=429, retry_after=error.retry_after, passing=error.retryable)
    if isinstance(error, TimedOut):
        return EmbedderFailed(message, status=504, passing=True)
    if error.retryable:
        return EmbedderFailed(message, retry_after=error.retry_after, passing=True)
    many = isinstance(error, RequestRefused) and error.status in TOO_MUCH
    return EmbedderFailed(message, refused="request" if many else "")
