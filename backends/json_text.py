"""JSON out of what a model wrote."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)


class NotJSON(ValueError):
    """There is no JSON value in the text; the message says what is wrong, with the place."""


def json_in(text: str) -> Any:
    """The JSON value that a text is, or holds: in a Markdown fence, or as the first object or list among words.

    Models that were only told to write JSON like to explain it. NaN and Infinity are no JSON. Raises NotJSON.
    """
    text = text.strip().removeprefix("\ufeff")
    fenced = [match[1] for match in FENCE.finditer(text)]
    problem = ""
    for candidate in (text, *fenced):
        try:
            return _decoder().decode(candidate.strip())
        except (ValueError, RecursionError) as error:
            problem = problem or _told(error, text)
    start = re.search(r"[{\[]", text)
    if start is None:
        raise NotJSON(f"it holds no JSON: {problem}")
    try:
        return _decoder().raw_decode(text, start.start())[0]
    except (ValueError, RecursionError) as error:
        raise NotJSON(_told(error, text)) from None


def _told(error: Exception, text: str) -> str:
    if not text:
        return "the answer is empty"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
