"""Inside the sandbox: run cells one after the other in one module, as a notebook does, and say what came of each.

Everything here is at the mercy of the code that it runs, so nobody outside believes more of what it says than that it
is text.
"""

from __future__ import annotations

import ast
import gc
import linecache
import os
import sys
import traceback
import types
from collections.abc import Sequence
from typing import Any

from tools.sandbox import frames
from tools.sandbox.figures import Figures

MOST_VALUE = 20_000
MOST_ERROR = 8_000
TALK = 3
"""The descriptor that it is spoken to on."""
NOT_INSTALLED = "{name} is not installed beside the service, and nothing can be installed from here: do without it."
EXTRA = "numpy, pandas and matplotlib come with the extra 'sandbox' of Sandtable: whoever runs the service can add it."
LIBRARIES = frozenset({"numpy", "pandas", "matplotlib"})


def serve() -> None:
    """Until the other side hangs up."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = [""]
    _reseed()
    figures, number = Figures(), 0
    while True:
        try:
            order = frames.read(TALK)
        except EOFError:
            os._exit(0)
        number += 1
        told = _cell(order["code"], f"<cell {number}>", module.__dict__, figures)
        gc.collect()
        frames.write(TALK, told)


def _streams() -> None:
    """Give the code its output back: an earlier cell may have replaced or closed it."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, f"__{name}__")
        if stream is None or stream.closed or stream.line_buffering is False:
            stream = os.fdopen(fd, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)
            setattr(sys, f"__{name}__", stream)
        setattr(sys, name, stream)


def _reseed() -> None:
    """Every session is a copy of one process: without this all would draw the same numbers."""
    import random

    random.seed()
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()


def _cell(code: str, name: str, space: dict[str, Any], figures: Figures) -> dict[str, Any]:
    value = error = ""
    _streams()
    figures.hook()
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    try:
        value = _run(code, name, space)
    except SystemExit as left:
        error = "" if left.code in (None, 0) else f"SystemExit: {left.code}"
    except BaseException as raised:
        error = _traceback(raised, name)
    notes: list[str] = []
    try:
        figures.save()
        notes += figures.notes()
    except BaseException as raised:
        notes.append(f"a figure could not be saved: {type(raised).__name__}: {raised}"[:500])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception as raised:
            notes.append(f"what was printed is not all there: {type(raised).__name__}: {raised}"[:500])
    return {"value": _clean(value[:MOST_VALUE]), "error": _clean(error[-MOST_ERROR:]), "notes": _all_clean(notes)}


def _run(code: str, name: str, space: dict[str, Any]) -> str:
    """What the last expression is worth, as text; empty if there is none."""
    tree = ast.parse(code, name)
    last: ast.Expression | None = None
    if tree.body and isinstance(expression := tree.body[-1], ast.Expr):
        tree.body.pop()
        last = ast.Expression(expression.value)
    exec(compile(tree, name, "exec"), space)  # what the sandbox is for
    if last is None:
        return ""
    value = eval(compile(last, name, "eval"), space)  # what the sandbox is for
    space["_"] = value
    return "" if value is None else repr(value)


def _traceback(raised: BaseException, name: str) -> str:
    """From the first line of the code itself on."""
    shown = traceback.TracebackException.from_exception(raised)
    own = [place for place, frame in enumerate(shown.stack) if frame.filename.startswith("<cell ")]
    shown.stack = traceback.StackSummary.from_list(list(shown.stack)[own[0] :] if own else [])
    if isinstance(raised, ModuleNotFoundError) and raised.name:
        top = raised.name.partition(".")[0]
        return f"{''.join(shown.format())}{NOT_INSTALLED.format(name=top)}{f' {EXTRA}' if top in LIBRARIES else ''}\n"
    return "".join(shown.format())


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which are no text."""
    return text.encode("utf-8", "replace").decode()


def _all_clean(texts: Sequence[str]) -> list[str]:
    return [_clean(text) for text in texts]
