"""What every pipeline of the catalogue must keep to, with nothing known of any of them."""

import asyncio
from contextlib import aclosing

import pytest
from pydantic import ValidationError

from agents import catalog
from agents.errors import UnknownPipeline
from agents.events import EVENT
from agents.run import Deps, RunInput
from agents.stream import stream
from backends.base import Capabilities, Delta, Message, Usage
from backends.errors import Unreachable
from tests.agents.fakes import NEVER, Replies, Shelf, answer_tokens, run, said

ALL = Capabilities(tools=True, json_schema=True, logprobs=True, scoring=True, images=True, embeddings=True, causal=True)
ENDS = {"run_finished", "run_failed", "run_cancelled", "run_limited"}
SHELF = Shelf("The tower is 330 metres tall.", "巴黎是法国的首都。")
REPLIES = {
    "plain": said("It is 330 metres tall [1]."),
    "chinese": said("巴黎是法国的首都[2]。🗼", piece=1),
    "abstaining": said("NO_ANSWER"),
    "thinking": said("Yes", reasoning="Let me see."),
    "empty": said(""),
}


@pytest.fixture(params=catalog.PIPELINES)
def pipeline(request):
    return catalog.get(request.param)


def deps(*replies, **named) -> Deps:
    return Deps(backend=Replies(*replies, capabilities=ALL), retriever=SHELF, **named)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
async def test_events_keep_the_law_of_a_trace(pipeline, reply):
    told = await run(pipeline, deps(reply))
    assert told[0].type == "run_started"
    assert told[0].pipeline == pipeline.name
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert [event.type for event in told if event.type in ENDS] == ["run_finished"]
    assert told[-1].type == "run_finished"
    assert {event.run_id for event in told} == {"r1"}
    assert all(event.at.utcoffset().total_seconds() == 0 for event in told)
    started = [event for event in told if event.type == "step_started"]
    finished = [event.task_id for event in told if event.type == "step_finished"]
    for outer in {event.within for event in started}:
        inside = [event.task_id for event in started if event.within == outer]
        assert inside == [task_id for task_id in finished if task_id in inside]
        assert not outer or finished.index(outer) > max(map(finished.index, inside))
    assert len(started) == len(finished)
    assert {event.node for event in told} <= {"", *(event.node for event in started)}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
async def test_tokens_join_to_the_answer(pipeline, reply):
    told = await run(pipeline, deps(reply))
    assert answer_tokens(told) == told[-1].answer
    if pipeline.needs_collection:
        assert "NO_ANSWER" not in told[-1].answer


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
async def test_events_survive_storage(pipeline, reply):
    for event in await run(pipeline, deps(reply)):
        assert EVENT.validate_json(EVENT.dump_json(event)) == event


def test_it_chooses_its_way_on_the_event_loop(pipeline):
    """LangGraph hands a choice that is not async to a thread, which costs some milliseconds a step."""
    chosen = [branch.path for branches in pipeline.graph.branches.values() for branch in branches.values()]
    assert all(path.afunc is not None for path in chosen)


def test_its_state_has_a_schema(pipeline):
    """LangGraph's clients ask for it."""
    graph = pipeline.graph.compile()
    assert "question" in graph.get_input_jsonschema()["properties"]
    assert "answer" in graph.get_output_jsonschema()["properties"]


async def test_usage_sums_over_all_calls(pipeline):
    told = await run(pipeline, deps(REPLIES["plain"]))
    calls = [event.completion.usage for event in told if event.type == "llm_called"]
    assert told[-1].usage == sum(calls, Usage())


async def test_a_failing_backend_fails_the_run(pipeline):
    if not pipeline.asks_model:
        pytest.skip("it asks no backend")
    told = await run(pipeline, deps([Unreachable("nobody there")]))
    assert told[0].type == "run_started"
    assert [event.type for event in told if event.type in ENDS] == ["run_failed"]
    assert (told[-1].error_type, told[-1].message) == ("Unreachable", "nobody there")


async def test_leaving_closes_the_backend(pipeline):
    """Whoever reads a run leaves while the model answers: its answer to a person, or a call on the way there."""
    if not pipeline.asks_model:
        pytest.skip("it asks no backend")
    given = deps([Delta(text="Well, " * 30), Delta(text="this takes"), NEVER])

    async def read() -> None:
        async with aclosing(stream(pipeline, RunInput(question="?"), given, run_id="r")) as told:
            async for _ in told:
                pass

    reading = asyncio.create_task(read())
    async with asyncio.timeout(20):
        while not given.backend.requests:
            await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert given.backend.closed == len(given.backend.requests) >= 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_clients_system_message_goes_first_and_alone(pipeline):
    given = deps(REPLIES["plain"])
    history = (Message(role="user", content="Hi"), Message(role="assistant", content="Ho"))
    await run(pipeline, given, RunInput(question="How tall?", history=history, system="Be kind."))
    for request in given.backend.requests:
        assert [message.role for message in request.messages].count("system") == 1
        assert request.messages[0].content.startswith("Be kind.")


def test_options_describe_themselves(pipeline):
    schema = pipeline.options.model_json_schema()
    assert schema["additionalProperties"] is False
    assert all(field.get("description") for field in schema.get("properties", {}).values())
    options = pipeline.options()
    with pytest.raises(ValidationError, match="frozen"):
        options.anything = 1
    with pytest.raises(ValidationError, match="anything"):
        pipeline.options.model_validate({"anything": 1})


def test_a_pipeline_says_what_it_is(pipeline):
    assert catalog.PIPELINES[pipeline.name].startswith(f"agents.{pipeline.name}:")
    assert pipeline.summary.endswith(".")
    assert pipeline.source
    assert pipeline.needs <= set(Capabilities.model_fields)
    drawing = import_doc(pipeline.name)
    assert all(name in drawing for name in pipeline.graph.nodes)
    assert "-> END" in drawing


async def test_one_that_asks_no_model_asks_none(pipeline):
    given = deps(REPLIES["plain"])
    await run(pipeline, given)
    assert bool(given.backend.requests) == pipeline.asks_model


def import_doc(name: str) -> str:
    from importlib import import_module

    return import_module(catalog.PIPELINES[name].partition(":")[0]).__doc__ or ""


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UnknownPipeline, match=r"'ragg'.*chat, rag"):
        catalog.get("ragg")
