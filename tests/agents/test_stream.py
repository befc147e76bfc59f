import asyncio
import logging
from contextlib import aclosing

import pytest
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents import catalog, events
from agents.pipeline import Options, Pipeline, State
from agents.run import Deps, Run, RunInput, Sampling
from agents.spending import Limits
from agents.stream import stream
from backends.base import Delta, Message, Usage
from backends.errors import RateLimited
from tests.agents.fakes import NEVER, USAGE, Replies, Shelf, answer_tokens, run, said

CHAT = catalog.get("chat")


def pipeline(*nodes, **named) -> Pipeline:
    """The nodes one after the other."""
    graph = StateGraph(State, context_schema=Run)
    before = "__start__"
    for name, node in nodes:
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    return Pipeline(name="test", summary="", source="-", options=Options, graph=graph, **named)


def think(text: str):
    async def node(state: State, runtime: Runtime[Run]) -> State:
        runtime.context.emit(events.Thought, text=text)
        runtime.context.emit(events.Thought, text=text + "!")
        return {"answer": text}

    return node


async def test_a_chat_is_told_from_start_to_finish():
    backend = Replies(said("Hello you", reasoning="hm"))
    told = await run(CHAT, Deps(backend=backend), "Hi")
    assert [(e.seq, e.type, e.node) for e in told] == [
        (1, "run_started", ""),
        (2, "step_started", "reply"),
        (3, "token", "reply"),
        (4, "token", "reply"),
        (5, "token", "reply"),
        (6, "token", "reply"),
        (7, "llm_called", "reply"),
        (8, "step_finished", "reply"),
        (9, "run_finished", ""),
    ]
    assert [e.channel for e in told if e.type == "token"] == ["reasoning", "answer", "answer", "answer"]
    assert (told[-1].answer, told[-1].usage, told[-1].finish_reason) == ("Hello you", USAGE, "stop")
    assert told[6].request == backend.requests[0]
    assert told[7].changed == ("answer", "tool_calls")


async def test_a_token_is_passed_on_before_the_backend_makes_the_next():
    seen = asyncio.Event()

    class Waiting(Replies):
        async def stream(self, request):
            for text in "abcdef":
                seen.clear()
                yield Delta(text=text)
                await seen.wait()
            yield Delta(finish="stop")

    async with asyncio.timeout(10):
        got = ""
        async for event in stream(CHAT, RunInput(question="?"), Deps(backend=Waiting([])), run_id="r"):
            if event.type == "token":
                got += event.text
                seen.set()
    assert got == "abcdef"


@pytest.mark.parametrize("by_hand", [False, True])
async def test_events_of_nested_graphs_come_in_order(by_hand: bool):
    inner = pipeline(("one", think("1")), ("two", think("2"))).graph.compile()

    async def outer(state: State) -> State:
        await inner.ainvoke({"question": "a"})
        return await inner.ainvoke({"question": "b"})

    told = await run(pipeline(("outer", outer if by_hand else inner), ("last", think("3"))), Deps(backend=Replies([])))
    once = [
        ("step_started", "outer/one"),
        ("thought", "outer/one"),
        ("thought", "outer/one"),
        ("step_finished", "outer/one"),
        ("step_started", "outer/two"),
        ("thought", "outer/two"),
        ("thought", "outer/two"),
        ("step_finished", "outer/two"),
    ]
    assert [(e.type, e.node) for e in told] == [
        ("run_started", ""),
        ("step_started", "outer"),
        *once * (2 if by_hand else 1),
        ("step_finished", "outer"),
        ("step_started", "last"),
        ("thought", "last"),
        ("thought", "last"),
        ("step_finished", "last"),
        ("token", ""),
        ("run_finished", ""),
    ]
    assert told[-1].answer == "3"


