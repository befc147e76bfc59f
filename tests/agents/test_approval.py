"""A person is asked before a call; what is finished is not done again when the answer comes."""

import json
from typing import Annotated

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import Field

from agents import catalog
from agents.function_calling import FunctionCallingOptions
from agents.journal import Journal
from agents.past import Past
from agents.run import Deps, RunInput
from agents.stream import stream
from agents.thread import Place
from backends.base import Capabilities
from tests.agents.fakes import Replies, called, said
from tools.base import tool
from tools.toolbox import Toolbox

PIPELINE = catalog.get("function_calling")


class World:
    """Two tools with effects that are counted, and a thread to run on."""

    def __init__(self, *replies, **options):
        self.sent, self.noted = [], []

        @tool(needs_approval=True)
        async def send(
            to: Annotated[str, Field(description="Who gets it.")],
            cents: Annotated[int, Field(description="How much.", ge=1)],
        ) -> str:
            """Send money."""
            self.sent.append((to, cents))
            return f"sent {cents} to {to}"

        @tool
        async def note(text: Annotated[str, Field(description="What.")]) -> str:
            """Keep a note."""
            self.noted.append(text)
            return "noted"

        self.backend = Replies(*replies, capabilities=Capabilities(tools=True))
        self.deps = Deps(
            backend=self.backend,
            options=FunctionCallingOptions(**options),
            tools={**Toolbox(), "send": send, "note": note},
        )
        self.graph = PIPELINE.graph.compile(checkpointer=InMemorySaver())
        self.events = []

    async def run(self, resume=None):
        """Run, or answer what is asked; returns the last event."""
        command = None if resume is None else Command(resume=resume)
        place = Place(graph=self.graph, thread_id="t", command=command)
        past = Past(journal=Journal(self.events))
        told = stream(
            PIPELINE, RunInput(question="Pay!"), self.deps, run_id=f"r{len(self.events)}", place=place, past=past
        )
        self.last = [event async for event in told]
        self.events += self.last
        return self.last[-1]

    def told(self):
        return [message.content for message in self.backend.requests[-1].messages if message.role == "tool"]

    def of(self, kind):
        return [event for event in self.last if event.type == kind]


PAY = ("send", {"to": "小红", "cents": 5})
DONE = said("Paid.")


async def test_nothing_is_called_before_a_person_agrees():
    world = World(called(PAY), DONE)
    end = await world.run()
    assert (end.type, world.sent) == ("run_interrupted", [])
    (asked,) = world.of("approval_asked")
    assert asked.subject == "call send"
    assert asked.details == {
        "tool": "send", "arguments": {"to": "小红", "cents": 5}, "purpose": "Send money.", "call_id": "call_1",
    }  # fmt: skip
    assert [(q.id, q.value["details"]) for q in end.questions] == [(asked.id, asked.details)]

    end = await world.run(resume=True)
    assert (end.type, end.answer, world.sent) == ("run_finished", "Paid.", [("小红", 5)])
    assert [event.approved for event in world.of("approval_answered")] == [True]
    assert world.told() == ['<tool_result tool="send">\nsent 5 to 小红\n</tool_result>']
    assert len(world.backend.requests) == 2


async def test_a_refusal_is_told_to_the_model():
    world = World(called(PAY), said("Not paid."))
    await world.run()
    end = await world.run(resume={"approved": False, "comment": "too much"})
    assert (end.answer, world.sent) == ("Not paid.", [])
    assert world.told()[0].startswith("A person refused this call: too much. Do not make it again")
    assert world.of("tool_called") == []


async def test_a_person_may_change_the_arguments():
    world = World(called(PAY), DONE)
    await world.run()
    await world.run(resume={"approved": True, "edit": {"to": "小红", "cents": 3}})
    assert world.sent == [("小红", 3)]
    assert world.told()[0].startswith('A person changed the arguments to {"to": "小红", "cents": 3}')
    assert json.loads(world.of("tool_called")[0].call.arguments)["cents"] == 3


async def test_a_change_that_does_not_fit_is_asked_again():
    world = World(called(PAY), DONE)
    await world.run()
    end = await world.run(resume={"approved": True, "edit": {"to": "小红", "cents": 0}})
    assert (end.type, world.sent) == ("run_interrupted", [])
    assert "'cents' is 0: input should be greater than or equal to 1" in end.questions[0].value["details"]["problem"]
    end = await world.run(resume=True)
    assert (end.type, world.sent) == ("run_finished", [("小红", 5)])


@pytest.mark.parametrize("parallel", [True, False])
async def test_the_calls_beside_it_are_made_once(parallel):
    world = World(called(("note", {"text": "a"}), PAY, ("note", {"text": "b"})), DONE, parallel=parallel)
    await world.run()
    assert (world.sent, world.noted) == ([], ["a", "b"] if parallel else ["a"])
    end = await world.run(resume=True)
    assert (end.answer, world.sent, world.noted) == ("Paid.", [("小红", 5)], ["a", "b"])
    assert ["noted" in text for text in world.told()] == [True, False, True]


async def test_several_questions_are_answered_one_by_one_or_together():
    world = World(called(PAY, ("send", {"to": "Bo", "cents": 1})), DONE)
    end = await world.run()
    first, second = end.questions
    end = await world.run(resume={first.id: True})
    assert (end.type, [q.id for q in end.questions]) == ("run_interrupted", [second.id])
    assert world.sent == [("小红", 5)]
    end = await world.run(resume={second.id: {"approved": False}})
    assert (end.answer, world.sent) == ("Paid.", [("小红", 5)])
    assert ["refused" in text for text in world.told()] == [False, True]

    world = World(called(PAY, ("send", {"to": "Bo", "cents": 1})), DONE)
    end = await world.run()
    await world.run(resume={question.id: True for question in end.questions})
    assert sorted(world.sent) == [("Bo", 1), ("小红", 5)]


@pytest.mark.parametrize(
    ("approve", "asked"), [("none", ["send"]), ("all", ["send", "note"]), (("note",), ["send", "note"]), ((), ["send"])]
)
async def test_a_caller_can_add_approvals_and_take_none_away(approve, asked):
    world = World(called(PAY, ("note", {"text": "a"})), DONE, approve=approve)
    await world.run()
    assert sorted(event.details["tool"] for event in world.of("approval_asked")) == sorted(asked)


async def test_wrong_arguments_are_not_asked_about():
    world = World(called(("send", {"to": "小红"})), said("No."))
    end = await world.run()
    assert (end.type, world.of("approval_asked")) == ("run_finished", [])


async def test_an_answer_that_is_not_understood_fails_the_run():
    world = World(called(PAY), DONE)
    await world.run()
    end = await world.run(resume="perhaps")
    assert (end.error_type, world.sent) == ("BadAnswer", [])
