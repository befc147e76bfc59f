"""What can go wrong in a run, beyond its backend and its retriever.

AgentError
+-- UnknownPipeline      no pipeline of this name (lists those there are)
+-- CollectionRequired   the pipeline searches, and no collection was given
+-- LimitReached         a limit of the run; the run ends with what it has (`limit` names it)
"""

from __future__ import annotations


class AgentError(Exception): ...


class UnknownPipeline(AgentError): ...


class CollectionRequired(AgentError): ...


class LimitReached(AgentError):
    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message)
        self.limit = limit
