import pytest

from backends.base import Message, Request, ToolSpec
from backends.openai import OpenAI
from backends.profiles import Profile
from tests.fake_upstream import FakeUpstream

KEY = "sk-test-0123456789abcdef"
PARAMETERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
ADD = ToolSpec(name="add", description="Add two numbers.", parameters=PARAMETERS)


def ask(text="hi", **fields):
    return Request(messages=(Message(role="user", content=text),), **fields)


@pytest.fixture
async def upstream():
    server = FakeUpstream()
    server.url = await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def connect(upstream):
    """Make backends that talk to the upstream; they are closed after the test."""
    made = []

    def make(model="echo", answer=None, **profile):
        if answer is not None:
            upstream.answers[model] = answer
        settings = {"name": "fake", "base_url": upstream.url, "api_key": KEY, **profile}
        made.append(OpenAI(Profile.model_validate(settings), model))
        return made[-1]

    yield make
    for backend in made:
        await backend.aclose()


async def listed(backend, request):
    return [delta async for delta in backend.stream(request)]


async def collect(backend, request, seen):
    """Put the deltas into `seen`, so that those before an error are known."""
    async for delta in backend.stream(request):
        seen.append(delta)
