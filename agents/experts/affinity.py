"""How well each question fits each expert, as the run's trace keeps it: asked once, and never in a replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.errors import BadPipeline
from agents.experts.gate import products
from agents.experts.words import word_vectors
from backends.base import ToolCall
from tools.errors import ToolError
from tools.perform import Outcome

if TYPE_CHECKING:
    from agents.experts.expert import Expert
    from agents.run import Run

GATE = "gate"
"""The name under which the trace has it, as a call of a tool."""
DIGITS = 6
"""Of a score, so that a replay on another processor comes to the same."""


@dataclass(frozen=True)
class Affinity:
    scores: list[list[float]]
    """(questions, experts): products of vectors, cosines for a gate that was not trained."""
    features: str


async def affinity(run: Run, questions: Sequence[str], experts: Sequence[Expert], trained: str | None) -> Affinity:
    """Raises BadPipeline if the gate cannot say."""
    told = {"questions": list(questions), "experts": {e.name: e.description for e in experts}, "trained": trained}
    call = ToolCall(id=GATE, name=GATE, arguments=json.dumps(told, ensure_ascii=False))

    async def perform(_key: str) -> Outcome:
        try:
            found = await _found(run, questions, experts, trained)
        except ToolError as error:
            return Outcome(str(error), fault="refused")
        rounded = [[round(score, DIGITS) for score in row] for row in found.scores]
        return Outcome(json.dumps({"scores": rounded, "features": found.features}))

    outcome = await run.call(call, perform)
    if outcome.fault is not None:
        raise BadPipeline(f"the gate cannot choose: {outcome.text}")
    return Affinity(**json.loads(outcome.text))


async def _found(run: Run, questions: Sequence[str], experts: Sequence[Expert], trained: str | None) -> Affinity:
    texts = {expert.name: described(expert) for expert in experts}
    gate = run.deps.reach.gate
    if gate is not None:
        scores, features = await gate.scores(questions, texts, trained)
        return Affinity(scores, features)
    if trained is not None:
        raise ToolError(f"there is no embedder here, so the trained gate {trained!r} has nothing to go by")
    return Affinity(products(word_vectors(questions), word_vectors(list(texts.values()))), "words")


def described(expert: Expert) -> str:
    return f"{expert.name}: {expert.description}" if expert.description else expert.name
