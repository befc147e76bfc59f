"""Replays of runs that are not simple: side by side, cut short, resumed, asked; and what differs is named."""

import asyncio
import json
from operator import add
from typing import Annotated

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from agents import catalog, events
from agents.cassette import Cassette, read_cassette
from agents.errors import BadCassette, NotIdentical
from agents.past import read_past
from agents.pipeline import Options, Pipeline, State
from agents.replay import replay
from agents.run import Deps, Run, RunInput, Sampling
from agents.spending import Limits
from agents.stream import stream
from agents.thread import Place, command_of
from backends.base import Delta, Message
from tests.agents.fakes import NEVER, Replies, Shelf, said
from tests.agents.recording import RUN_ID, THREAD_ID, as_json, cassette_of, record
from tools.perform import Outcome

CHAT = catalog.get("chat")


class Wide(State, total=False):
    parts: Annotated[list[str], add]
    part: str


@pytest.fixture
def offered(request):
    """Puts a pipeline into the catalogue for a test."""
    names = []

    def offer(graph) -> Pipeline:
        name = f"toy{len(names)}_{request.node.name}"
        made = Pipeline(name=name, summary=".", source="-", options=Options, graph=graph)
        globals()[name] = made
        catalog.PIPELINES[name] = f"{__name__}:{name}"
        names.append(name)
        return made

    yield offer
    for name in names:
        del catalog.PIPELINES[name], globals()[name]


def line(**nodes) -> StateGraph:
    graph = StateGraph(Wide, context_schema=Run)
    before = "__start__"
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    return graph


def user(text):
    return Message(role="user", content=text)


class Jittery(Replies):
    """Pieces of calls side by side come in an order that varies."""

    def __init__(self, seed):
        super().__init__(said("abcdefgh", piece=1, reasoning="think"))
        self.seed = seed

    async def stream(self, request):
        number = len(self.requests)
        async for delta in super().stream(request):
            for _ in range((self.seed * (number + 3) * 7919) % 11):
                await asyncio.sleep(0)
            yield delta
            self.seed = (self.seed * 1103515245 + 12345) % 2**31


async def fan(state, runtime):
    ask = runtime.context.ask
    replies = await asyncio.gather(*(ask(user(f"{state.get('part')}{n}")) for n in range(3)))
    runtime.context.emit(events.Thought, text=f"fan {state.get('part')}")
    found = await runtime.context.search("x", 1)
    return {"parts": ["".join(reply.message.content for reply in replies) + found[0].text]}


async def join(state, runtime):
    return {"answer": " ".join(state["parts"])}


def wide() -> StateGraph:
    inner = line(fan=fan, again=fan).compile()

    async def outer(state: Wide, runtime: Runtime[Run]) -> Wide:
        values = await inner.ainvoke({"part": state["part"]})
        return {"parts": values["parts"]}

    graph = StateGraph(Wide, context_schema=Run)
    graph.add_node("outer", outer)
    graph.add_node("fan", fan)
    graph.add_node("join", join)
    graph.add_conditional_edges(
        "__start__", lambda _: [*(Send("outer", {"part": p}) for p in "abc"), Send("fan", {"part": "d"})]
    )
    graph.add_edge("outer", "join")
    graph.add_edge("fan", "join")
    return graph


@pytest.mark.parametrize("seed", range(6))
async def test_what_ran_side_by_side_comes_in_the_recorded_order(offered, seed):
    pipeline = offered(wide())
    given = Deps(backend=Jittery(seed), retriever=Shelf("one"), collection="vs_1")
    cassette = await record(pipeline, given, durable=seed % 2 == 0)
    assert len(given.backend.requests) == 21
    for _ in range(2):
        assert await replay(cassette) == as_json(cassette)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=4), max_size=12), st.lists(st.text(max_size=3), max_size=3), st.booleans())
async def test_pieces_come_as_they_came(pieces, thoughts, durable):
    reply = [*(Delta(reasoning=t) for t in thoughts), *(Delta(text=p) for p in pieces), Delta(finish="stop")]
    for name in ("chat", "rag"):
        given = Deps(backend=Replies(reply), retriever=Shelf("One thing. 一个东西。"), collection="vs_1")
        cassette = await record(catalog.get(name), given, durable=durable)
        assert await replay(cassette) == as_json(cassette)


async def test_history_sampling_and_system_message_are_in_it():
    given = RunInput(question="And?", history=(user("Hi"), Message(role="assistant", content="Ho")), system="Be kind.")
    deps = Deps(backend=Replies(said("x")), sampling=Sampling(temperature=0.5, seed=3, stop=("END",)))
    cassette = await record(CHAT, deps, given)
    assert await replay(cassette) == as_json(cassette)
    assert cassette.text() == read_cassette(cassette.text()).text()


