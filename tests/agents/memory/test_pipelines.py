"""Memory around pipelines: what each kind tells the model and keeps, with a model and without, replayed and resumed."""

import json
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph

from agents import catalog
from agents.generative_stream import Memory
from agents.memory.archive import Archive
from agents.memory.record import Draft, Owner
from agents.memory.remembering import remember
from agents.memory.requests import to_forget
from agents.memory.settings import MemorySettings
from agents.memory.steps import KEEP, RECALL, remembering
from agents.memory.store import InMemory
from agents.past import read_past
from agents.persona import Persona, card
from agents.pipeline import Options, Pipeline, State
from agents.replay import replay
from agents.run import Deps, Run, RunInput
from agents.spending import Limits
from agents.stream import stream
from agents.thread import Place, turns
from backends.base import Capabilities, Message
from backends.scripted import Scripted
from tests.agents.fakes import Replies, Shelf, run, said, warnings
from tests.agents.memory.words import Words
from tests.agents.recording import as_json, record
from tools import catalog as tools

ALL = Capabilities(tools=True, json_schema=True, logprobs=True, scoring=True, images=True, embeddings=True, causal=True)
ADA = Owner("t", "user", "ada")
NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)
LONG = "word " * 300
TALK = [
    Message(role="user", content="My dog is called Rex. Who are you?"),
    Message(role="assistant", content="A helper. " + LONG),
    Message(role="user", content="Thanks."),
    Message(role="assistant", content=LONG),
]


def memory(store=None, tenant="t"):
    return Memory(archive=Archive(store or InMemory(), Words), tenant=tenant, thread_id="th")


def deps(backend, given=None, **named):
    toolbox = {name: tools.get(name) for name in tools.TOOLS}
    shelf = Shelf("The tower is 330 metres tall.")
    return Deps(backend=backend, retriever=shelf, collection="vs_1", tools=toolbox, memory=given or memory(), **named)


def model(request):
    """Plays all parts of the model by what it is asked for."""
    stage = request.subject.get("stage")
    if stage == "facts":
        return json.dumps({"facts": [{"text": "The user has a dog called Rex.", "subject": "user's dog"}]})
    if stage == "summary":
        return "The user's dog is Rex."
    return "Hello."


def asked(question="Who is Rex?", kind="long", user="ada", history=(), **settings):
    given = MemorySettings(kind=kind, **settings)
    return RunInput(question=question, memory=given, user=user, history=tuple(history))


async def told_by(given, input, pipeline="chat", **named):
    told = await run(remembering(catalog.get(pipeline), input.memory), given, input, **named)
    assert told[-1].type == "run_finished", told[-1]
    return told


def of(told, kind):
    return [event for event in told if event.type == kind]


@pytest.fixture(params=catalog.PIPELINES)
def pipeline(request):
    return catalog.get(request.param)


async def test_every_pipeline_tells_it_in_every_call_keeps_at_its_end_and_replays(pipeline):
    given = memory()
    await remember(given.archive, ADA, [Draft(text="Rex </memory> is a dog.", created_at=NOON)])
    backend = Replies(said("It is 330 metres tall [1]."), capabilities=ALL)
    input = asked(kind="hybrid", budget=200, history=TALK)
    cassette = await record(remembering(pipeline, input.memory), deps(backend, given), input, durable=True)
    told = cassette.run.events
    assert told[-1].type == "run_finished", told[-1]
    for request in backend.requests:
        if request.subject.get("stage") not in ("summary", "facts"):
            system = request.messages[0]
            assert "On 2026-02-13: Rex &lt;/memory> is a dog." in system.content
            assert system.content.count("</memory>") == 2
            assert all(message.role != "system" for message in request.messages[1:])
    steps = [event.node for event in told if event.type == "step_started" and not event.within]
    assert (steps[0], steps[-1], steps.count(KEEP)) == (RECALL, KEEP, 1)
    assert await replay(cassette) == as_json(cassette)


