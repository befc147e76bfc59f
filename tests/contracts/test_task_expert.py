"""Every kind of expert carries out a task alike: result or reason, results of others in its arguments, replayed."""

import json
from dataclasses import replace

import pytest

from agents.experts.expert import Equipment
from agents.replay import replay
from agents.run import RunInput
from agents.spending import Limits
from agents.task_experts.work import EXPERTS
from backends.errors import Unreachable
from backends.scripted import Scripted
from tests.agents.fakes import run
from tests.agents.planned import HUGGINGGPT, TOOLBOX, FakeWeb, Model, began, deps, ends, task
from tests.agents.recording import as_json, record
from tools.base import Context, tool
from tools.errors import ToolError
from tools.registry.entry import WAYS


@tool(read_only=True)
def shout(text: str) -> str:
    """Say it louder."""
    if "broken" in text:
        raise ToolError("it is broken")
    return text.upper()


def broken(request):
    if "broken" in request.messages[-1].content:
        raise Unreachable("it is broken")
    return request.messages[-1].content.upper()


ENTRY = {"id": "louder", "tasks": ["shouting"], "description": "Says it louder."}
KINDS = {
    "tool": {"tool": "shout"},
    "pipeline": {"pipeline": "chat"},
    "backend": {"backend": "other:model"},
    "url": {"url": "https://experts.example/louder"},
}


class Shouting(Model):
    """Also plays the pipeline's model."""

    def __call__(self, request):
        return super().__call__(request) if request.subject else broken(request)


def given(kind, text, model=None):
    model = model or Shouting([[task(0, "shouting", text=text), task(1, "shouting", [0], text="<resource>-0!")]])
    status = (500, json.dumps("it is broken")) if "broken" in text else (200, json.dumps(text.upper()))
    return deps(
        model,
        toolbox={**TOOLBOX, "shout": shout},
        reach=Context(web=FakeWeb(louder=status)),
        equipment={"louder": Equipment(backend=Scripted(broken, "other:model"))},
        experts=[{**ENTRY, **KINDS[kind]}],
    )


def test_every_kind_is_here():
    assert set(KINDS) == set(EXPERTS) == set(WAYS)


@pytest.mark.parametrize("kind", KINDS)
async def test_it_gives_a_result_that_the_next_task_is_given(kind):
    told = await run(HUGGINGGPT, given(kind, "叫 hello"))
    assert told[-1].type == "run_finished"
    assert began(told) == [(0, "louder"), (1, "louder")]
    found = ends(told)
    assert "叫 HELLO" in found[0]
    second = next(event for event in told if event.type == "task_started" and event.task == 1)
    assert second.needs == (0,)
    assert json.loads(second.args) == {"text": f"{found[0]}!"}
    assert "shouting, louder: " in told[-1].answer


@pytest.mark.parametrize("kind", KINDS)
async def test_it_gives_a_reason_where_there_is_no_result(kind):
    told = await run(HUGGINGGPT, given(kind, "broken"))
    assert told[-1].type == "run_finished"
    found = ends(told)
    assert "it is broken" in found[0]
    assert "task 0" in found[1]
    assert began(told) == [(0, "louder")]
    assert "failed: " in told[-1].answer
    assert "it is broken" in told[-1].answer
    assert "1 shouting, louder: not begun, because task 0 failed" in told[-1].answer


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("text", ["叫 hello", "broken"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_run_with_it_replays(kind, text, durable):
    cassette = await record(HUGGINGGPT, given(kind, text), RunInput(question="Shout!"), durable=durable)
    assert cassette.run.events[-1].type == "run_finished"
    assert await replay(cassette) == as_json(cassette)


@pytest.mark.parametrize("kind", KINDS)
async def test_it_counts_before_the_limits_of_the_run(kind):
    # A plan and a first task are one or two calls of the model; two listings, and one for each task, are tool calls.
    counted = {"tool": {"tool_calls": 4}, "url": {"tool_calls": 4}}.get(kind, {"model_calls": 2})
    told = await run(HUGGINGGPT, replace(given(kind, "hello"), limits=Limits(**counted)))
    assert told[-1].type == "run_limited"
    assert told[-1].answer.startswith("- 0 shouting, louder: ")
    assert "HELLO" in told[-1].answer
    assert began(told) == [(0, "louder"), (1, "louder")]
    assert list(ends(told)) == [0]
