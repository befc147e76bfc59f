"""What can go wrong in retrieval.

RetrievalError
+-- LoadFailed        a file cannot be read as what it claims to be (`code`: what a client can switch on)
+-- BadFilter         a filter outside the grammar; `path` names the place
+-- BadIndexSpec      an index spec string that does not parse
+-- BadChunking       chunking sizes out of range
+-- EmbedderMismatch  vectors of another model or dimension than the generation's (both are named)
+-- EmbedderMissing   the named embedder cannot be loaded here (says why and the way out)
"""

from __future__ import annotations

from typing import Literal


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


class EmbedderMissing(RetrievalError): ...