@pytest.mark.parametrize("durable", [False, True])
async def test_a_thread_goes_on_from_its_turns(durable):
    saver, deps = InMemorySaver(), Deps(backend=Replies(said("one"), said("two"), said("three")))
    for n in range(3):
        cassette = await record(CHAT, deps, f"q{n}", durable=durable, saver=saver, run_id=f"r{n}")
    read = next(e for e in cassette.run.events if e.type == "thread_read")
    assert [m.content for m in read.messages] == ["q0", "one", "q1", "two"]
    assert await replay(cassette) == as_json(cassette)


async def test_a_limit_is_reached_again():
    async def endless(state, runtime):
        while True:
            await runtime.context.ask(user("?"), stream_to="answer")

    for limits in (Limits(model_calls=3), Limits(tokens=50), Limits(steps=1)):
        deps = Deps(backend=Replies(said("more ")), limits=limits)
        pipeline = Pipeline(name="endless", summary=".", source="-", options=Options, graph=line(a=endless, b=endless))
        globals()["endless"] = pipeline
        catalog.PIPELINES["endless"] = f"{__name__}:endless"
        try:
            cassette = await record(pipeline, deps)
            assert cassette.run.events[-1].type == "run_limited"
            assert await replay(cassette) == as_json(cassette)
        finally:
            del catalog.PIPELINES["endless"]


async def test_a_run_out_of_seconds_ends_at_the_same_piece():
    deps = Deps(backend=Replies([Delta(text="half"), NEVER]), limits=Limits(seconds=0.3))
    cassette = await record(CHAT, deps)
    assert (cassette.run.events[-1].type, cassette.run.events[-1].limit) == ("run_limited", "seconds")
    async with asyncio.timeout(5):
        assert await replay(cassette) == as_json(cassette)


@pytest.mark.parametrize("pieces", [0, 1, 2])
async def test_a_cancelled_run_ends_at_the_same_piece(pieces):
    stop = asyncio.Event()
    deps = Deps(backend=Replies([*(Delta(text=f"p{n}") for n in range(pieces)), NEVER]))
    told = []
    place = Place(graph=CHAT.graph.compile(checkpointer=InMemorySaver()), thread_id=THREAD_ID)
    async for event in stream(CHAT, RunInput(question="?"), deps, run_id=RUN_ID, place=place, stop=stop):
        told.append(event)
        if sum(e.type == "token" for e in told) == pieces and event.type in ("step_started", "token"):
            stop.set()
    assert told[-1].type == "run_cancelled"
    cassette = cassette_of(CHAT, deps, RunInput(question="?"), told, durable=True)
    async with asyncio.timeout(5):
        assert await replay(cassette) == as_json(cassette)


async def test_a_question_and_its_answer(offered):
    async def ask_person(state, runtime):
        run = runtime.context
        await run.ask(user("may I?"))
        agreed = await run.approve("go on", {"why": "because"})

        async def act(_key):
            raise AssertionError

        return {"parts": [f"{agreed.approved} {agreed.comment}"]}

    pipeline, saver = offered(line(first=join_nothing, ask=ask_person, join=join)), InMemorySaver()
    graph = pipeline.graph.compile(checkpointer=saver)
    deps, given = Deps(backend=Replies(said("sure"))), RunInput(question="?")
    place = Place(graph=graph, thread_id=THREAD_ID)
    first = [e async for e in stream(pipeline, given, deps, run_id="r1", place=place)]
    assert first[-1].type == "run_interrupted"
    before = cassette_of(pipeline, deps, given, first, durable=True)
    assert await replay(before) == as_json(before)

    command = {"resume": {first[-1].questions[0].id: {"approved": True, "comment": "fine"}}}
    place = Place(graph=graph, thread_id=THREAD_ID, command=command_of(command, pipeline))
    past = read_past([], first, {})
    second = [e async for e in stream(pipeline, given, deps, run_id="r2", place=place, past=past)]
    assert second[-1].answer == "True fine"
    start = {"command": command}
    cassette = cassette_of(pipeline, deps, given, second, durable=True, before=(before.run,), start=start)
    assert await replay(cassette) == as_json(cassette)
    assert len(deps.backend.requests) == 1


async def join_nothing(state, runtime):
    runtime.context.emit(events.Thought, text="begin")
    return {}


async def test_time_and_chance_are_those_of_the_recording(offered):
    async def throw(state, runtime):
        run = runtime.context
        return {"answer": f"{run.began.isoformat()} {run.dice('a', 1).random()} {run.dice('a', 2).random()}"}

    pipeline = offered(line(throw=throw))
    cassette = await record(pipeline, Deps(backend=Replies(said("x"))))
    assert await replay(cassette) == as_json(cassette)
    one, two = cassette.run.events[-1].answer.split()[1:]
    assert one != two
    again = await record(pipeline, Deps(backend=Replies(said("x"))), run_id="another")
    assert again.run.events[-1].answer.split()[1] != one


