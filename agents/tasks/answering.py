"""In the sandbox, the process of an answer: it runs the code, makes the calls that the tests ask for, and tells what
they returned. Its text is sent there (`agents.tasks.exam`).

Nothing of the tests but those calls is here, so whatever the code does to this process, it can only give results.
"""

from __future__ import annotations

import base64
import io
import json
import math
import sys
import zlib
from typing import Any

SAID = "said: "


def main(packed: str) -> None:
    """`packed`: {"code", "calls": [[key, expression]]}; prints the replies by key: what came of it, and its text."""
    given = json.loads(zlib.decompress(base64.b64decode(packed)))
    out, sys.stdout = sys.stdout, io.StringIO()
    replies: dict[str, tuple[str, str]] = {}
    kept: dict[str, Any] = {}
    space: dict[str, Any] = {"__name__": "answer"}
    broken = ""
    try:
        exec(compile(given["code"], "answer.py", "exec"), space)  # what the sandbox is for
    except BaseException as error:
        broken = f"{type(error).__name__}: {error}"
    for key, expression in given["calls"]:
        if broken:
            replies[key] = ("broken", broken)
            continue
        try:
            value = eval(expression, space, {"_kept": kept})  # what the sandbox is for
            text = plain(value)
        except BaseException as error:
            replies[key] = ("raised", f"{type(error).__name__}: {error}")
            continue
        kept[key] = value
        replies[key] = ("object", "") if text is None else ("value", text)
    packed = base64.b64encode(zlib.compress(json.dumps(replies).encode())).decode()
    out.write(f"\n{SAID}{packed}\n")
    out.flush()


def plain(value: Any) -> str | None:
    """Python for a value that is nothing but data; None: it is more."""
    if value is None or isinstance(value, bool):
        return repr(value)
    for kind in (int, str, bytes, complex):
        if isinstance(value, kind):
            return kind.__repr__(value)
    if isinstance(value, float):
        return None if math.isnan(value) else float.__repr__(value).replace("inf", "1e999")
    if isinstance(value, dict):
        pairs = [(plain(key), plain(one)) for key, one in value.items()]
        return _joined("{", [None if None in pair else f"{pair[0]}: {pair[1]}" for pair in pairs], "}")
    if isinstance(value, set | frozenset):
        return _joined("{", [plain(one) for one in value], "}") if value else "set()"
    if isinstance(value, list):
        return _joined("[", [plain(one) for one in value], "]")
    if isinstance(value, tuple):
        return _joined("(", [plain(one) for one in value], ",)" if len(value) == 1 else ")")
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return plain(value.item())
    return None


def _joined(before: str, parts: list[str | None], after: str) -> str | None:
    known = [part for part in parts if part is not None]
    return before + ", ".join(known) + after if len(known) == len(parts) else None