async def test_calls_at_the_same_time_are_all_told_and_summed():
    async def fan(state: State, runtime: Runtime[Run]) -> State:
        ask = runtime.context.ask
        replies = await asyncio.gather(*(ask(Message(role="user", content=f"{n}")) for n in range(5)))
        return {"answer": "".join(reply.message.content for reply in replies)}

    told = await run(pipeline(("fan", fan)), Deps(backend=Replies(said("x"))))
    assert sum(e.type == "llm_called" for e in told) == 5
    assert told[-1].answer == "xxxxx"
    assert told[-1].usage == Usage(prompt_tokens=50, completion_tokens=25)


async def test_usage_is_unknown_once_one_call_does_not_say():
    async def twice(state: State, runtime: Runtime[Run]) -> State:
        for _ in range(2):
            await runtime.context.ask(Message(role="user", content="?"))
        return {"answer": "done"}

    told = await run(pipeline(("twice", twice)), Deps(backend=Replies(said("x", usage=None), said("x"))))
    assert told[-1].usage is None


async def test_sampling_reaches_the_backend_unless_the_pipeline_fixes_it():
    async def fixed(state: State, runtime: Runtime[Run]) -> State:
        await runtime.context.ask(Message(role="user", content="?"), temperature=0.7)
        return {"answer": "done"}

    backend = Replies(said("x"))
    sampling = Sampling(temperature=0.1, top_p=0.2, max_tokens=3, stop=("END",), seed=4)
    await run(pipeline(("fixed", fixed)), Deps(backend=backend, sampling=sampling))
    request = backend.requests[0]
    assert (request.temperature, request.top_p, request.max_tokens) == (0.7, 0.2, 3)
    assert (request.stop, request.seed) == (("END",), 4)


async def test_the_clients_system_message_and_history_come_first():
    backend = Replies(said("x"))
    history = (Message(role="user", content="Hi"), Message(role="assistant", content="Ho"))
    await run(CHAT, Deps(backend=backend), RunInput(question="Why?", history=history, system="Be kind."))
    assert backend.requests[0].messages == (
        Message(role="system", content="Be kind."),
        *history,
        Message(role="user", content="Why?"),
    )
    assert backend.requests[0].question == "Why?"


async def test_a_limit_ends_the_run_with_what_it_has():
    async def endless(state: State, runtime: Runtime[Run]) -> State:
        while True:
            await runtime.context.ask(Message(role="user", content="?"), stream_to="answer")

    backend = Replies(said("more "))
    told = await run(pipeline(("endless", endless)), Deps(backend=backend, limits=Limits(model_calls=3)))
    assert len(backend.requests) == 3
    assert (told[-1].type, told[-1].limit, told[-1].answer) == ("run_limited", "model_calls", "more more more ")
    assert answer_tokens(told) == told[-1].answer
    assert told[-1].usage == Usage(prompt_tokens=30, completion_tokens=15)


async def test_an_error_of_the_backend_keeps_its_words():
    error = RateLimited("too many requests", status=429, code="rate_limit_exceeded")
    error.retry_after = 7.0
    told = await run(CHAT, Deps(backend=Replies([Delta(text="half"), error])))
    end = told[-1]
    assert (end.type, end.error_type, end.message) == ("run_failed", "RateLimited", "too many requests")
    assert (end.status, end.code, end.retry_after) == (429, "rate_limit_exceeded", 7.0)
    assert (end.answer, end.usage) == ("half", None)
    assert answer_tokens(told) == "half"


async def test_a_cut_stream_is_a_failure_not_half_an_answer():
    told = await run(CHAT, Deps(backend=Replies([Delta(text="half")])))
    assert (told[-1].type, told[-1].error_type) == ("run_failed", "IncompleteStream")


async def test_an_unexpected_error_shows_nothing_and_logs_all(caplog):
    async def broken(state: State) -> State:
        raise ValueError("password=hunter2")

    with caplog.at_level(logging.ERROR, "agents.stream"):
        told = await run(pipeline(("broken", broken)), Deps(backend=Replies([])))
    assert (told[-1].type, told[-1].error_type) == ("run_failed", "InternalError")
    assert "hunter2" not in told[-1].model_dump_json()
    assert "hunter2" in caplog.text


