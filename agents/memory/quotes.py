"""A summary without a model: sentences of the turns themselves, word for word.

What the user stated goes first, newest first, as long as it fits into the budget; what room is left has the beginning
of each of the assistant's answers, newest first. They are told in the order in which they were said.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.spending import estimate
from backends.base import Message
from retrieval.sentences import sentences

ASKING = ("?", "？")


def quoted(before: str, older: Sequence[Message], budget: int) -> str:
    """`before`: the summary so far, in the same form; its lines are older than all turns."""
    lines = [(line, line.startswith("user: ")) for line in before.splitlines()]
    for message in older:
        lines += _lines(message)
    kept: set[int] = set()
    for wanted in (True, False):
        for place in range(len(lines) - 1, -1, -1):
            text, is_users = lines[place]
            cost = estimate(text) + 1
            if is_users is wanted and cost <= budget:
                kept.add(place)
                budget -= cost
    return "\n".join(lines[place][0] for place in sorted(kept))


def statements(text: str) -> list[str]:
    """The sentences that ask nothing."""
    found = (text[span.start : span.end] for span in sentences(text))
    return [one for one in found if any(map(str.isalnum, one)) and not one.rstrip("\"'”’」』)） ").endswith(ASKING)]


def _lines(message: Message) -> list[tuple[str, bool]]:
    said = statements(message.content)
    if message.role == "user":
        return [(f"user: {_line(one)}", True) for one in said]
    return [(f"{message.role}: {_line(one)}", False) for one in said[:1]]


def _line(text: str) -> str:
    return " ".join(text.split())
