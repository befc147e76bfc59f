"""The seam to the registries of a service: lists of experts by name, and the connection to those behind an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tools.registry.entry import Entry
    from tools.web import Web


@dataclass(frozen=True)
class Endpoint:
    url: str
    web: Web
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers that go with each request; what they hold is told to nobody."""
    seconds: float = 30.0


class Registries(Protocol):
    def entries(self, name: str) -> Sequence[Entry]:
        """Raises ToolError for a name that there is not, with those there are."""
        ...

    def endpoint(self, name: str, id: str) -> Endpoint:
        """Of an entry that has an address. Raises ToolError."""
        ...


def ranked(entries: Sequence[Entry], task: str) -> list[Entry]:
    """Those for a type of task, most downloads first (HuggingGPT, 3.2); of equal ones the more liked, then the first
    listed."""
    fitting = [entry for entry in entries if task in entry.tasks]
    return sorted(fitting, key=lambda entry: (-entry.downloads, -entry.likes))