async def test_what_is_lacking_is_said_before_the_first_step():
    told = await run(pipeline(("x", think("x")), needs=frozenset({"logprobs"})), Deps(backend=Replies([])))
    assert [e.type for e in told] == ["run_started", "run_failed"]
    assert told[-1].error_type == "CapabilityMissing"
    assert "'logprobs'" in told[-1].message

    told = await run(catalog.get("rag"), Deps(backend=Replies([])))
    assert [e.type for e in told] == ["run_started", "run_failed"]
    assert told[-1].error_type == "CollectionRequired"


async def test_searching_without_a_collection_is_said():
    async def search(state: State, runtime: Runtime[Run]) -> State:
        await runtime.context.search("x", 3)
        return {}

    told = await run(pipeline(("search", search)), Deps(backend=Replies([])))
    assert told[-1].error_type == "CollectionRequired"


async def test_a_search_is_told():
    async def search(state: State, runtime: Runtime[Run]) -> State:
        await runtime.context.search("cars", 2, {"type": "eq"})
        return {"answer": "found"}

    shelf = Shelf("a", "b", "c")
    told = await run(pipeline(("s", search)), Deps(backend=Replies([]), retriever=shelf, generation="gen_1"))
    retrieved = next(e for e in told if e.type == "retrieved")
    assert (retrieved.query, retrieved.generation, retrieved.hits) == ("cars", "gen_1", tuple(shelf.hits[:2]))
    assert shelf.searches == [("cars", 2, {"type": "eq"})]


async def test_options_of_another_pipeline_are_not_taken_for_ours():
    class Ours(Options):
        k: int = 3

    class Theirs(Options):
        k: int = 4

    async def node(state: State, runtime: Runtime[Run]) -> State:
        return {"answer": f"{runtime.context.options(Ours).k}"}

    one = pipeline(("node", node))
    assert (await run(one, Deps(backend=Replies([]), options=Ours(k=9))))[-1].answer == "9"
    assert (await run(one, Deps(backend=Replies([]), options=Theirs(k=9))))[-1].answer == "3"
    assert (await run(one, Deps(backend=Replies([]))))[-1].answer == "3"


async def test_stop_ends_the_run_as_cancelled_and_closes_the_backend():
    stop, backend = asyncio.Event(), Replies([Delta(text="half"), NEVER])
    told = []
    async for event in stream(CHAT, RunInput(question="?"), Deps(backend=backend), run_id="r", stop=stop):
        told.append(event)
        if event.type == "token":
            stop.set()
    assert [e.type for e in told] == ["run_started", "step_started", "token", "run_cancelled"]
    assert told[-1].answer == "half"
    assert backend.closed == 1


async def test_stop_before_the_start_still_tells_start_and_end():
    stop, backend = asyncio.Event(), Replies(said("x"))
    stop.set()
    told = await run(CHAT, Deps(backend=backend), stop=stop)
    assert (told[0].type, told[-1].type) == ("run_started", "run_cancelled")


async def test_closing_the_stream_closes_the_backend():
    backend = Replies([Delta(text="half"), NEVER])
    async with aclosing(stream(CHAT, RunInput(question="?"), Deps(backend=backend), run_id="r")) as told:
        async for event in told:
            if event.type == "token":
                break
    assert backend.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_the_reader_closes_the_backend():
    backend, reached = Replies([Delta(text="half"), NEVER]), asyncio.Event()

    async def read() -> None:
        async for event in stream(CHAT, RunInput(question="?"), Deps(backend=backend), run_id="r"):
            if event.type == "token":
                reached.set()

    reader = asyncio.create_task(read())
    await reached.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert backend.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_runs_at_the_same_time_do_not_mix():
    async def one(name: str):
        backend = Replies(said(name * 20, piece=1))
        return await run(CHAT, Deps(backend=backend), name)

    for name, told in zip("abc", await asyncio.gather(*map(one, "abc")), strict=True):
        assert answer_tokens(told) == name * 20
        assert [e.seq for e in told] == list(range(1, len(told) + 1))
