"""What can go wrong between us and a model.

BackendError
+-- Unreachable            no connection, or it broke before anything came
+-- TimedOut               no answer, or no further piece, in time
+-- AuthenticationFailed   401, 403: the key is missing or wrong
+-- RateLimited            429 after all retries; `retry_after` seconds if the server said
+-- ContextLengthExceeded  the request is longer than the model's window
+-- RequestRefused         any other 4xx: the server does not take this request
+-- UpstreamFailed         5xx, or an error inside a 200 stream
+-- BadReply               a reply that is not the protocol
+-- BadStructuredOutput    an answer that is not the JSON asked for, also when it was asked for again
+-- IncompleteStream       the stream ended before its finish reason
+-- CapabilityMissing      this backend cannot do what the request asks (says which, and ways out)
+-- ScriptExhausted        a scripted backend has no reply left (names the prompt)
+-- NotRecorded          a record of a published run has no reply to this (names what was asked)
+-- BadSpec                a backend spec string or profile that cannot be used
"""

from __future__ import annotations


class BackendError(Exception):
    """`retryable`: the same request may go through later. `status`: the HTTP status upstream, if there was one."""

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retryable = retryable
        self.retry_after: float | None = None


class Unreachable(BackendError): ...


class TimedOut(BackendError): ...


class AuthenticationFailed(BackendError): ...


class RateLimited(BackendError): ...


class ContextLengthExceeded(BackendError): ...


class RequestRefused(BackendError): ...


class UpstreamFailed(BackendError): ...


class BadReply(BackendError): ...


class BadStructuredOutput(BackendError):
    """`text`: the last answer as it came; `problems`: what was wrong with it."""

    def __init__(self, message: str, *, text: str, problems: tuple[str, ...]) -> None:
        super().__init__(message)
        self.text = text
        self.problems = problems


class IncompleteStream(BackendError): ...


class CapabilityMissing(BackendError): ...


class ScriptExhausted(BackendError): ...


class NotRecorded(BackendError): ...


class BadSpec(BackendError): ...
