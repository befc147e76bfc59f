"""Bytes to text: UTF-8, or what a byte-order mark says; an older encoding only when the text it gives is likely."""

from __future__ import annotations

import codecs
import re
from typing import Final

from retrieval.errors import LoadFailed
from retrieval.loaders.encodings import likely_encoding

# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# Logs hold escape codes, old printouts overstrikes; text hardly ever more than this share.
_MOST_CONTROL: Final = 0.05
_WAY_OUT: Final = "save it as UTF-8 and upload it again"


def decode(data: bytes, filename: str, declared: str | None = None) -> str:
    """Return the text, with newlines as \\n and every other character as it was, and without byte-order mark.

    `declared`: the encoding the file names itself (HTML), tried first and strictly. Raises LoadFailed: `invalid_file`
    naming the offset (in bytes) of what is not text, `empty_file` when there is nothing but white space.
    """
    text = _text(data, filename, declared)
    if "\0" in text:
        raise LoadFailed(
            f"{filename!r} is not text: NUL character at {text.index(chr(0))} (binary data, or UTF-16 without a "
            f"byte-order mark); {_WAY_OUT}",
            "invalid_file",
        )
    controls = len(_CONTROL.findall(text))
    if controls > _MOST_CONTROL * len(text):
        raise LoadFailed(
            f"{filename!r} is not text: {controls} of {len(text)} characters are control characters", "invalid_file"
        )
    if not text.strip():
        raise LoadFailed(f"{filename!r} is empty: it holds no text", "empty_file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text(data: bytes, filename: str, declared: str | None) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], encoding, filename, len(mark))
    if declared and declared != "utf-8":
        try:
            return data.decode(declared)
        except UnicodeDecodeError:
            pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start
    likely = None if b"\0" in data else likely_encoding(data)
    if likely is None:
        raise LoadFailed(
            f"{filename!r} is not valid UTF-8 (byte 0x{data[place]:02x} at offset {place}) and no other encoding fits; "
            f"{_WAY_OUT}",
            "invalid_file",
        )
    return data.decode(likely)


def _strict(data: bytes, encoding: str, filename: str, skipped: int) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise LoadFailed(
            f"{filename!r} begins with the byte-order mark of {encoding} but is not valid {encoding} at offset "
            f"{skipped + error.start}; {_WAY_OUT}",
            "invalid_file",
        ) from error
