"""The registries that the settings name: read at start, with the connections to experts behind addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from server.document_tools import secrets_of
from server.web import GuardedWeb
from tools.errors import BadDocument, BadTool, ToolError
from tools.registry.base import Endpoint
from tools.registry.files import read_registry
from tools.web import read_url, rules_for

if TYPE_CHECKING:
    from server.tool_settings import RegistryFile
    from tools.registry.entry import Entry


@dataclass(frozen=True)
class Listed:
    given: RegistryFile
    entries: Mapping[str, Entry]
    secrets: Mapping[str, str] = field(repr=False)
    templated: frozenset[str]
    """Ids of experts that are called at the registry's own address."""


class ReadRegistries:
    """As `tools.registry.base.Registries`."""

    def __init__(self, found: Mapping[str, Listed]) -> None:
        self._found = found

    def entries(self, name: str) -> Sequence[Entry]:
        if name not in self._found:
            raise ToolError(f"there is no registry {name!r}; there are {', '.join(self._found) or 'none'}")
        return tuple(self._found[name].entries.values())

    def endpoint(self, name: str, id: str) -> Endpoint:
        there = {entry.id: entry for entry in self.entries(name)}
        entry, listed = there.get(id), self._found[name]
        if entry is None or entry.url is None:
            raise ToolError(f"the registry {name!r} has no address of an expert {id!r}")
        rules = rules_for(entry.url, seconds=listed.given.seconds, most_bytes=listed.given.max_bytes)
        # The key belongs to the registry's own address, and goes nowhere else.
        secrets = listed.secrets if id in listed.templated else {}
        return Endpoint(entry.url, GuardedWeb(rules), secrets, listed.given.seconds)


def read_registries(settings: Mapping[str, RegistryFile], environment: Mapping[str, str]) -> ReadRegistries:
    """Raises BadDocument, which names the setting."""
    found = {}
    for name, given in settings.items():
        try:
            found[name] = _listed(given, environment)
        except (BadTool, ToolError) as error:
            raise BadDocument(f"registries.{name}: {error}") from None
    return ReadRegistries(found)


def _listed(given: RegistryFile, environment: Mapping[str, str]) -> Listed:
    """Raises BadTool, ToolError."""
    entries, templated = {}, set()
    for entry in read_registry(Path(given.file)):
        if entry.kind() is None and given.endpoint is not None:
            url = given.endpoint.replace("{id}", quote(entry.id, safe="/"))
            entry = entry.model_copy(update={"url": url, "body": given.body, "approve": entry.approve or given.approve})
            templated.add(entry.id)
        if entry.url is not None:
            read_url(entry.url, rules_for(entry.url))
        entries[entry.id] = entry
    return Listed(given, entries, secrets_of(given, environment), frozenset(templated))
