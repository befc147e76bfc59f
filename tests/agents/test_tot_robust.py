"""Searches and chains of thought with a backend that is of no use: they end within their limits, with what there is."""

import asyncio

import pytest

from agents import catalog
from agents.run import Deps, RunInput
from agents.spending import Limits
from agents.stream import stream
from backends.base import Delta
from backends.scripted import Scripted
from tests.agents.fakes import NEVER, Replies

CLUES = "\n".join(f"{way}{n}. clue" for way in "hv" for n in range(1, 6))
SEARCHES = {
    "breadth": ("tot", "4 5 6 10", {"problem": "game24"}),
    "depth": ("tot", "4 5 6 10", {"problem": "game24", "search": "dfs", "threshold": -1.0}),
    "crosswords": ("tot", CLUES, {"problem": "crosswords"}),
    "text": ("tot", "Why?", {}),
    "vote": ("tot", "4 5 6 10", {"problem": "game24", "evaluate": "vote"}),
    "few-shot": ("cot", "How many?", {"n": 5}),
    "zero-shot": ("cot", "How many?", {"mode": "zero_shot", "n": 5}),
}
USELESS = {
    "empty": "",
    "blank": " \n\n \t",
    "refusal": "I'm sorry, but I can't help with that.",
    "garbage": "\x00\ufffd {]} left: (left: ) h1. (certain) Answer: = = impossible sure 🗼 " * 5,
    "loop": "1 + 1 = 2 (left: 2)\n" * 40,
    "chinese": "抱歉，我无法回答。",
    "huge": "h1. aaaaa (certain)\n" * 1_000,
    "code": "__import__('os').system('true')",
}


async def ended(pipeline, question, options, backend, limits):
    chosen = catalog.get(pipeline)
    deps = Deps(backend=backend, options=chosen.options(**options), limits=limits)
    return [event async for event in stream(chosen, RunInput(question=question), deps, run_id="r")]


@pytest.mark.slow
@pytest.mark.parametrize("said", USELESS.values(), ids=USELESS)
@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
async def test_a_useless_backend_ends_the_run_all_the_same(search, said):
    events = await ended(*search, Scripted(lambda request: said), Limits(model_calls=100, steps=400))
    assert events[-1].type in ("run_finished", "run_limited")
    calls = sum(event.type == "llm_called" for event in events)
    assert calls <= 100
    if events[-1].type == "run_limited":
        assert events[-1].limit in ("model_calls", "steps")
        assert events[-1].message


@pytest.mark.slow
async def test_of_hundreds_of_states_the_first_count_and_it_says_so():
    backend = Scripted(lambda request: "".join(f"{n} + 0 = {n} (left: {n})\n" for n in range(500)))
    events = await ended(
        "tot", "4 5 6 10", {"problem": "game24", "depth": 1, "evaluations": 1}, backend, Limits(model_calls=None)
    )
    assert sum(event.type == "candidate" for event in events) == 200
    assert [event.code for event in events if event.type == "warning"] == ["many_states"]


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
async def test_a_backend_that_hangs_meets_the_limit_of_seconds(search):
    backend = Replies([Delta(text="1 + 4 = 5 (left: 5 6 10)"), NEVER])
    events = await ended(*search, backend, Limits(seconds=0.2))
    assert (events[-1].type, events[-1].limit) == ("run_limited", "seconds")
    assert backend.closed == len(backend.requests)


@pytest.mark.slow
async def test_a_search_that_hangs_late_returns_the_best_so_far():
    def reply(request):
        if request.subject["stage"] == "propose":
            return "4 + 6 = 10 (left: 5 10 10)" if not request.subject["state"] else "10 + 10 = 20 (left: 5 20)"
        return "likely"

    class Late(Scripted):
        async def stream(self, request):
            if "5 20" in request.subject["state"]:
                await asyncio.Event().wait()
            async for delta in super().stream(request):
                yield delta

    events = await ended("tot", "4 5 6 10", {"problem": "game24"}, Late(reply), Limits(seconds=0.5))
    assert (events[-1].type, events[-1].limit) == ("run_limited", "seconds")
    assert events[-1].answer == "4 + 6 = 10 (left: 5 10 10)"