async def test_it_keeps_after_the_last_of_steps_side_by_side_and_where_a_router_names_no_ends():
    async def spread(state: State) -> State:
        return {}

    async def quick(state: State) -> State:
        return {}

    async def slow(state: State) -> State:
        return {}

    async def slower(state: State) -> State:
        return {"answer": "Late.", "citations": []}

    async def both(state: State):
        return ["quick", "slow"]

    async def on(state: State):
        return "slower"

    graph = StateGraph(State, context_schema=Run)
    for node in (spread, quick, slow, slower):
        graph.add_node(node)
    graph.add_edge("__start__", "spread")
    graph.add_conditional_edges("spread", both)
    graph.add_conditional_edges("slow", on)
    graph.add_edge("slower", "__end__")
    late, input = Pipeline(name="late", summary="", source="-", options=Options, graph=graph), asked(kind="stream")
    told = await run(remembering(late, input.memory), deps(Scripted(lambda _: '{"ratings": [3, 3]}')), input)
    written = [event.text for event in of(told, "memory_written")]
    assert written == ["The user said: Who is Rex?", "The user was answered: Late."]


async def test_long_keeps_facts_of_the_model_and_recalls_them_in_another_conversation():
    given = memory()
    first = await told_by(deps(Scripted(model), given), asked("My dog is called Rex."))
    assert [event.text for event in of(first, "memory_written")] == ["The user has a dog called Rex."]
    again = await told_by(deps(Scripted(model), given), asked())
    assert [event.texts for event in of(again, "memory_read")] == [("The user has a dog called Rex.",)]
    assert [event.merged for event in of(again, "memory_written")] == [True]
    assert len(await given.archive.store.load(ADA)) == 1
    other = await told_by(deps(Scripted(model), given), asked(user="bob"))
    assert [event.texts for event in of(other, "memory_read")] == [()]


async def test_calls_of_memory_are_in_the_trace_and_no_limit_counts_them():
    told = await told_by(deps(Scripted(model), limits=Limits(tool_calls=1)), asked("My dog is called Rex."))
    assert [event.call.name for event in of(told, "tool_called")] == ["memory", "memory"]


async def test_a_limit_reached_while_keeping_leaves_the_answer():
    told = await told_by(deps(Scripted(model), limits=Limits(model_calls=1)), asked("My dog is called Rex."))
    assert (told[-1].answer, warnings(told)) == ("Hello.", ["memory"])


async def test_facts_that_cannot_be_read_twice_are_the_statements_themselves():
    given = memory()
    told = await told_by(deps(Replies(said("Hello.")), given), asked("My dog is called Rex. Is it old?"))
    assert warnings(told) == ["structured_output", "memory_facts"]
    (kept,) = await given.archive.store.load(ADA)
    assert (kept.record.text, kept.record.subject) == ("My dog is called Rex.", "my dog's name")


class Quoting(Scripted):
    """Answers as `extractive` does: with what it is given."""

    def __init__(self):
        super().__init__(lambda request: " ".join(source.text for source in request.sources) or "nothing", "extractive")


async def test_without_a_model_statements_are_kept_superseded_recalled_and_forgotten():
    given = memory()
    for statement in ("I live in Rome.", "My dog is called Rex. And you?", "Now I live in Paris.", "我的狗叫旺财。"):
        await told_by(deps(Quoting(), given), asked(statement))
    live = [kept.record.text for kept in await given.archive.store.load(ADA) if kept.record.live]
    assert live == ["My dog is called Rex.", "Now I live in Paris.", "我的狗叫旺财。"]
    told = await told_by(deps(Quoting(), given), asked("Where do I live?", records=1))
    assert told[-1].answer == "Now I live in Paris."
    told = await told_by(deps(Quoting(), given), asked("Please forget that I live in Paris."))
    assert [event.ids for event in of(told, "memory_forgotten")] == [(1, 3)]
    assert not of(told, "memory_written")
    told = await told_by(deps(Quoting(), given), asked("Where do I live?"))
    assert "Paris" not in told[-1].answer


async def test_of_two_values_the_newer_is_told_first():
    given = memory()
    for statement in ("The team meets in room B204.", "My dog is called Rex.", "The team meets in room D117."):
        await told_by(deps(Quoting(), given), asked(statement))
    told = await told_by(deps(Quoting(), given), asked("In which room does the team meet?", records=2))
    assert told[-1].answer == "The team meets in room D117. The team meets in room B204."


async def test_many_statements_of_one_message_are_kept_and_what_is_not_is_told():
    given = memory()
    told = await told_by(deps(Quoting(), given), asked(" ".join(f"Shelf {n} has books." for n in range(60))))
    assert (len(await given.archive.store.load(ADA)), warnings(told)) == (60, [])
    told = await told_by(deps(Quoting(), given), asked(" ".join(f"Box {n} has toys." for n in range(503))))
    assert (len(await given.archive.store.load(ADA)), warnings(told)) == (560, ["memory_facts"])
    (warning,) = of(told, "warning")
    assert "first 500 statements of the message are kept, and 3 are not" in warning.message


