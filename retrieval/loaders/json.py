"""JSON and JSON lines: each record a paragraph of `path: value` lines, numbers and order as they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.decode import decode

LARGEST: Final = 40_000_000
"""Characters; the values in memory take some five times as much."""

_SHORT: Final = 300
"""Characters of a record that is written on one line."""
_BARE: Final = re.compile(r"[\w$@ /-]+")
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class _Object(list[tuple[str, Any]]):
    """The members of an object in order; a key may come twice."""


def load_json(path: Path, filename: str, media_type: str) -> Parsed:
    """Return the values by their paths, a list of objects as numbered records. LoadFailed names line and column."""
    text = _decoded(path, filename)
    try:
        value = _read(text)
    except json.JSONDecodeError as error:
        if _is_lines(text):
            return load_jsonl(path, filename, media_type)
        raise LoadFailed(
            f"{filename!r} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}", "invalid_file"
        ) from error
    except RecursionError as error:
        raise LoadFailed(f"{filename!r} is refused: its JSON is nested too deeply", "invalid_file") from error
    return _parsed("\n\n".join(_document(value)), filename, media_type)


def load_jsonl(path: Path, filename: str, media_type: str) -> Parsed:
    """Return each line as a record. A line that is not valid JSON stays as it stands, under a heading that says so;
    raises LoadFailed where most are not.
    """
    text = _decoded(path, filename)
    records: list[str] = []
    broken: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            records.append(_record(f"## Line {number}", _read(line)))
        except (json.JSONDecodeError, RecursionError) as error:
            why = (
                f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            )
            broken.append(f"line {number}: {why}")
            records.append(f"## Line {number}, not valid JSON ({why})\n{line.strip()}")
    if 2 * len(broken) > len(records):
        some = "; ".join(broken[:3])
        raise LoadFailed(
            f"{filename!r} is not JSON lines: {len(broken)} of its {len(records)} lines are not valid JSON ({some})",
            "invalid_file",
        )
    return _parsed("\n\n".join(filter(None, records)), filename, media_type)


def _decoded(path: Path, filename: str) -> str:
    text = decode(path.read_bytes(), filename)
    if len(text) > LARGEST:
        raise LoadFailed(
            f"{filename!r} has {len(text)} characters; JSON is read up to {LARGEST}: split it", "file_too_large"
        )
    return text


def _parsed(text: str, filename: str, media_type: str) -> Parsed:
    if not text.strip():
        raise LoadFailed(f"{filename!r} is empty: its JSON holds no values", "empty_file")
    return Parsed(text=text, media_type=media_type)


def _read(text: str) -> Any:
    """Numbers stay the text they are: no digit is lost, and none is too long."""
    return json.loads(text, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str)


def _is_lines(text: str) -> bool:
    """Whether a file named .json holds a value on each line, as some programs write it."""
    lines = [line for line in text.split("\n") if line.strip()][:2]
    try:
        return len(lines) == 2 and all(isinstance(_read(line), _Object) for line in lines)
    except (ValueError, RecursionError):
        return False


def _document(value: Any) -> Iterator[str]:
    """Paragraphs. A list of objects, on top or anywhere below, is a record for each."""
    if isinstance(value, _Object):
        yield from _members(value, "")
    elif isinstance(value, list):
        yield from _items(value, "")
    else:
        yield _scalar(value)


def _members(members: _Object, path: str) -> Iterator[str]:
    plain = [(path + _key(key, path), value) for key, value in members]
    lines = [line for name, value in plain if not _is_records(value) for line in _lines(value, name)]
    if lines:
        yield "\n".join([*([f"## {path}"] if path else []), *lines])
    for name, value in plain:
        if _is_records(value):
            yield from _items(value, name)


def _items(items: list[Any], path: str) -> Iterator[str]:
    if not _is_records(items):
        yield "\n".join(_lines(items, path))
        return
    for number, item in enumerate(items, start=1):
        yield _record(f"## {path or 'Record'} {number}", item)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and not isinstance(value, _Object) and any(isinstance(item, list) for item in value)


def _record(heading: str, value: Any) -> str:
    lines = list(_lines(value, ""))
    if not lines:
        return ""
    body = "; ".join(line.removeprefix("- ") for line in lines)
    if len(body) <= _SHORT and "\n" not in body:
        return f"{heading}\n{body}"
    return "\n".join([heading, *lines])


def _lines(value: Any, path: str) -> Iterator[str]:
    """A line `- path: value` for each scalar and each list of scalars, in order; an empty value has none."""
    stack: list[tuple[str, Any]] = [(path, value)]
    while stack:
        name, here = stack.pop()
        if isinstance(here, _Object):
            stack.extend((name + _key(key, name), member) for key, member in reversed(here))
        elif isinstance(here, list) and any(isinstance(item, list) for item in here):
            stack.extend((f"{name}[{n}]", item) for n, item in reversed(list(enumerate(here, start=1))))
        else:
            said = ", ".join(map(_scalar, here)) if isinstance(here, list) else _scalar(here)
            if said.strip():
                yield f"- {name}: {said}" if name else f"- {said}"


def _key(key: str, path: str) -> str:
    said = _text(key)
    shown = said if _BARE.fullmatch(said) else json.dumps(said, ensure_ascii=False)
    return f".{shown}" if path else shown


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else _text(str(value)).strip()


def _text(value: str) -> str:
    """What JSON can escape and no text can hold: halves of surrogate pairs, control characters."""
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub(" ", _NO_CHARACTER.sub("\ufffd", lines))
