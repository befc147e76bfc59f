"""Replies from a script, for tests, demos and documentation: no model, every run the same."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Sequence

from backends.asked import before_stop, last_user_text, results_since, shortened, system_text
from backends.base import Capabilities, Delta, FinishReason, Request, ToolCall, Usage, Value
from backends.capabilities import check
from backends.errors import ScriptExhausted

# Words and the blanks before them, at most 8 characters of a word: Chinese text has no blanks to cut at.
PIECE = re.compile(r"\s*\S{1,8}|\s+")


class Reply(Value):
    """One answer of the script."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish: FinishReason | None = None
    """None: `tool_calls` if there are any, else `stop`."""
    usage: Usage | None = None
    match: str | None = None
    """A regular expression looked for in the last user message. Such a reply answers whenever it is found, any number
    of times; replies without one are used up in their order."""
    results: int | None = None
    """Answers only after so many results of tools since the last user message; any number of times, as with `match`."""
    told: str | None = None
    """A regular expression looked for in what the system message says: it answers only if it is found, any number of
    times, as with `match`."""


Script = Sequence[Reply | str] | Callable[[Request], Reply | str]


class Scripted:
    """A backend that answers from `script`: a sequence of replies, or a function of the request.

    For each request the first reply whose `match` and `told` are found (and whose `results` fit) answers; if there is
    none, the next unused reply without them. The place in the script belongs to this object and moves when a stream is
    first read, in one step without an await: concurrent runs never get the same reply, but which gets which is their
    race. Replies with `match` do not depend on order at all, so scripts for concurrent runs should use them.
    """

    capabilities = Capabilities(tools=True, json_schema=True)

    def __init__(self, script: Script, name: str = "scripted") -> None:
        self.name = name
        self._function = script if callable(script) else None
        replies = () if callable(script) else tuple(_reply(entry) for entry in script)
        self._matching = [(re.compile(reply.match or ""), reply) for reply in replies if _depends(reply)]
        self._ordered = [reply for reply in replies if not _depends(reply)]
        self._used = 0

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises ScriptExhausted when no reply is left."""
        check(self.name, self.capabilities, request)
        reply = self._next(request)
        for piece in PIECE.findall(reply.reasoning):
            yield Delta(reasoning=piece)
        for piece in PIECE.findall(before_stop(reply.text, request.stop)):
            yield Delta(text=piece)
        for call in reply.tool_calls:
            yield Delta(tool_call=call)
        finish = reply.finish or ("tool_calls" if reply.tool_calls else "stop")
        yield Delta(usage=reply.usage, finish=finish)

    def _next(self, request: Request) -> Reply:
        if self._function is not None:
            return _reply(self._function(request))
        prompt, results, system = last_user_text(request), results_since(request), system_text(request)
        for pattern, reply in self._matching:
            fits = reply.results in (None, results) and (reply.told is None or re.search(reply.told, system))
            if fits and pattern.search(prompt):
                return reply
        if self._used == len(self._ordered):
            raise ScriptExhausted(
                f"{self.name!r} has no reply left: {self._used} used in order, {len(self._matching)} by match, none of "
                f"which fits the prompt {shortened(prompt)!r}; add a reply for it to the script"
            )
        self._used += 1
        return self._ordered[self._used - 1]


def _depends(reply: Reply) -> bool:
    """Whether it answers by what is asked, rather than in its order."""
    return (reply.match, reply.results, reply.told) != (None, None, None)


def _reply(entry: Reply | str) -> Reply:
    return Reply(text=entry) if isinstance(entry, str) else entry