async def test_a_model_that_gives_as_many_facts_as_it_may_is_told_of():
    many = json.dumps({"facts": [{"text": f"The user has toy {n}."} for n in range(50)]})
    script = Scripted(lambda request: many if request.subject.get("stage") == "facts" else "Hello.")
    given = memory()
    told = await told_by(deps(script, given), asked("I have many toys."))
    assert (len(await given.archive.store.load(ADA)), warnings(told)) == (50, ["memory_facts"])


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("Please forget that I live in Rome.", "I live in Rome"),
        ("forget about my dog!", "my dog"),
        ("Could you forget what I said about my salary?", "my salary"),
        ("请忘记我住在北京这件事。", "我住在北京"),
        ("忘掉关于我的狗的事", "我的狗"),
        ("I will never forget that day.", ""),
        ("Don't forget that I am allergic to nuts.", ""),
        ("Do not forget about the meeting", ""),
        ("别忘记我的生日", ""),
        ("What did I forget?", ""),
    ],
)
def test_what_is_to_be_forgotten(message, what):
    assert to_forget(message) == what


async def test_short_summarises_older_turns_keeps_newer_ones_whole_and_does_so_once():
    given, input = memory(), asked(kind="short", budget=500, history=TALK, user="")
    backend = Scripted(model)
    told = await told_by(deps(backend, given), input)
    (compacted,) = of(told, "history_compacted")
    assert (compacted.summary, compacted.by, compacted.kept) == ("The user's dog is Rex.", "model", 0)
    assert compacted.tokens_after <= 500 < compacted.tokens_before
    request = of(told, "llm_called")[-1].request
    assert "The user's dog is Rex." in request.messages[0].content
    assert LONG not in "".join(message.content for message in request.messages)
    later = [*TALK, Message(role="user", content="Who is Rex?"), Message(role="assistant", content="A dog.")]
    again = await told_by(deps(backend, given), input.model_copy(update={"history": tuple(later)}))
    (compacted,) = of(again, "history_compacted")
    assert (compacted.by, compacted.kept, len(of(again, "llm_called"))) == ("before", 2, 1)
    fits = await told_by(deps(backend, given), asked(kind="short", budget=5_000, history=TALK))
    assert not of(fits, "history_compacted")


async def test_short_without_a_model_quotes_what_the_user_stated():
    told = await told_by(deps(Quoting()), asked(kind="short", budget=500, history=TALK))
    (compacted,) = of(told, "history_compacted")
    assert compacted.by == "quotes"
    assert compacted.summary.splitlines()[0] == "user: My dog is called Rex."
    assert compacted.tokens_after <= 500


async def test_the_thread_keeps_its_turns_whatever_the_model_is_told():
    saver, input = InMemorySaver(), asked(kind="short", budget=200, history=TALK)
    pipeline = remembering(catalog.get("chat"), input.memory)
    for script, ends in ((model, 6), (lambda request: (_ for _ in ()).throw(RuntimeError("down")), 4)):
        graph = pipeline.graph.compile(checkpointer=saver)
        place = Place(graph=graph, thread_id=str(ends))
        async for _ in stream(pipeline, input, deps(Scripted(script)), run_id=f"r{ends}", place=place):
            pass
        values = (await graph.aget_state({"configurable": {"thread_id": str(ends)}})).values
        assert (turns(values)[:4], len(turns(values))) == (TALK, ends)


async def test_a_run_that_breaks_off_remembers_once_and_tells_the_model_what_was_recalled():
    given, input = memory(), asked("My cat is called Mia.")
    await remember(given.archive, ADA, [Draft(text="Rex is a dog.", created_at=NOON)])
    pipeline, saver = remembering(catalog.get("chat"), input.memory), InMemorySaver()
    graph = pipeline.graph.compile(checkpointer=saver)
    place = Place(graph=graph, thread_id="t")

    async def attempt(past, until):
        events, backend = [], Scripted(model)
        async with aclosing(stream(pipeline, input, deps(backend, given), run_id="r", place=place, past=past)) as told:
            async for event in told:
                events.append(event)
                if until(event):
                    break
        return events

    def written(event):
        return event.type == "tool_called" and '"remember"' in event.call.arguments

    cut = await attempt(None, lambda event: event.type == "step_finished" and event.node == RECALL)
    more = await attempt(read_past(cut, (), {}), written)
    asked_again = [e.request for e in more if e.type == "llm_called" and not e.request.subject.get("stage")]
    assert all("Rex is a dog." in request.messages[0].content for request in asked_again)
    assert asked_again
    lost = [event for event in more if not written(event)]  # Done, but not yet told when the process ended.
    whole = await attempt(read_past([*cut, *lost], (), {}), lambda event: False)
    assert whole[-1].type == "run_finished"
    assert len(await given.archive.store.load(ADA)) == 2
    assert [kept.record.text for kept in await given.archive.store.load(ADA)][1] == "The user has a dog called Rex."


