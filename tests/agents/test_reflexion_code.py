"""Reflexion on code: the agent's own tests, written once, decide; what they say goes into its next trial."""

import contextlib
import io

import pytest

from agents import catalog
from agents.errors import SandboxRequired
from agents.reflexion_options import ReflexionOptions
from agents.run import Deps
from backends.scripted import Scripted
from tests.agents.fakes import run, warnings
from tools.base import tool
from tools.toolbox import Toolbox

WRONG = "```python\ndef add(a, b):\n    return a - b\n```"
RIGHT = "```python\ndef add(a, b):\n    return a + b\n```"


@tool
async def python(code: str, files: list[str] | None = None) -> str:
    """Run."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(code, {})  # programs of this file
    return output.getvalue()


class Coder:
    """Right only with its note; keeps what it was asked."""

    def __init__(self, tests="assert add(1, 2) == 3\nassert add(0, 0) == 0\nnot a test"):
        self.tests, self.requests = tests, []

    def __call__(self, request):
        self.requests.append(request)
        stage = request.subject.get("stage")
        if stage == "tests":
            return self.tests
        if stage == "reflect":
            return "I subtracted; add instead."
        system = request.messages[0].content if request.messages[0].role == "system" else ""
        return RIGHT if "add instead" in system else WRONG


async def tried(coder, tools=None, **options):
    chosen = ReflexionOptions.model_validate({"inner": "chat", "evaluator": "code", **options})
    tools = {"python": python} if tools is None else tools
    return await run(catalog.get("reflexion"), Deps(backend=Scripted(coder), options=chosen, tools=tools), "Add!")


async def test_own_tests_are_written_once_and_lead_to_the_right_code():
    coder = Coder()
    told = await tried(coder)
    assert [event.success for event in told if event.type == "trial"] == [False, True]
    assert told[-1].answer == RIGHT
    stages = [request.subject.get("stage") for request in coder.requests]
    assert stages.count("tests") == 1
    reflecting = next(one for one in coder.requests if one.subject.get("stage") == "reflect")
    assert "1 of 2 of your own tests fail:\nassert add(1, 2) == 3" in reflecting.messages[-1].content
    assert [event.call.name for event in told if event.type == "tool_called"] == ["python", "python"]


async def test_without_a_test_that_can_be_read_nobody_knows():
    told = await tried(Coder(tests="I would rather not."), max_trials=2)
    assert [event.success for event in told if event.type == "trial"] == [None, None]
    assert "no_tests" in warnings(told)


async def test_without_a_sandbox_it_says_so():
    told = await tried(Coder(), tools=Toolbox())
    assert (told[-1].type, told[-1].error_type) == ("run_failed", SandboxRequired.__name__)


def test_hidden_tests_are_no_evaluator():
    with pytest.raises(ValueError, match="hidden and only score"):
        ReflexionOptions.model_validate({"task": "humaneval"})
