"""A run recorded as the service records it, without a service."""

from contextlib import aclosing

from langgraph.checkpoint.memory import InMemorySaver

from agents.cassette import Cassette, Recording, read_cassette
from agents.events import EVENT
from agents.run import Deps, RunInput
from agents.stream import stream
from agents.thread import Place

RUN_ID, THREAD_ID = "0190a3c4-0000-7000-8000-000000000001", "0190a3c4-0000-7000-8000-000000000002"


async def record(pipeline, deps: Deps, question="What?", *, durable=False, saver=None, run_id=RUN_ID, **named):
    """(cassette, its events as JSON)"""
    given = question if isinstance(question, RunInput) else RunInput(question=question)
    graph = pipeline.graph.compile(checkpointer=saver or InMemorySaver(), name=pipeline.name)
    place = Place(graph=graph, thread_id=THREAD_ID, durability="sync" if durable else "exit")
    told = []
    async with aclosing(stream(pipeline, given, deps, run_id=run_id, place=place, **named)) as events:
        async for event in events:
            told.append(event)
    return cassette_of(pipeline, deps, given, told, durable=durable)


def cassette_of(pipeline, deps, given, told, *, durable=False, before=(), start=None, thread_id=THREAD_ID):
    recording = Recording(
        run_id=told[0].run_id,
        thread_id=thread_id,
        pipeline=pipeline.name,
        generation=deps.generation,
        durable=durable,
        input=given,
        options=(deps.options or pipeline.options()).model_dump(mode="json"),
        sampling=deps.sampling,
        limits=deps.limits,
        start=start or {},
        events=tuple(EVENT.validate_json(EVENT.dump_json(event)) for event in told),
    )
    return read_cassette(Cassette(run=recording, before=before).text())


def as_json(cassette):
    return [event.model_dump(mode="json") for event in cassette.run.events]
