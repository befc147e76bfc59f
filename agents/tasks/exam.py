"""Hidden tests of a program, such that nothing which the program does can pass them but what its functions return.

The tests and the answer run in processes of their own, each in the sandbox. The answer's process gets its code and the
calls to make, and gives their results as data: no test, expected value or verdict is there to be read or changed. An
object that claims to be equal to everything never meets a test.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.tasks import answering, judging
from agents.tasks.programs import mark

MOST_ROUNDS = 12
"""Of calls that need the results of earlier ones, as a tree does that is built node by node."""
LARGEST = 4 << 20
"""Characters of the replies, unpacked."""

Runs = Callable[[str], Awaitable[str]]
"""Runs a program in a process of its own in the sandbox; what it printed."""


@dataclass(frozen=True)
class Exam:
    code: str
    """Of the answer."""
    tests: tuple[str, ...]
    entries: tuple[str, ...] = ()
    """Names that the answer has to define, even where they are Python's own."""
    given: str = ""
    """Code that came with the problem, for the tests too."""


async def examined(exam: Exam, runs: Runs) -> str:
    """What the tests' process printed last: `agents.tasks.programs.outcomes` reads it."""
    replies: dict[str, Sequence[str]] = {}
    output = ""
    for _ in range(MOST_ROUNDS):
        about = {"given": exam.given, "entries": exam.entries, "tests": exam.tests, "replies": replies}
        output = await runs(_program(judging, {**about, "mark": mark(exam.code, exam.tests)}))
        asked = _told(output, judging.ASKS)
        if asked is None:
            return output
        said = _told(await runs(_program(answering, {"code": exam.code, "calls": asked})), answering.SAID)
        replies = _believed(said, [key for key, _ in asked])
    return output


def _program(side: Any, about: dict[str, Any]) -> str:
    packed = base64.b64encode(zlib.compress(json.dumps(about).encode())).decode()
    return f"{Path(side.__file__).read_text('utf-8')}\n\nmain({packed!r})\n"


def _told(output: str, before: str) -> Any:
    """What stands packed on the last line that begins so; None: nothing that can be read."""
    line = next((one for one in reversed(output.splitlines()) if one.startswith(before)), None)
    if line is None:
        return None
    try:
        packed = zlib.decompressobj()
        text = packed.decompress(base64.b64decode(line.removeprefix(before)), LARGEST)
        return None if packed.unconsumed_tail else json.loads(text)
    except (ValueError, zlib.error, RecursionError):
        return None


def _believed(said: Any, keys: Sequence[str]) -> dict[str, Sequence[str]]:
    """The replies, for all calls: a process that said nothing, or no such thing, failed at each."""
    replies: dict[str, Sequence[str]] = dict.fromkeys(keys, ("raised", "NoReply: the program did not come to its end"))
    for key in keys if isinstance(said, dict) else ():
        match said.get(key):
            case [("value" | "object" | "broken" | "raised") as kind, str(text)]:
                replies[key] = (kind, text)
    return replies
