"""A text with calls in it, as its reader sees it: without the marks, or with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

# Not typing's: as in agents.pipeline.
from typing_extensions import TypedDict

from agents.sources import unfenced

LONGEST = 2_000
"""Characters of a result in the text: all of them are read again with every piece that follows."""
SHORT = 80
"""Characters of a result that may stand in the text itself."""
_BRACKETS = str.maketrans("[]", "［］")
_CLOSING = frozenset(".,;:!?)]。，；：！？）、】")


class Mark(TypedDict):
    """One call in the text. A value of a graph's state."""

    start: int
    end: int
    result: str
    """As it stands in the mark; empty: it was not made."""
    kind: Literal["made", "failed", "left_out"]


def as_result(said: str) -> str:
    """On one line, and no bracket of it closes the call or looks like another."""
    text = " ".join(unfenced(said).translate(_BRACKETS).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} (cut)"


def before(text: str, at: int) -> str:
    """How a call begins that is put at `at`: with a blank after a word in Latin script."""
    last = text[at - 1 : at] if at else ""
    return " [" if last.isascii() and last.strip() else "["


def inserted(text: str, at: int, mark: str) -> str:
    """The text with `mark`, which is in brackets, put at `at`."""
    blank = " " if before(text, at) == "[" and not text[at : at + 1].isspace() and text[at - 1 : at].isascii() else ""
    return text[:at] + before(text, at)[:-1] + mark + blank + text[at:]


def rendered(text: str, marks: Sequence[Mark], *, marked: bool, over: bool) -> str:
    """What of the text can be shown. Until it is over a mark at its end waits for what follows: so each of these is the
    beginning of the next.

    Where the text goes on without saying a short result, the result takes the place of its mark.
    """
    shown, place = "", 0
    for mark in sorted(marks, key=lambda one: one["start"]):
        if marked and mark["kind"] != "left_out":
            continue
        after = text[mark["end"] :].lstrip(" ")
        shown += text[place : mark["start"]]
        if not after.strip() and not over:
            return shown.rstrip()
        ends = not after.strip() or after[0] in _CLOSING
        result = mark["result"] if mark["kind"] == "made" and len(mark["result"]) <= SHORT else ""
        said = result and (not shown or shown[-1].isspace()) and not shown.rstrip().endswith(result)
        if ends and said:
            shown += result
        elif ends:
            shown = shown.rstrip(" ")
        blank = ends or not shown or shown[-1].isspace()
        place = len(text) - len(after) if blank else mark["end"]
    shown += text[place:]
    return shown if over else shown.rstrip()
