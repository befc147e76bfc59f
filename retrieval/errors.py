"""What can go wrong in retrieval.

RetrievalError
+-- LoadFailed        a file cannot be read as what it claims to be (`code`: what a client can switch on)
+-- BadFilter         a filter outside the grammar; `path` names the place
+-- BadIndexSpec      an index spec string that does not parse
+-- BadChunking       chunking sizes out of range
+-- EmbedderMismatch  vectors of another model or dimension than the generation's (both are named)
+-- UnknownGeneration no such generation is loaded (names those that are)
+-- GenerationNotReady a generation whose status does not allow what is asked of it
+-- GateFailed        a generation that misses what its gate demands (`misses`: the figures)
+-- TrainingEnded     the process that trained an index came to no end of its own (says how)
+-- IndexUnavailable  the engine that holds an index cannot be reached or used (names the setting, and the way out)
+-- EmbedderAway      a generation that is there needs a model that cannot be loaded or asked now (says the way out)
+-- EmbedderMissing   the named embedder cannot be loaded here (says why and the way out)
+-- BadReranker       a reranker's spec that names none
+-- RerankerMissing   the named reranker cannot be loaded here (says why and the way out)
+-- EmbedderFailed    a service that embeds did not, or what it sent are no vectors
+-- TrainingRefused   training data or settings that a retriever cannot be trained with (`param`: which)
"""

from __future__ import annotations

from typing import Any, Literal


class RetrievalError(Exception): ...


class LoadFailed(RetrievalError):
    def __init__(
        self,
        message: str,
        code: Literal["unsupported_file", "invalid_file", "empty_file", "file_too_large", "timed_out"],
    ) -> None:
        super().__init__(message)
        self.code = code


class BadFilter(RetrievalError):
    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


class BadIndexSpec(RetrievalError): ...


class BadChunking(RetrievalError): ...


class EmbedderMismatch(RetrievalError): ...


class UnknownGeneration(RetrievalError): ...


class GenerationNotReady(RetrievalError): ...


class TrainingEnded(RetrievalError): ...


class GateFailed(RetrievalError):
    def __init__(self, message: str, misses: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.misses = misses


class IndexUnavailable(RetrievalError):
    def __init__(self, message: str, *, lost: bool = False) -> None:
        """`lost`: the engine is there, but what was kept in it is not."""
        super().__init__(message)
        self.lost = lost


class EmbedderAway(RetrievalError): ...


class EmbedderMissing(RetrievalError): ...


class BadReranker(RetrievalError): ...


class RerankerMissing(RetrievalError): ...


class EmbedderFailed(RetrievalError):
    def __init__(
        self,
        message: str,
        *,
        status: Literal[429, 502, 504] = 502,
        retry_after: float | None = None,
        passing: bool = False,
        refused: Literal["", "request", "length"] = "",
    ) -> None:
        """`status`: what HTTP calls it. `passing`: the same request may go through later (overload, a server that is
        down). `refused`: a smaller request may be taken, or only a shorter text.
        """
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.passing = passing
        self.refused = refused


class TrainingRefused(RetrievalError):
    def __init__(self, message: str, param: str = "training_file") -> None:
        super().__init__(message)
        self.param = param
