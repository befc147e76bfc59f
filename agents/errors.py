"""What can go wrong in a run, beyond its backend and its retriever.

AgentError
+-- UnknownPipeline      no pipeline of this name (lists those there are)
+-- UnknownTool          no tool of this name (lists those there are)
+-- BadPipeline          a pipeline of the user's own that cannot be loaded
+-- CollectionRequired   the pipeline searches, and no collection was given
+-- BadQuestion          the question is not of the form that the pipeline's options ask for
+-- SandboxRequired      a tool that runs code was asked for, and code cannot be run here (says why)
+-- PlannerMissing       a pipeline that plans, without a planner (says how to install one)
+-- BadAnswer            what a person answered to a step that asked is not understood
+-- BadUpdate            a change of a thread's state that does not fit it (`key` names the place)
+-- NotStored            what the run did cannot be stored, so it does no more
+-- BadCassette          a recording that cannot be read, or that cannot be replayed (names the place)
+-- NotIdentical         a replay in which something else happens than in the recording (`difference` says what)
+-- LimitReached         a limit of the run; the run ends with what it has (`limit` names it)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.difference import Difference


class AgentError(Exception): ...


class UnknownPipeline(AgentError): ...


class UnknownTool(AgentError): ...


class BadPipeline(AgentError): ...


class CollectionRequired(AgentError): ...


class BadQuestion(AgentError): ...


class SandboxRequired(AgentError): ...


class PlannerMissing(AgentError): ...


class BadAnswer(AgentError): ...


class BadUpdate(AgentError):
    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key


class NotStored(AgentError): ...


class LimitReached(AgentError):
    def __init__(self, message: str, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class BadCassette(AgentError): ...


class NotIdentical(AgentError):
    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference
