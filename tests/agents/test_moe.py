"""A mixture of experts: who is asked and who is not, what overflows, what two answers come to, and its trace."""

import json
from contextlib import aclosing
from dataclasses import replace

import pytest
from pydantic import ValidationError

from agents import catalog
from agents.experts.combine import Output, combined
from agents.experts.expert import Equipment
from agents.moe_options import MoeOptions
from agents.past import read_past
from agents.replay import replay
from agents.run import Deps, RunInput, Sampling
from agents.stream import stream
from agents.thread import Place
from backends.base import Capabilities
from server.runs.checkpoints import Checkpoints
from tests.agents.fakes import Replies, Shelf, said
from tests.agents.recording import as_json, record
from tools.base import Context

MOE = catalog.get("moe")
ALL = Capabilities(tools=True, json_schema=True, logprobs=True)


class Gate:
    """Scores as the test gives them, row by row."""

    def __init__(self, *rows):
        self.rows, self.asked = [list(row) for row in rows], []

    async def scores(self, questions, experts, trained):
        self.asked.append((tuple(questions), tuple(experts), trained))
        return self.rows[: len(questions)], "the test"


class Panel:
    """Experts a, b, c, ... each with a backend of its own that says its name, and counts."""

    def __init__(self, number, **says):
        self.names = "abcdef"[:number]
        self.backends = {name: Replies(said(says.get(name, f"I am {name}.")), capabilities=ALL) for name in self.names}
        for name, backend in self.backends.items():
            backend.name = f"fake:{name}"
        self.own = Replies(said("I am the run's own."), capabilities=ALL)

    def deps(self, gate, seed=None, **options):
        experts = [{"name": name, "backend": f"fake:{name}"} for name in self.names]
        return Deps(
            backend=self.own, options=MoeOptions(experts=experts, **options), reach=Context(gate=gate),
            sampling=Sampling(seed=seed),
            equipment={name: Equipment(backend=backend) for name, backend in self.backends.items()},
        )  # fmt: skip

    async def ask(self, gate, seed=None, **options):
        deps = self.deps(gate, seed, **options)
        return [event async for event in stream(MOE, RunInput(question="Who?"), deps, run_id="r")]

    def calls(self):
        return [len(self.backends[name].requests) for name in self.names] + [len(self.own.requests)]


def of(events, kind):
    return [event for event in events if event.type == kind]


async def test_only_the_chosen_expert_is_called():
    panel = Panel(4)
    events = await panel.ask(Gate([0.1, 0.9, 0.2, 0.3]))
    assert events[-1].answer == "I am b."
    assert panel.calls() == [0, 1, 0, 0, 0]
    (load,) = of(events, "expert_load")
    assert (load.asked, load.model_calls, load.tool_calls) == ((0, 1, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0))
    assert [(event.expert, event.backend) for event in of(events, "delegated")] == [("b", "fake:b")]


async def test_the_second_expert_is_asked_by_chance_and_the_same_seed_asks_the_same():
    asked = []
    for seed in [*range(12), *range(12)]:
        panel = Panel(3)
        await panel.ask(Gate([0.30, 0.26, 0.0]), seed=seed, method="top2")
        first, second, *others = panel.calls()
        assert first == 1
        assert others == [0, 0]
        asked.append(second)
    assert asked[:12] == asked[12:]
    # 2 g2 / (g1 + g2) = 0.80 at temperature 0.1.
    assert 4 <= sum(asked[:12]) < 12


async def test_what_overflows_passes_by_to_the_runs_own_backend_or_to_the_next():
    rows = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.1], [0.9, 0.3]]
    panel = Panel(2)
    events = await panel.ask(Gate(*rows), questions=["2?", "3?", "4?"], capacity_factor=1.0)
    assert panel.calls() == [2, 0, 2]
    (load,) = of(events, "expert_load")
    assert (load.first, load.asked, load.bypassed, of(events, "routed")[0].overflow) == ((4, 0), (2, 0), 2, (2, 0))
    assert events[-1].answer == "1. I am a.\n\n2. I am a.\n\n3. I am the run's own.\n\n4. I am the run's own."
    panel = Panel(2)
    await panel.ask(Gate(*rows), questions=["2?", "3?", "4?"], capacity_factor=1.0, overflow="next")
    assert panel.calls() == [2, 2, 0]


async def test_base_gives_every_expert_its_share():
    scores = [[3, 1], [2.5, 2.4], [2, 1.9], [1, 0.2]]
    for method, answer in (("base", "abba"), ("top1", "aaaa")):
        panel = Panel(2)
        events = await panel.ask(Gate(*scores), questions=["2?", "3?", "4?"], method=method, capacity_factor=2)
        assert "".join(row[0] for row in of(events, "routed")[0].chosen) == answer
        assert panel.calls() == [answer.count("a"), answer.count("b"), 0]


@pytest.mark.parametrize(
    ("combine", "answer"), [("vote", "forty-two"), ("list", "a (0.40): 41\n\nb (0.35): forty-two")]
)
def test_two_answers_vote_with_their_weights(combine, answer):
    said = [("a", 0.40, "41"), ("b", 0.35, "forty-two"), ("c", 0.25, "Forty-two.")]
    outputs = [
        Output(
            input=0, expert=name, weight=weight, answer=text, citations=(), finish="stop", model_calls=1, tool_calls=0
        )
        for name, weight, text in said
    ]  # fmt: skip
    text, _ = combined(outputs, every=combine == "list")
    assert text.startswith(answer)


