"""The text of ReAct: a reply into thought and action, an action into its name and what its brackets hold.

Source: Yao et al. 2022 (arXiv:2210.03629), appendix C: lines `Thought i: ...`, `Action i: Name[...]`,
`Observation i: ...`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_OBSERVATION = re.compile(r"^[ \t]*Observation\b[ \t]*\d*[ \t]*[:：]", re.MULTILINE | re.IGNORECASE)
_ACTION = re.compile(r"^[ \t>*]*Action\b[ \t]*\d*[ \t]*[:：][*]*\s*", re.MULTILINE | re.IGNORECASE)
_THOUGHT = re.compile(r"^[\s*]*Thought\b[ \t]*\d*[ \t]*[:：][*]*\s*", re.IGNORECASE)
_NEXT = re.compile(r"^[ \t]*Thought\b[ \t]*\d*[ \t]*[:：]", re.MULTILINE | re.IGNORECASE)
_CALL = re.compile(r"\s*([^\W\d][\w .-]{0,63}?)\s*[\[［](.*)[\]］]\s*\.?\s*", re.DOTALL)


class Said(NamedTuple):
    thought: str
    action: str | None
    """None: the reply has none that can be read."""
    cut: bool
    """Whether the model went on to an observation of its own."""


class Action(NamedTuple):
    name: str
    argument: str


def said(reply: str) -> Said:
    """A reply to `Thought i:`. What follows an observation of the model's own is not looked at."""
    observation = _OBSERVATION.search(reply)
    text = reply[: observation.start()] if observation else reply
    text = _THOUGHT.sub("", text, count=1)
    found = _ACTION.search(text)
    if found is None:
        following = _NEXT.search(text)
        return Said(_line(text[: following.start()] if following else text), None, observation is not None)
    return Said(_line(text[: found.start()]), action_line(text[found.end() :]), observation is not None)


def action_line(text: str) -> str | None:
    """What a reply to `Action i:` says to do: its first line that is not empty, and on to the bracket that closes."""
    text = _ACTION.sub("", text.strip(), count=1)
    observation = _OBSERVATION.search(text)
    text = (text[: observation.start()] if observation else text).strip()
    first = text.split("\n")[0].strip()
    if "[" in first and "]" not in first and "]" in text:
        return " ".join(text[: text.index("]") + 1].split())
    return first or None


def read(action: str) -> Action | None:
    """`Name[argument]`; None: it is not of this form."""
    found = _CALL.fullmatch(action)
    return Action(found[1].strip(), found[2].strip()) if found else None


def _line(text: str) -> str:
    return " ".join(text.split())
