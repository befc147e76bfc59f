"""Messages over a stream: four bytes of length, then JSON. Never pickle: unpickling runs what the other side wrote."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from typing import Any

LENGTH = struct.Struct(">I")
LONGEST = 4 << 20


class BadFrame(Exception):
    """The other side does not keep to the form: it is not what was started there."""


def write(fd: int, message: dict[str, Any]) -> None:
    """Blocks."""
    left = memoryview(pack(message))
    while left:
        left = left[os.write(fd, left) :]


def read(fd: int) -> dict[str, Any]:
    """Blocks. Raises EOFError, BadFrame."""
    return unpack(_exactly(fd, _length(_exactly(fd, LENGTH.size))))


async def receive(stream: socket.socket) -> dict[str, Any]:
    """Raises EOFError, BadFrame, OSError."""
    return unpack(await _receive(stream, _length(await _receive(stream, LENGTH.size))))


def pack(message: dict[str, Any]) -> bytes:
    """Raises BadFrame for a message that is too long."""
    data = json.dumps(message).encode()
    if len(data) > LONGEST:
        raise BadFrame(f"a message of {len(data)} bytes; the most are {LONGEST}")
    return LENGTH.pack(len(data)) + data


def unpack(data: bytes) -> dict[str, Any]:
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadFrame(str(error)) from None
    if not isinstance(message, dict):
        raise BadFrame("a message that is no object")
    return message


def _length(data: bytes) -> int:
    (length,) = LENGTH.unpack(data)
    if length > LONGEST:
        raise BadFrame(f"a message of {length} bytes; the most are {LONGEST}")
    return int(length)


def _exactly(fd: int, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = os.read(fd, count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


async def _receive(stream: socket.socket, count: int) -> bytes:
    loop, data = asyncio.get_running_loop(), bytearray()
    while len(data) < count:
        piece = await loop.sock_recv(stream, min(count - len(data), 1 << 16))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