async def test_experts_may_be_pipelines_on_the_runs_own_parts():
    backend = Replies(said("It is 330 metres tall [1]."), capabilities=ALL)
    deps = Deps(backend=backend, retriever=Shelf("The tower is 330 metres tall."), reach=Context(gate=Gate([1, 0, 0])))
    events = [event async for event in stream(MOE, RunInput(question="How tall?"), deps, run_id="r")]
    assert [event.pipeline for event in of(events, "delegated")] == ["rag"]
    assert events[-1].answer.startswith("It is 330 metres tall")
    assert [citation.quote for citation in events[-1].citations] == ["The tower is 330 metres tall."]


async def test_without_an_embedder_words_decide():
    experts = [
        {"name": "rivers", "description": "rivers, lakes and seas", "pipeline": "chat"},
        {"name": "sums", "description": "sums, fractions and percent 百分比", "pipeline": "cot"},
    ]
    for question, chosen in (("Which lakes are deep?", "rivers"), ("百分比怎么算？", "sums")):
        deps = Deps(backend=Replies(said("x"), capabilities=ALL), options=MoeOptions(experts=experts))
        events = [event async for event in stream(MOE, RunInput(question=question), deps, run_id="r")]
        (routed,) = of(events, "routed")
        assert (routed.features, routed.chosen) == ("words", ((chosen,),))


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("method", ["top1", "top2", "base"])
async def test_a_run_with_several_backends_replays(method, durable):
    panel = Panel(3)
    gate = Gate([0.3, 0.28, 0], [0.3, 0.28, 0], [0.1, 0.2, 0.3], [0.3, 0.29, 0])
    deps = panel.deps(gate, 5, method=method, questions=["2?", "3?", "4?"])
    cassette = await record(MOE, deps, durable=durable)
    assert await replay(cassette) == as_json(cassette)


async def test_what_a_gate_or_an_expert_lacks_is_said():
    deps = Deps(
        backend=Replies(said("x")), options=MoeOptions(experts=[{"name": "a", "backend": "x:y"}, {"name": "b"}]),
        reach=Context(gate=Gate([1, 0])),
    )  # fmt: skip
    events = [event async for event in stream(MOE, RunInput(question="?"), deps, run_id="r")]
    assert events[-1].message == "the backend 'x:y' of the expert 'a' is not to be had here"
    deps = Deps(backend=Replies(said("x")), options=MoeOptions(gate="mine"))
    events = [event async for event in stream(MOE, RunInput(question="?"), deps, run_id="r")]
    assert "the trained gate 'mine' has nothing to go by" in events[-1].message


@pytest.mark.parametrize(
    ("experts", "why"),
    [
        ([{"name": "a"}, {"name": "a"}], "two experts are named 'a'"),
        ([{"name": "a", "pipeline": "moe"}], "does not run itself"),
        ([{"name": "a", "pipeline": "ragg"}], "no pipeline 'ragg'"),
        ([{"name": "a", "pipeline": "react", "options": {"max_step": 1}}], "has no option 'max_step'"),
        ([{"name": "a", "modl": "x"}], "modl"),
    ],
)
def test_experts_that_do_not_fit_are_refused(experts, why):
    with pytest.raises(ValidationError, match=why):
        MoeOptions.model_validate_json(json.dumps({"experts": experts}))


def test_two_experts_are_asked_for_by_top2():
    with pytest.raises(ValidationError, match="add another, or use top1"):
        MoeOptions(experts=[{"name": "a"}], method="top2")


@pytest.mark.parametrize("after", range(4, 26, 7))
async def test_what_an_expert_has_answered_is_not_asked_again_after_a_crash(tmp_path, after):
    panel = Panel(3)
    deps = panel.deps(Gate([1, 0, 0], [0, 1, 0], [0, 0, 1]), questions=["2?", "3?"], capacity_factor=3)
    checkpoints = Checkpoints(tmp_path)
    place = Place(graph=await checkpoints.graph(MOE), thread_id="t", durability="sync", settling=checkpoints.settling)

    async def settle():
        pass

    told, past = [], None
    while not told or told[-1].type != "run_finished":
        running = stream(
            MOE, RunInput(question="1?"), replace(deps, settle=settle), run_id="r", place=place, past=past
        )  # fmt: skip
        async with aclosing(running) as events:
            async for event in events:
                told.append(event)
                if len(told) == after:
                    break
        past = read_past(told, (), {}, await checkpoints.done("t"))
    await checkpoints.aclose()
    assert told[-1].answer == "1. I am a.\n\n2. I am b.\n\n3. I am c."
    answered = [event.backend for event in told if event.type == "llm_called"]
    assert sorted(answered) == ["fake:a", "fake:b", "fake:c"]
    assert len(deps.reach.gate.asked) <= 2
    assert of(told, "expert_load")[-1].model_calls == (1, 1, 1)
