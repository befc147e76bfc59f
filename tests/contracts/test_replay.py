"""Every pipeline's runs replay from their cassettes to the byte, with nothing known of any of them."""

import pytest

from agents import catalog
from agents.replay import replay
from agents.run import Deps
from backends.base import Capabilities, Delta, ToolCall
from backends.errors import RateLimited, Unreachable
from tests.agents.fakes import USAGE, Replies, Shelf, said
from tests.agents.recording import as_json, record
from tools import catalog as tools

ALL = Capabilities(tools=True, json_schema=True, logprobs=True, scoring=True, images=True, embeddings=True, causal=True)
SHELF = Shelf("The tower is 330 metres tall.", "巴黎是法国的首都。")


def calls(*given):
    made = [Delta(tool_call=ToolCall(id=f"c{n}", name=name, arguments=text)) for n, (name, text) in enumerate(given)]
    return [Delta(reasoning="hm"), *made, Delta(finish="tool_calls", usage=USAGE)]


LIMITED = RateLimited("too many requests", status=429, code="rate_limit_exceeded")
LIMITED.retry_after = 7.0
SCRIPTS = {
    "plain": [said("It is 330 metres tall [1].")],
    "chinese": [said("巴黎是法国的首都[2]。🗼", piece=1)],
    "abstaining": [said("NO_ANSWER")],
    "short": [said("NO")],
    "thinking": [said("Yes", reasoning="Let me see.")],
    "empty": [said("")],
    "unknown usage": [said("Yes", usage=None)],
    "warning": [[Delta(warning="odd"), *said("Yes")]],
    "failing": [[Unreachable("nobody there")]],
    "failing half way": [[Delta(reasoning="so"), Delta(text="The tower is "), LIMITED]],
    "a bug": [[Delta(text="x"), ValueError("secret")]],
    "cut": [[Delta(text="half")]],
    "a tool": [calls(("calculator", '{"expression": "330 * 2"}')), said("660")],
    "tools at once": [
        calls(("calculator", '{"expression": "1/0"}'), ("search", '{"query": "tower"}'), ("calculator", ""), ("x", "")),
        said("It is 330 metres tall [1]."),
    ],
}  # fmt: skip


@pytest.fixture(params=catalog.PIPELINES)
def pipeline(request):
    return catalog.get(request.param)


def deps(script, **named):
    toolbox = {name: tools.get(name) for name in tools.TOOLS}
    backend = Replies(*script, capabilities=ALL)
    return Deps(backend=backend, retriever=SHELF, collection="vs_1", generation="gen_1", tools=toolbox, **named)


@pytest.mark.parametrize("durable", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_a_replay_is_the_recording(pipeline, script, durable):
    cassette = await record(pipeline, deps(script), durable=durable)
    assert await replay(cassette) == as_json(cassette)
