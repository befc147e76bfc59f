"""What a server can do is found out by trying, once, and only when something needs it."""

import asyncio
import json

import pytest

from backends.base import Image, Message, Request, complete
from backends.errors import CapabilityMissing, Unreachable, UpstreamFailed
from backends.lifetime import close
from backends.load import load
from backends.probe import SCHEMA, WORD
from backends.profiles import Profile
from tests.backends.conftest import ADD, ask
from tests.backends.deviations import call, plain, tool_chunks
from tests.fake_ollama import FakeOllama
from tests.fake_upstream import Canned, FakeUpstream, chunk, event, stream_of

REFUSED = Canned((b'{"error": {"message": "not here"}}',), 400)
HELLO = Canned(stream_of("Hello."))
OBJECT = Canned(stream_of(json.dumps({"anything": 1})))
KEPT = Canned(stream_of(json.dumps({"word": WORD})))
CALLED = Canned((plain(tool_chunks(call())),))
ENTRY = {"token": "a", "logprob": -0.5, "top_logprobs": []}
WITH_LOGPROBS = Canned(
    (
        event({**chunk(), "choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": {"content": [ENTRY]}}]}),
        event(chunk({}, "stop")),
    )
)
ASKING = {"tools": {"tools": (ADD,)}, "json_schema": {"json_schema": {"type": "object"}}, "logprobs": {"logprobs": 0}}


def server(tools=HELLO, forced=None, schema=HELLO, objects=HELLO, logprobs=HELLO, plain=HELLO):
    """A server that answers by what a request asks for."""

    def answer(body):
        if body.get("tools"):
            return forced if forced is not None and body.get("tool_choice") == "required" else tools
        form = body.get("response_format", {}).get("type")
        if form is not None:
            return schema if form == "json_schema" else objects
        return logprobs if body.get("logprobs") else plain

    return answer


@pytest.fixture
async def connect(upstream):
    made = []

    def make(answer, **flags):
        upstream.answers["m"] = answer
        profile = {"name": "fake", "base_url": upstream.url, "retries": 0, "flags": flags}
        made.append(load("fake:m", {"fake": Profile.model_validate(profile)}))
        return made[-1]

    yield make
    for backend in made:
        await close(backend)


# capability -> the server, whether it works, and how many requests it took to know, the one that was meant not counted
TRIALS = {
    "tools called": ("tools", server(tools=CALLED), True, 1),
    "tools called when forced": ("tools", server(forced=CALLED), True, 2),
    "tools refused": ("tools", server(tools=REFUSED), False, 2),
    "tools passed over": ("tools", server(), False, 2),
    "schema kept": ("json_schema", server(schema=KEPT), True, 1),
    "schema refused, objects kept": ("json_schema", server(schema=REFUSED, objects=OBJECT), True, 3),
    "schema passed over, objects kept": ("json_schema", server(objects=OBJECT), True, 2),
    "schema breaks the server, objects kept": (
        "json_schema",
        server(schema=Canned((b"{}",), 500), objects=OBJECT),
        True,
        3,
    ),
    "another object than the schema's": ("json_schema", server(schema=OBJECT), False, 2),
    "both passed over": ("json_schema", server(), False, 2),
    "both refused": ("json_schema", server(schema=REFUSED, objects=REFUSED), False, 3),
    "log-probabilities": ("logprobs", server(logprobs=WITH_LOGPROBS), True, 1),
    "log-probabilities passed over": ("logprobs", server(), False, 1),
    "log-probabilities refused": ("logprobs", server(logprobs=REFUSED), False, 2),
}


@pytest.mark.parametrize("name", TRIALS)
async def test_trials(connect, upstream, name):
    capability, answer, works, requests = TRIALS[name]
    backend = connect(answer)
    assert getattr(backend.capabilities, capability)
    for _ in range(2):
        if works:
            await complete(backend.stream(ask(**ASKING[capability])))
        else:
            with pytest.raises(CapabilityMissing, match=f"'{capability}'.*a trial showed: .*\\(3\\)"):
                await complete(backend.stream(ask(**ASKING[capability])))
    assert getattr(backend.capabilities, capability) == works
    assert len(upstream.requests) == requests + 2 * works


async def test_what_needs_nothing_in_doubt_is_sent_at_once(connect, upstream):
    await complete(connect(server()).stream(ask()))
    assert len(upstream.requests) == 1


async def test_what_the_flags_say_is_not_tried(connect, upstream):
    backend = connect(server(), tools=True, json_form="schema", logprobs=True)
    for fields in ASKING.values():
        await complete(backend.stream(ask(**fields)))
    assert len(upstream.requests) == 3