def changed(cassette, change) -> Cassette:
    data = json.loads(cassette.text())
    change(data["run"])
    return read_cassette(json.dumps(data))


async def test_an_edited_cassette_is_found_out():
    cassette = await record(CHAT, Deps(backend=Replies(said("Hello you", reasoning="hm"))))

    def answer(run):
        run["events"][-1]["answer"] = "Hello me"

    def token(run):
        run["events"][3]["text"] = "J"

    def request(run):
        run["events"][6]["request"]["messages"][0]["content"] = "Who?"

    def lost(run):
        run["events"] = [e for e in run["events"] if e["type"] != "step_finished"]
        run["events"][-1]["seq"] -= 1

    wanted = {
        answer: (9, "answer", "Hello me", "Hello you"),
        token: (7, "", "llm_called", "token"),
        request: (7, "request.messages[0].content", "Who?", "What?"),
        lost: (8, "", None, "step_finished"),
    }
    for change, (seq, field, recorded, replayed) in wanted.items():
        with pytest.raises(NotIdentical) as caught:
            await replay(changed(cassette, change))
        found = caught.value.difference
        kind = [value["type"] if isinstance(value, dict) else value for value in (found.recorded, found.replayed)]
        assert (found.seq, found.field, *kind) == (seq, field, recorded, replayed), change
        assert f"event {seq} of run" in str(caught.value)


async def other_thought(state, runtime):
    runtime.context.emit(events.Thought, text="other")
    return {"answer": (await runtime.context.ask(user("?"))).message.content}


async def thought(state, runtime):
    runtime.context.emit(events.Thought, text="one")
    return {"answer": (await runtime.context.ask(user("?"))).message.content}


async def no_thought(state, runtime):
    return {"answer": (await runtime.context.ask(user("?"))).message.content}


async def one_more(state, runtime):
    runtime.context.emit(events.Thought, text="one")
    await runtime.context.ask(user("?"))
    return {"answer": (await runtime.context.ask(user("?"))).message.content}


async def asks_else(state, runtime):
    runtime.context.emit(events.Thought, text="one")
    return {"answer": (await runtime.context.ask(user("!"))).message.content}


async def swallows(state, runtime):
    try:
        return await asks_else(state, runtime)
    except Exception:
        return {"answer": "x"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said_so"),
    [
        (other_thought, 'event 3 of run .* differs at \'text\': recorded "one", replayed "other"'),
        (no_thought, "event 3 of run .* did not happen again: .*thought"),
        (one_more, "not in the recording"),
        (asks_else, r"event 4 of run .* differs at 'request.messages\[0\].content': recorded \"\?\", replayed \"!\""),
        (swallows, r"event 4 of run .* differs at 'request.messages\[0\].content'"),
    ],
)
async def test_changed_code_is_found_out_at_its_first_difference(offered, code, said_so):
    pipeline = offered(line(node=thought))
    cassette = await record(pipeline, Deps(backend=Replies(said("x"))))
    assert await replay(cassette) == as_json(cassette)
    changed = Pipeline(name=pipeline.name, summary=".", source="-", options=Options, graph=line(node=code))
    globals()[pipeline.name] = changed
    async with asyncio.timeout(10):
        with pytest.raises(NotIdentical, match=said_so):
            await replay(cassette)


@pytest.mark.parametrize(
    ("text", "said_so"),
    [
        ("x", "not JSON"),
        ("[]", "'format' is not"),
        ('{"format": "sandtable.cassette", "version": 2}', "version 2"),
        ('{"format": "sandtable.cassette", "version": 1}', "damaged at 'run'"),
    ],
)
def test_what_is_no_cassette_is_named(text, said_so):
    with pytest.raises(BadCassette, match=said_so):
        read_cassette(text)


async def test_a_tool_is_not_called_again_and_its_searches_are_told(offered):
    called = []

    async def use(state, runtime):
        run = runtime.context

        async def act(key):
            called.append(key)
            hits = await run.search("deep", 2)
            return Outcome(f"found {len(hits)}", tuple(hits))

        from backends.base import ToolCall

        outcome = await run.call(ToolCall(id="c1", name="look"), act)
        return {"answer": outcome.text + outcome.hits[0].text}

    pipeline = offered(line(use=use))
    deps = Deps(backend=Replies(said("x")), retriever=Shelf("a", "b"), collection="vs_1")
    cassette = await record(pipeline, deps)
    assert cassette.run.events[-1].answer == "found 2a"
    assert await replay(cassette) == as_json(cassette)
    assert len(called) == 1
