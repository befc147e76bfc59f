"""Names of files as they are kept: labels only, never paths."""

from __future__ import annotations

import unicodedata

from server.errors import bad_request

BIDI = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
"""Overrides, embeddings and isolates: with them a name shows another ending than it has."""


def _kept(char: str) -> bool:
    """No control character, half of a pair or noncharacter; but the joiners, which emoji and Persian need."""
    code = ord(char)
    noncharacter = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return unicodedata.category(char) not in ("Cc", "Cs") and char not in BIDI and not noncharacter


def safe_filename(given: str) -> str:
    """The last part of the name without control characters: a label only, the file on disk is named by its id."""
    name = given.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(filter(_kept, name)).strip()
    if name in (".", "..") or all(unicodedata.category(c) == "Cf" for c in name):
        raise bad_request(f"The file needs a name; got {given!r}.", "file", "invalid_filename")
    if len(name) > 255:
        raise bad_request(
            f"The file name has {len(name)} characters; at most 255 are kept.", "file", "invalid_filename"
        )
    return name
