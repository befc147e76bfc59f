"""The wire formats side by side: what a test needs to say the same thing in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests import fake_anthropic, fake_ollama
from tests.fake_anthropic import FakeAnthropic
from tests.fake_ollama import FakeOllama
from tests.fake_upstream import ROLE, FakeUpstream, chunk, event, stream_of


@dataclass(frozen=True)
class Wire:
    kind: str
    server: Callable[[], FakeUpstream]
    whole: Callable[[str], tuple[bytes, ...]]
    """A good answer with this text."""
    begun: tuple[bytes, ...]
    """The beginning of an answer, up to and with the text 'Hel'."""
    error: Callable[[str, str], dict[str, Any]]
    """The body of a refusal: type, message."""
    error_in_stream: Callable[[str, str], bytes]
    auth_header: str


def _openai_error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message}}


WIRES = {
    "openai": Wire(
        "openai",
        FakeUpstream,
        stream_of,
        (event(chunk(ROLE)), event(chunk({"content": "Hel"}))),
        _openai_error,
        lambda kind, message: event(_openai_error(kind, message)),
        "authorization",
    ),
    "ollama": Wire(
        "ollama",
        FakeOllama,
        fake_ollama.stream_of,
        (fake_ollama.line({"content": "Hel"}),),
        lambda kind, message: {"error": f"{kind}: {message}"},
        lambda kind, message: b'{"error": "%b: %b"}\n' % (kind.encode(), message.encode()),
        "authorization",
    ),
    "anthropic": Wire(
        "anthropic",
        FakeAnthropic,
        fake_anthropic.stream_of,
        tuple(map(fake_anthropic.event, (fake_anthropic.start(), *fake_anthropic.text(0, "Hel")[:2]))),
        fake_anthropic.error,
        lambda kind, message: fake_anthropic.event(fake_anthropic.error(kind, message)),
        "x-api-key",
    ),
}