async def test_the_form_found_is_the_form_sent(connect, upstream):
    backend = connect(server(schema=REFUSED, objects=OBJECT))
    await complete(backend.stream(ask(json_schema=SCHEMA)))
    assert upstream.requests[-1].body["response_format"] == {"type": "json_object"}
    assert upstream.requests[-1].body["messages"][0]["role"] == "system"


async def test_requests_at_once_wait_for_one_trial(connect, upstream):
    backend = connect(server(schema=KEPT, tools=CALLED))
    waiting = [complete(backend.stream(ask(json_schema={"type": "object"}))) for _ in range(8)]
    waiting += [complete(backend.stream(ask(tools=(ADD,)))) for _ in range(8)]
    await asyncio.gather(*waiting)
    assert len(upstream.requests) == 16 + 2


async def test_a_request_given_up_does_not_stop_the_trial_of_another(connect, upstream):
    hold = asyncio.Event()
    backend = connect(server(schema=KEPT))
    upstream.before_answer = hold.wait
    first = asyncio.create_task(complete(backend.stream(ask(json_schema={"type": "object"}))))
    second = asyncio.create_task(complete(backend.stream(ask(json_schema={"type": "object"}))))
    await upstream.asked.wait()
    first.cancel()
    hold.set()
    assert (await second).message.content == json.dumps({"word": WORD})


async def test_a_server_that_cannot_be_asked_is_asked_again_next_time(connect, upstream):
    broken = Canned((b"{}",), 500)
    backend = connect(server(tools=broken, plain=broken))
    with pytest.raises(UpstreamFailed):
        await complete(backend.stream(ask(tools=(ADD,))))
    upstream.answers["m"] = server(tools=CALLED)
    assert (await complete(backend.stream(ask(tools=(ADD,))))).message.tool_calls


async def test_what_stays_unclear_is_let_through_with_a_word(connect, upstream):
    backend = connect(server(), tool_choice="auto")
    for _ in range(2):
        deltas = [delta async for delta in backend.stream(ask(tools=(ADD,)))]
        assert "not clear that 'fake:m' has 'tools'" in deltas[0].warning
        assert deltas[-1].finish == "stop"
    assert len(upstream.requests) == 1 + 2


async def test_nothing_listens():
    profile = Profile(name="fake", base_url="http://127.0.0.1:1/v1", retries=0)
    backend = load("fake:m", {"fake": profile})
    with pytest.raises(Unreachable):
        await complete(backend.stream(ask(tools=(ADD,))))
    await close(backend)


PICTURE = Image(media_type="image/png", data="iVBORw0KGgo=")
LOOK = Request(messages=(Message(role="user", content="look", images=(PICTURE,)),))


@pytest.mark.parametrize(
    ("abilities", "request_", "works"),
    [
        (["completion", "vision"], LOOK, True),
        (["completion", "tools"], LOOK, False),
        (["completion", "tools"], ask(tools=(ADD,)), True),
        (["completion"], ask(tools=(ADD,)), False),
        (None, LOOK, False),
    ],
)
async def test_ollama_says_what_its_models_can_do(abilities, request_, works):
    upstream = FakeOllama(abilities={} if abilities is None else {"echo": abilities})
    profile = Profile(name="ollama", kind="ollama", base_url=await upstream.start(), retries=0)
    backend = load("ollama:echo", {"ollama": profile})
    for _ in range(2):
        if works:
            await complete(backend.stream(request_))
        else:
            with pytest.raises(CapabilityMissing):
                await complete(backend.stream(request_))
    assert [received.path for received in upstream.requests] == ["/api/show"] + ["/api/chat"] * 2 * works
    await close(backend)
    await upstream.stop()


async def test_ollama_passes_over_a_schema_for_some_models():
    upstream = FakeOllama()
    profile = Profile(name="ollama", kind="ollama", base_url=await upstream.start(), retries=0)
    backend = load("ollama:echo", {"ollama": profile})
    with pytest.raises(CapabilityMissing, match="json_schema"):
        await complete(backend.stream(ask(json_schema=SCHEMA)))
    await close(backend)
    await upstream.stop()


async def test_closing_ends_a_trial_under_way():
    upstream = FakeUpstream({"m": Canned(then="silent")})
    profile = Profile(name="fake", base_url=await upstream.start(), retries=0)
    backend = load("fake:m", {"fake": profile})
    task = asyncio.create_task(complete(backend.stream(ask(tools=(ADD,)))))
    await upstream.asked.wait()
    await close(backend)
    with pytest.raises(asyncio.CancelledError):
        await task
    await upstream.stop()
