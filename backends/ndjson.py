"""Lines of JSON from bytes, however the network cut them. Does no I/O."""

from __future__ import annotations

from backends.errors import BadReply
from backends.sse import MAX_EVENT_BYTES


class LineReader:
    """Takes pieces of the stream, gives the lines completed by each, without empty ones."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[str]:
        """Raises BadReply when a line outgrows MAX_EVENT_BYTES."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > MAX_EVENT_BYTES:
            raise BadReply(f"the server sent a line of more than {MAX_EVENT_BYTES >> 20} MiB")
        return [text for line in lines if (text := _decoded(line))]

    def end(self) -> str:
        """What stands after the last line end; '' when nothing does."""
        rest, self._rest = self._rest, b""
        return _decoded(rest)


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip("\ufeff \t\r")
