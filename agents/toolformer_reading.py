"""What a text comes to after the model went on with it: a call to make, an arrow that was none, or its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from agents.toolformer_marks import Mark
from agents.toolformer_text import Broken, Call, Found, Open, end_of_mark, find

STOPS = (") ->", ")->", ") →", ")→")
"""Where a model stops so that a call can be made. Four, as OpenAI's API takes no more."""


class Seen(NamedTuple):
    text: str
    """What counts of it: what a model wrote after its call, it wrote without the result."""
    marks: list[Mark]
    """With those that are left out."""
    call: Call | None = None
    again: bool = False
    """It stopped at an arrow outside of a call: it has to go on, without the stops."""
    shown_to: int = 0
    notes: tuple[tuple[str, str], ...] = ()
    """Codes and messages of warnings."""


def seen(
    text: str, marks: Sequence[Mark], known: Callable[[str], bool], *, closing: bool, stopped: bool, cut: bool
) -> Seen:
    """`closing`: no more calls are made. `stopped`: it ended itself, or at one of `STOPS`, which nobody can tell apart;
    the stop is not in the text. `cut`: its length ended it."""
    marks, notes = list(marks), list[tuple[str, str]]()
    start = 0
    while True:
        found = _find(text, marks, known, start)
        if isinstance(found, Call) and not closing:
            if text[found.rest :].strip():
                notes.append(_written_ahead(found))
            return Seen(text[: found.end], marks, found, False, found.outer, tuple(notes))
        if found is None or isinstance(found, Open):
            break
        end = end_of_mark(text, found) if isinstance(found, Call) else found.end
        marks = [mark for mark in marks if not found.start <= mark["start"] < end]
        marks.append({"start": found.start, "end": end, "result": "", "kind": "left_out"})
        notes.append(_left_out(found))
        start = found.outer if isinstance(found, Call) else found.end  # What stands before has no calls.
    if stopped:
        whole = text + ")"
        ended = _find(whole + STOPS[-1][1:], marks, known)
        if isinstance(ended, Call) and ended.end == len(whole):
            return Seen(whole, marks, ended, False, ended.outer, tuple(notes))
        line = text.rpartition("\n")[2]
        if found is not None or line.count("(") > line.count(")"):
            return Seen(text, marks, None, True, len(text) if found is None else found.start, tuple(notes))
    if found is not None and known(found.name):
        if cut:
            marks.append({"start": found.start, "end": len(text), "result": "", "kind": "left_out"})
            notes.append(("cut_call", f"the length of the answer cut a call of {found.name} off: it is not made"))
        else:
            notes.append(("malformed_call", f"a call of {found.name} has no end: it is not made"))
    return Seen(text, marks, None, False, len(text), tuple(notes))


def _find(text: str, marks: Sequence[Mark], known: Callable[[str], bool], start: int = 0) -> Found | None:
    return find(text, {mark["start"]: (mark["end"], mark["result"]) for mark in marks}, known, start)


def _written_ahead(found: Call) -> tuple[str, str]:
    """Without an arrow it gave no result, but went on as if there were none."""
    if found.form == "arrow":
        return "own_result", f"what the model wrote after its call of {found.name} is left out"
    return "went_on", f"what the model wrote after its call of {found.name}, before it had a result, is left out"


def _left_out(found: Call | Broken) -> tuple[str, str]:
    if isinstance(found, Broken):
        return "malformed_call", f"a call of {found.name} closes its bracket before its parenthesis: it is not made"
    return "max_calls", f"no more calls may be made: that of {found.name} is not"
