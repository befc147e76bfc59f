"""Server-sent events from bytes, however the network cut them. Does no I/O and knows nothing of JSON.

Follows the event stream format of the HTML standard (section 9.2): LF, CRLF or CR ends a line, a blank line ends an
event, a line that starts with a colon is a comment, several `data` lines are one datum. Two liberties, because servers
take them: the space after `data:` may be missing, and the last event need not be followed by a blank line.
"""

from __future__ import annotations

from typing import NamedTuple

from backends.errors import BadReply

# The longest answers of today's models are under 1 MiB of text; a line beyond this is no chat stream.
MAX_EVENT_BYTES = 8 << 20


class Event(NamedTuple):
    name: str
    data: str


class EventReader:
    """Takes pieces of the stream, gives the events completed by each."""

    def __init__(self) -> None:
        self._rest = b""
        self._started = False
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[Event]:
        """Raises BadReply when an event outgrows MAX_EVENT_BYTES."""
        text = self._rest + piece
        held = b""
        if b"\r" in text:
            if text.endswith(b"\r"):  # may be the first half of CRLF
                text, held = text[:-1], b"\r"
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = text.split(b"\n")
        self._rest = rest + held
        if len(self._rest) + self._size > MAX_EVENT_BYTES:
            raise BadReply(f"the server sent an event of more than {MAX_EVENT_BYTES >> 20} MiB")
        return [event for line in lines if (event := self._line(line)) is not None]

    def end(self) -> list[Event]:
        """What an unfinished last line and event still hold."""
        last = [event for line in (self._rest.removesuffix(b"\r"), b"") if (event := self._line(line)) is not None]
        self._rest = b""
        return last

    def _line(self, line: bytes) -> Event | None:
        if not self._started:
            self._started, line = True, line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value)
            self._data.append(value.decode("utf-8", "replace"))
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Event | None:
        event = Event(self._name, "\n".join(self._data)) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event
