"""Reading a script of replies from a file: a JSON list, or one JSON value a line (JSON Lines).

Each entry is a string, or an object with the fields of `backends.scripted.Reply`. In a file a tool call needs only its
name: `{"name": "add", "arguments": {"a": 1}}`, the arguments as an object or as JSON text.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from backends.errors import BadSpec
from backends.scripted import Reply

MOST_BYTES = 16 << 20
"""A script is written by hand or by a test; what is longer is some other file."""


def read_script(path: Path) -> list[Reply]:
    """Raises BadSpec if the file is missing, too large or an entry is not a reply; the message names the entry."""
    try:
        text = _bytes(path).decode("utf-8-sig")
    except OSError as error:
        raise BadSpec(f"cannot read the script {str(path)!r}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadSpec(f"the script {str(path)!r} is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except ValueError as error:  # of a name that no file can have
        raise BadSpec(f"cannot read the script {str(path)!r}: {error}") from None
    return [_reply(entry, f"{place} of the script {str(path)!r}") for place, entry in _entries(text, path)]


def _bytes(path: Path) -> bytes:
    # Without O_NONBLOCK the opening of a named pipe waits for a writer, for ever if none comes.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BadSpec(f"the script {str(path)!r} is not a regular file but a device, a pipe or the like")
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise BadSpec(f"the script {str(path)!r} has more than {MOST_BYTES >> 20} MiB")
    return data


def _entries(text: str, path: Path) -> list[tuple[str, Any]]:
    if text.lstrip().startswith("["):
        return [(f"entry {n}", entry) for n, entry in enumerate(_decoded(text, f"the script {str(path)!r}"), start=1)]
    lines = [(f"line {n}", line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [(place, _decoded(line, f"{place} of the script {str(path)!r}")) for place, line in lines]


def _decoded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSpec(f"{where} is not JSON: {error}") from None


def _reply(entry: Any, where: str) -> Reply:
    if isinstance(entry, str):
        return Reply(text=entry)
    if not isinstance(entry, dict):
        raise BadSpec(f"{where} must be a string or an object, not {entry!r}")
    calls = entry.get("tool_calls")
    if isinstance(calls, list):
        entry = entry | {"tool_calls": [_call(call, n) for n, call in enumerate(calls)]}
    try:
        reply = Reply.model_validate(entry)
        for pattern in (reply.match, reply.told):
            re.compile(pattern or "")
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise BadSpec(f"{where} is not a reply: {problems}") from None
    except re.error as error:
        raise BadSpec(f"{where} has a match, or what it is told, that is not a regular expression: {error}") from None
    return reply


def _call(call: Any, position: int) -> Any:
    if not isinstance(call, dict):
        return call
    arguments = call.get("arguments", {})
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {"id": f"call_{position}", **call, "arguments": arguments}
