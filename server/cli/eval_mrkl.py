"""`sandtable eval bfcl -p mrkl`: the router and the extraction of `mrkl`, in this process, over each item's functions.

A service has its own tools for `mrkl`; the functions of the leaderboard are none of them and carry nothing out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from agents.mrkl_options import MrklOptions
    from agents.tasks.base import Item
    from retrieval.base import Embedder
    from server.cli.eval_runs import Evaluation, Kept
    from server.cli.options import Where


def concerns(evaluation: Evaluation) -> bool:
    return (evaluation.task.name, evaluation.pipeline) == ("bfcl", "mrkl")


async def extract_all(
    where: Where, evaluation: Evaluation, items: Sequence[Item], kept: Kept, at_once: int, *, quiet: bool
) -> None:
    """Keep the call of every item. Raises CommandFailed, UsageError."""
    from agents.run import Deps
    from agents.tasks.mrkl_calls import call_of
    from backends.lifetime import close
    from server.cli.eval_cost import used
    from server.cli.eval_runs import side_by_side
    from server.cli.own_backend import own_backend
    from server.cli.own_embedder import own_embedder
    from tools.base import Context

    if evaluation.backend is None or evaluation.collection is not None:
        raise click.UsageError("bfcl by mrkl runs without a service: name the model with -b, and no collection.")
    options, backend = _options(evaluation.options), own_backend(where, evaluation.backend)
    with own_embedder(where) as embedder:
        deps = Deps(backend=backend, options=options, reach=Context(gate=_Meaning(embedder)))

        async def one(_evaluation: Evaluation, item: Item) -> dict[str, Any]:
            found = await call_of(item.question, item.tools, deps, run_id=item.id)
            known = {"calls": len(found["calls"]), "usage": used(found["calls"]), "backend": backend.name}
            nothing: dict[str, Any] = {"limit": None, "cost": None, "finalists": [], "trials": [], "outputs": []}
            return {"id": item.id, **nothing, **found, **known}

        try:
            await side_by_side(one, evaluation, items, kept, at_once, quiet=quiet)
        finally:
            await close(backend)


class _Meaning:
    """A `tools.base.Gate` of the settings' embedder."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    @property
    def scripts(self) -> frozenset[str]:
        return self._embedder.scripts

    async def scores(
        self, questions: Sequence[str], experts: Mapping[str, str], trained: str | None
    ) -> tuple[list[list[float]], str]:
        from retrieval.nearness import cosines

        rows = await asyncio.to_thread(cosines, self._embedder, questions, tuple(experts.values()))
        return rows, self._embedder.name


def _options(given: Mapping[str, Any]) -> MrklOptions:
    from pydantic import ValidationError

    from agents.mrkl_options import MrklOptions

    try:
        # The functions are the only experts.
        return MrklOptions.model_validate_json(json.dumps({"pipelines": [], **given}), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise click.UsageError(f"option {'.'.join(map(str, first['loc']))!r} of mrkl: {first['msg']}") from None
