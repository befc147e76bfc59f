"""The tools there are to choose from: those of the catalogue, and the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from tools import catalog
from tools.base import Tool
from tools.errors import BadDocument, BadTool


class Toolbox(Mapping[str, Tool]):
    """By name; a tool's module is imported when it is asked for, those of the user at once."""

    def __init__(
        self,
        places: Sequence[str] = (),
        asking: Sequence[str] = (),
        made: Sequence[Tool] = (),
        coming: Callable[[], Sequence[Tool]] | None = None,
    ) -> None:
        """`places`: `package.module:attribute` or `file.py:attribute`. `asking`: names or patterns of tools that always
        ask a person here. `made`: tools of documents; `coming`: those that are there just now, of servers that come and
        go. Raises BadTool."""
        self._own: dict[str, Tool] = {}
        self._coming = coming or tuple
        self._asking = tuple(asking)
        for place in places:
            try:
                tool = catalog.load(place)
            except BadTool:
                raise
            except Exception as error:  # The module's own code, which may raise anything.
                raise BadTool(f"{place!r} cannot be imported: {type(error).__name__}: {error}") from error
            if tool.name in self:
                raise BadTool(f"{place!r} is called {tool.name!r}, as another tool is: give it a name of its own")
            self._own[tool.name] = tool
        for tool in made:
            if tool.name in self:
                raise BadDocument(
                    f"a tool of a document is called {tool.name!r}, as another is: name the document otherwise"
                )
            self._own[tool.name] = tool
        for pattern in self._asking:
            # What a server will offer is not known yet.
            if coming is None and not any(fnmatchcase(name, pattern) for name in self):
                raise BadTool(f"{pattern!r}, which is to ask a person, names no tool; there are {', '.join(self)}")

    def __getitem__(self, name: str) -> Tool:
        """Raises KeyError."""
        if name in self._own:
            found = self._own[name]
        elif name in catalog.TOOLS:
            found = catalog.load(catalog.TOOLS[name])
        else:
            found = self._there()[name]
        asks = any(fnmatchcase(name, pattern) for pattern in self._asking)
        return replace(found, needs_approval=True) if asks else found

    def __iter__(self) -> Iterator[str]:
        yield from catalog.TOOLS
        yield from self._own
        yield from self._there()

    def __len__(self) -> int:
        return len(catalog.TOOLS) + len(self._own) + len(self._there())

    def _there(self) -> dict[str, Tool]:
        """A server cannot take the name of a tool that is there anyway."""
        found = {tool.name: tool for tool in self._coming()}
        return {name: found[name] for name in found if name not in self._own and name not in catalog.TOOLS}
