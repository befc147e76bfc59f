"""Whether a PNG file holds a picture, found out without a library for pictures."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a pixel, by the colour type of the header."""
FEWEST_COLOURS = 3
"""A blank page has one colour; a chart has paper, ink and something drawn."""


class Look(NamedTuple):
    width: int
    height: int
    colours: int


def looks(data: bytes) -> Look | None:
    """Size and number of colours; None for what is no PNG of 8 bits without interlacing, or is blank."""
    if not data.startswith(SIGNATURE):
        return None
    place, packed, header = len(SIGNATURE), b"", b""
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        header = body if kind == b"IHDR" else header
        packed += body if kind == b"IDAT" else b""
        place += 12 + length
    try:
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
        pixels = _unfiltered(zlib.decompress(packed), width * CHANNELS[colour], height, CHANNELS[colour])
    except (struct.error, zlib.error, KeyError, IndexError):
        return None
    if depth != 8 or interlaced:
        return None
    step = CHANNELS[colour]
    colours = {row[place : place + step] for row in pixels for place in range(0, len(row), step)}
    return Look(width, height, len(colours)) if len(colours) >= FEWEST_COLOURS else None


def _unfiltered(data: bytes, width: int, height: int, step: int) -> list[bytes]:
    """The rows as they were before PNG's filters (PNG specification, section 9). Raises IndexError."""
    rows, before = [], bytes(width)
    for number in range(height):
        start = number * (width + 1)
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + width])
        for place in range(width):
            left = row[place - step] if place >= step else 0
            corner = before[place - step] if place >= step else 0
            row[place] = row[place] + _guess(kind, left, before[place], corner) & 255
        before = bytes(row)
        rows.append(before)
    return rows


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    match kind:
        case 0:
            return 0
        case 1:
            return left
        case 2:
            return up
        case 3:
            return (left + up) // 2
    near = left + up - corner
    return min((left, up, corner), key=lambda value: abs(near - value))
