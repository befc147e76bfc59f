"""An answer on the terminal: text on stdout as it comes, thoughts dimmed on stderr, sources and figures at the end."""

from __future__ import annotations

import sys
from typing import Any

from server.cli.output import plain, stderr_console, stdout_console
from server.cli.sources import sources


class Answer:
    """Takes the chunks of a chat completion in their order."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking = ""
        self._citations: list[dict[str, Any]] = []
        self._facts: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None
        self._stderr = stderr_console()

    @property
    def run_id(self) -> str:
        """Known at the end."""
        return str(self._facts.get("run_id", ""))

    def take(self, chunk: dict[str, Any]) -> None:
        for choice in chunk.get("choices", []):
            delta = choice["delta"]
            self._think(delta.get("reasoning_content") or "")
            self._say(delta.get("content") or "")
            self._citations += delta.get("annotations") or []
        self._usage = chunk.get("usage") or self._usage
        self._facts = chunk.get("sandtable") or self._facts

    def finish(self) -> None:
        """The end of the answer: its sources, then where the run can be looked up and what it took."""
        self.break_off()
        lines = sources("".join(self._text), self._citations)
        if lines:
            stdout_console().print("\nSources", *lines, sep="\n", soft_wrap=True)
        if self._facts:
            self._stderr.print(f"\n{facts(self._facts, self._usage)}", style="dim", soft_wrap=True)

    def break_off(self) -> None:
        """End the line that the text stands on."""
        self._end_thought()
        if self._text and not self._text[-1].endswith("\n"):
            sys.stdout.write("\n")
        sys.stdout.flush()

    def _think(self, text: str) -> None:
        if text:
            self._stderr.print(plain(text), style="dim", end="", soft_wrap=True)
            self._thinking = text

    def _say(self, text: str) -> None:
        if text:
            self._end_thought()
            self._text.append(text)
            sys.stdout.write(plain(text))
            sys.stdout.flush()

    def _end_thought(self) -> None:
        if self._thinking and not self._thinking.endswith("\n"):
            self._stderr.print()
        self._thinking = ""


def facts(found: dict[str, Any], usage: dict[str, Any] | None) -> str:
    tokens = "tokens unknown"
    if usage is not None:
        tokens = f"{usage['prompt_tokens']} + {usage['completion_tokens']} tokens"
    limit = f" · stopped by the limit {found['limit']}" if found.get("limit") else ""
    return f"run {found['run_id']} · {found['backend']} · {found['seconds']:.2f} s · {tokens}{limit}"