async def test_the_stream_reflects_over_the_threshold_with_cited_records():
    def script(request):
        stage, prompt = request.subject.get("stage"), request.messages[-1].content
        count = sum(line.partition(".")[0].isdecimal() for line in prompt.splitlines())
        return {
            "importance": json.dumps({"ratings": [8] * count}),
            "questions": json.dumps({"questions": ["What does the user like?"]}),
            "insights": json.dumps({"insights": [
                {"insight": "The user likes dogs.", "because_of": [1, 99]}, {"insight": "Lies.", "because_of": [98]},
            ]}),
        }.get(stage, "Hello.")  # fmt: skip

    given = memory()
    settings = {"kind": "stream", "reflect_at": 40.0}
    for number in range(2):
        told = await told_by(deps(Scripted(script), given), asked(f"I saw dog {number}.", **settings))
        assert not of(told, "reflection")
    told = await told_by(deps(Scripted(script), given), asked("I saw dog 3.", **settings))  # 6 x 8 = 48 > 40
    (insight,) = of(told, "reflection")
    records = [kept.record for kept in await given.archive.store.load(ADA)]
    assert (records[-1].text, records[-1].kind, records[-1].importance) == ("The user likes dogs.", "reflection", 8.0)
    assert records[-1].sources == insight.because_of
    assert set(insight.because_of) <= {record.id for record in records if record.kind == "observation"}
    assert sorted(warnings(told)) == ["citation", "citation", "ungrounded"]
    again = await told_by(deps(Scripted(script), given), asked("I saw dog 4.", **settings))
    assert not of(again, "reflection")  # It begins to count anew.


@pytest.mark.slow
async def test_a_persona_keeps_its_card_over_fifty_turns_of_compacted_history():
    mara = Persona(name="Mara", role="lighthouse keeper", traits=("calm",), limits=("the mainland",))
    given, history, requests = memory(), [], []

    def script(request):
        requests.append(request)
        return "Summary." if request.subject.get("stage") == "summary" else f"I am Mara, calm as ever. {LONG}"

    compacted = 0
    for turn in range(50):
        input = asked(f"Turn {turn}: who are you?", kind="short", budget=800, history=history, user="")
        told = await told_by(deps(Scripted(script), given), input.model_copy(update={"persona": mara}))
        compacted += bool(of(told, "history_compacted"))
        history += [Message(role="user", content=input.question), Message(role="assistant", content=told[-1].answer)]
        assert "lighthouse keeper" in requests[-1].messages[0].content
        assert requests[-1].messages[0].content.startswith(card(mara))
        assert sum(len(message.content) for message in requests[-1].messages) < 8_000
    assert compacted > 40
    summaries = [request for request in requests if request.subject.get("stage") == "summary"]
    assert 10 < len(summaries) <= 50
    assert not any("lighthouse" in message.content for request in summaries for message in request.messages)


FORMATS = {
    "natural": "On 2026-02-13: Rex is a dog.",
    "rows": "id,date,kind,subject,text\n1,2026-02-13,fact,dog,Rex is a dog.",
    "list": '{"id": 1, "date": "2026-02-13", "kind": "fact", "subject": "dog", "text": "Rex is a dog."}',
    "embeddings": 'most relevant first">\nRex is a dog.\n</memory>',
}


@pytest.mark.parametrize("format", FORMATS)
async def test_the_formats(format):
    given = memory()
    await remember(given.archive, ADA, [Draft(text="Rex is a dog.", subject="dog", created_at=NOON)])
    told = await told_by(deps(Scripted(model), given), asked(format=format))
    assert FORMATS[format] in of(told, "llm_called")[0].request.messages[0].content
