"""The gate of a mixture of experts, with the service's embedder behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agents.experts.gate_file import BadGate, GateFile, read_gate
from retrieval.errors import RetrievalError
from tools.errors import ToolError

if TYPE_CHECKING:
    from retrieval.base import Vectors
    from server.open_collections import OpenCollections


class EmbedderGate:
    """A `tools.base.Gate`: cosines of questions with descriptions, or products with a trained gate's vectors."""

    def __init__(self, collections: OpenCollections, embedder: str, data_dir: Path) -> None:
        self._collections = collections
        self._spec = embedder
        self._data_dir = data_dir
        self._described: tuple[tuple[str, ...], Vectors] | None = None
        """Of the descriptions that were asked for last."""

    @property
    def scripts(self) -> frozenset[str]:
        return self._collections.embedder(self._spec)[0].scripts

    async def scores(
        self, questions: Sequence[str], experts: Mapping[str, str], trained: str | None
    ) -> tuple[list[list[float]], str]:
        """Raises ToolError."""
        from agents.experts.gate import products

        _, queries = self._collections.embedder(self._spec)
        try:
            asked = await asyncio.gather(*(queries.embed(question) for question in questions))
            if trained is None:
                by = await self._of(tuple(experts.values()))
                return await asyncio.to_thread(products, asked, by), self._spec
            weights = await asyncio.to_thread(self._trained, trained, tuple(experts))
            return await asyncio.to_thread(products, asked, weights), f"{self._spec}, trained gate {trained}"
        except (RetrievalError, BadGate) as error:
            raise ToolError(str(error)) from error

    async def _of(self, texts: tuple[str, ...]) -> Vectors:
        if self._described is None or self._described[0] != texts:
            embedder, _ = self._collections.embedder(self._spec)
            self._described = (texts, await asyncio.to_thread(partial(embedder.embed, texts, kind="document")))
        return self._described[1]

    def _trained(self, name: str, experts: Sequence[str]) -> list[tuple[float, ...]]:
        """Raises BadGate."""
        gate = fitting(self._data_dir, name, experts)
        embedder, _ = self._collections.embedder(self._spec)
        if gate.embedder != embedder.fingerprint:
            raise BadGate(
                f"the gate {name!r} was trained with the embedder {gate.embedder!r}, and this service's is "
                f"{embedder.fingerprint!r}: train it again"
            )
        return [gate.experts[expert] for expert in experts]


def fitting(data_dir: Path, name: str, experts: Sequence[str]) -> GateFile:
    """The trained gate, if it knows the experts. Raises BadGate."""
    gate = read_gate(data_dir, name)
    if unknown := [expert for expert in experts if expert not in gate.experts]:
        raise BadGate(
            f"the gate {name!r} was trained for {', '.join(gate.experts)}, and does not know {', '.join(unknown)}"
        )
    return gate
