"""The router of MRKL: which experts there are, how near each is to the question, and which one the model takes.

Nearness is a call like one of a tool, in the trace with its outcome, so that a replay needs no embedder and no tools.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from agents import catalog
from agents.mrkl_cards import EXAMPLES, MODEL, QUESTION_AS, Expert
from agents.mrkl_options import MrklOptions
from agents.sources import unfenced
from agents.structured import ask_json
from agents.tool_use import offered
from backends.base import Message, ToolCall
from backends.errors import BadStructuredOutput
from backends.extractive import Extractive
from retrieval.descriptions import By, ranked
from tools.errors import ToolError
from tools.perform import Outcome

if TYPE_CHECKING:
    from agents.run import Run


class Near(BaseModel):
    """An expert and how near it is; scores as of `retrieval.descriptions`."""

    expert: Expert
    score: float
    dense: float | None = None
    lexical: float | None = None


class Nearest(BaseModel):
    """The first of all experts, best first."""

    method: str
    features: str
    """What compared: the name of an embedder, or words."""
    experts: list[Near]


def has_model(run: Run) -> bool:
    return run.deps.backend.name != Extractive.name


def experts_of(run: Run, options: MrklOptions) -> list[Expert]:
    """All that may be sent a question here, the fall-back aside. Raises as `agents.tool_use.offered`."""
    found = []
    for name, tool in offered(run, options).items():
        if options.tools is None and name == "search" and "rag" in options.pipelines:
            continue  # The pipeline searches, and answers from what it finds.
        card, spec = options.card(name), tool.spec
        found.append(
            Expert(
                name=name,
                kind="tool",
                description=card.description or spec.description,
                examples=card.examples or EXAMPLES.get(name, ()),
                parameters=dict(spec.parameters),
                question_as=card.question_as or QUESTION_AS.get(name, ""),
            )
        )
    for name in options.pipelines:
        pipeline = catalog.get(name)
        if pipeline.needs_collection and run.deps.retriever is None:
            continue
        card = options.card(name)
        examples = card.examples or EXAMPLES.get(name, ())
        found.append(
            Expert(name=name, kind="pipeline", description=card.description or pipeline.summary, examples=examples)
        )
    return found


async def nearest(run: Run, options: MrklOptions, question: str) -> Nearest | str:
    """The experts by nearness; or why there are none. Raises as `experts_of`."""
    by: By = options.router if options.router in ("lexical", "dense") else "hybrid"
    arguments = json.dumps({"question": question, "by": by}, ensure_ascii=False)
    call = ToolCall(id="router", name="router", arguments=arguments)
    outcome = await run.call(call, lambda _key: _compared(run, options, question, by))
    return outcome.text if outcome.fault is not None else Nearest.model_validate_json(outcome.text)


async def _compared(run: Run, options: MrklOptions, question: str, by: By) -> Outcome:
    experts, gate = experts_of(run, options), run.deps.reach.gate
    texts = [expert.text() for expert in experts]
    cosines, features, scripts = None, "words", frozenset[str]()
    if gate is None and by == "dense":
        return Outcome("there is no embedder here to compare by meaning: use the router 'lexical'", fault="refused")
    by = by if gate is not None else "lexical"
    if gate is not None and by != "lexical" and experts:
        named = {expert.name: text for expert, text in zip(experts, texts, strict=True)}
        try:
            rows, features = await gate.scores([question], named, None)
        except ToolError as error:
            return Outcome(str(error), fault="refused")
        cosines, scripts = rows[0], gate.scripts
    found = await asyncio.to_thread(partial(ranked, question, texts, cosines, by, scripts))
    near = [
        Near(expert=experts[one.place], score=one.score, dense=one.dense, lexical=one.lexical)
        for one in found[: options.shortlist]
    ]
    return Outcome(Nearest(method=by, features=features, experts=near).model_dump_json())


async def chosen_by_model(run: Run, near: Nearest, question: str, history: list[Message]) -> str | None:
    """The name of an expert, or of the fall-back; None, with a warning, if the model names none."""
    names = [one.expert.name for one in near.experts]
    told = "\n".join(f"- {one.expert.name}: {_line(one.expert)}" for one in near.experts)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"expert": {"type": "string", "enum": [*names, MODEL]}},
        "required": ["expert"],
        "additionalProperties": False,
    }
    try:
        given = await ask_json(
            run,
            Message(role="system", content=CHOOSE.format(experts=unfenced(told), model=MODEL)),
            *history,
            Message(role="user", content=question),
            fits=schema,
            question=question,
            subject={"stage": "route"},
        )
    except BadStructuredOutput as error:
        run.warn("no_choice", f"the nearest expert is taken, because the model chose none: {error}")
        return None
    return str(given["expert"])


def _line(expert: Expert) -> str:
    return " ".join(" ".join((expert.description, *expert.examples[:2])).split())[:400]


CHOOSE = (
    "You are a router. Do not answer the user's last message: choose which one of these experts is to answer it. "
    "Choose {model} if none of them fits.\n{experts}\n- {model}: a language model, from its own knowledge."
)
