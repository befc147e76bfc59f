"""A mixture of experts: a gate sends each question to one or two of several backends, pipelines and collections.

Sources: Jacobs et al. 1991 and Shazeer et al. 2017 (arXiv:1701.06538), the gate; Fedus et al. 2021, Switch Transformers
(arXiv:2101.03961), top-1; Lepikhin et al. 2020, GShard (arXiv:2006.16668), algorithm 1: top-2, the second by chance,
capacity; Lewis et al. 2021, BASE Layers (arXiv:2103.16716), balanced assignment.

    route -> expert (those chosen, side by side) -> combine -> END

It is sparse: an expert that is not chosen is not called at all, which the event `expert_load` counts. The papers route
tokens between layers of a network; here whole questions are routed, so what is combined is answers: equal answers add
their weights, and the heaviest is given, which is the likeliest one of the mixture sum_e g_e p_e(y). Where the papers'
residual connection carries a token past full experts, a question goes to the run's own backend.
"""

from __future__ import annotations

from contextlib import aclosing
from operator import add
from typing import TYPE_CHECKING, Annotated, Any

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send
from typing_extensions import TypedDict

from agents import catalog
from agents.errors import BadPipeline
from agents.experts.affinity import affinity
from agents.experts.calls import Calls
from agents.experts.combine import Output, combined
from agents.experts.dispatch import CHOICES, plan
from agents.experts.expert import Equipment, Expert, built_in
from agents.experts.facts import Delegated, ExpertLoad, Routed
from agents.inner_options import read_options
from agents.moe_options import NAME, MoeOptions
from agents.nested import nested
from agents.pipeline import Pipeline, State
from agents.run import Run
from agents.spending import price_of
from agents.walk import check, compiled
from backends.base import Message

if TYPE_CHECKING:
    from agents.nested import NestedRun


class Place(TypedDict):
    """One question with one of its experts."""

    input: int
    question: str
    expert: str
    """Empty: none took it."""
    weight: float
    history: list[Message]


class MoeState(State, total=False):
    places: list[dict[str, Any]]
    """A Place without the turns before."""
    load: dict[str, Any]
    """What `expert_load` says of the gates."""
    outputs: Annotated[list[dict[str, Any]], add]
    """An Output, as JSON."""


async def route(state: MoeState, runtime: Runtime[Run]) -> MoeState:
    run, options = runtime.context, runtime.context.options(MoeOptions)
    experts, batch = experts_of(run, options), [state["question"], *options.questions]
    if len(experts) < CHOICES[options.method]:
        raise BadPipeline(f"{options.method!r} asks two experts, and this run has {len(experts)}")
    found = await affinity(run, batch, experts, options.gate)
    made = plan(found.scores, options.rules(), run.dice("second").getrandbits(63))
    names = [expert.name for expert in experts]
    chosen = [["" if place < 0 else names[place] for place in row] for row in made.chosen]
    run.emit(
        Routed, method=options.method, experts=names, features=found.features, gates=made.gates, chosen=chosen,
        weights=made.weights, capacity=made.capacity, overflow=made.overflow,
    )  # fmt: skip
    places: list[dict[str, Any]] = []
    for number, question in enumerate(batch):
        taken = [(name, w) for name, w in zip(chosen[number], made.weights[number], strict=True) if name]
        for name, weight in taken or [("", 0.0)]:
            places.append({"input": number, "question": question, "expert": name, "weight": weight})
    load = {
        "experts": names,
        "first": made.load.first.tolist(),
        "gate": [round(sum_, 6) for sum_ in made.load.gate.tolist()],
        "max_ratio": round(made.load.max_ratio(), 6),
        "switch": round(made.load.switch(), 6),
        "gshard": round(made.load.gshard(), 6),
        "product": round(made.load.product(), 6),
    }
    return {"places": places, "load": load}


async def each(state: MoeState) -> list[Send]:
    history = state.get("history", [])
    return [Send("expert", {**place, "history": history}) for place in state["places"]]


async def expert(state: Place, runtime: Runtime[Run]) -> MoeState:
    run, options = runtime.context, runtime.context.options(MoeOptions)
    chosen = next((e for e in experts_of(run, options) if e.name == state["expert"]), Expert(name="-"))
    pipeline, has = catalog.get(chosen.runs()), equipment_of(run, chosen)
    calls = Calls(run.journal.told, run.outlet.task_id())
    inner = nested(
        run, read_options(pipeline.name, chosen.options), system="", hear=calls.hear, has=has,
        drafts=state["input"] == 0 and not options.questions,
    )  # fmt: skip
    deps = inner.deps
    run.emit(
        Delegated, input=state["input"], expert=state["expert"], pipeline=pipeline.name, backend=deps.backend.name,
        capabilities=deps.backend.capabilities, price=price_of(deps.prices, deps.backend.name),
        collection=deps.collection, generation=deps.generation,
    )  # fmt: skip
    values = await _run(pipeline, {"question": state["question"], "history": state["history"]}, inner, runtime)
    output = Output(
        input=state["input"],
        expert=state["expert"],
        weight=state["weight"],
        answer=values.get("answer", ""),
        citations=tuple(values.get("citations", ())),
        finish=inner.finish,
        model_calls=calls.model,
        tool_calls=calls.tool,
    )
    return {"outputs": [output.model_dump(mode="json")]}


async def combine(state: MoeState, runtime: Runtime[Run]) -> MoeState:
    run, options = runtime.context, runtime.context.options(MoeOptions)
    outputs = [Output.model_validate(output) for output in state["outputs"]]
    load = state["load"]

    def of_each(count: str) -> list[int]:
        return [sum(getattr(o, count) for o in outputs if o.expert == name) for name in load["experts"]]

    run.emit(
        ExpertLoad,
        **load,
        asked=[sum(o.expert == name for o in outputs) for name in load["experts"]],
        model_calls=of_each("model_calls"),
        tool_calls=of_each("tool_calls"),
        bypassed=sum(not output.expert for output in outputs),
    )
    run.finish = next((output.finish for output in outputs if output.finish != "stop"), "stop")
    answer, citations = combined(outputs, every=options.combine == "list")
    return {"answer": answer, "citations": citations}


def experts_of(run: Run, options: MoeOptions) -> tuple[Expert, ...]:
    return options.experts or built_in(searches=run.deps.retriever is not None)


def equipment_of(run: Run, chosen: Expert) -> Equipment:
    """Raises BadPipeline."""
    has = run.deps.equipment.get(chosen.name, Equipment())
    for part, there in (("backend", has.backend), ("collection", has.retriever)):
        if getattr(chosen, part) is not None and there is None:
            raise BadPipeline(
                f"the {part} {getattr(chosen, part)!r} of the expert {chosen.name!r} is not to be had here"
            )
    return has


async def _run(pipeline: Pipeline, given: Any, inner: NestedRun, runtime: Runtime[Run]) -> dict[str, Any]:
    """What the expert comes to. After a crash it goes on from its own last step."""
    check(pipeline, inner.deps)
    values: dict[str, Any] = {}
    steps: Any = compiled(pipeline).astream(given, context=inner, stream_mode="values", control=runtime.control)
    async with aclosing(steps) as told:
        async for latest in told:
            values = latest
    return values


graph = StateGraph(MoeState, context_schema=Run)
graph.add_node(route)
graph.add_node(expert)
graph.add_node(combine)
graph.add_edge("__start__", "route")
graph.add_conditional_edges("route", each, ["expert"])
graph.add_edge("expert", "combine")

pipeline = Pipeline(
    name=NAME,
    summary="Send a question to the one or two experts (backends, pipelines, collections) that a gate chooses.",
    source="Fedus et al. 2021, Switch Transformers (arXiv:2101.03961); Lepikhin et al. 2020, GShard "
    "(arXiv:2006.16668); Lewis et al. 2021, BASE Layers (arXiv:2103.16716)",
    options=MoeOptions,
    graph=graph,
    asks=True,
)
