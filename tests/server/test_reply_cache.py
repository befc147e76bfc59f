"""The service with its cache of replies: who shares them, what the trace says, and that they outlive the process."""

import asyncio

import pytest

from tests.fake_upstream import Canned, stream_of
from tests.server.conftest import events_of, serving, upstream

SAID = Canned(stream_of("Four, of course."))
PRICES = {"fake:m": {"input": 1.0, "output": 1.0}}


@pytest.fixture
async def fake():
    async with upstream(m=SAID) as server:
        yield server


def service(folder, fake, **settings):
    return serving(folder, backend="fake:m", backends=fake.profiles, prices=PRICES, **settings)


async def ask(client, key=None, **fields):
    body = {"model": "chat", "messages": [{"role": "user", "content": "2+2?"}], **fields}
    reply = await client.post("/v1/chat/completions", json=body, headers={"x-api-key": key} if key else {})
    assert reply.status_code == 200, reply.text
    return reply.json()


async def called(client, reply):
    events = await events_of(client, reply["sandtable"]["run_id"])
    return [event for event in events["data"] if event["type"] == "llm_called"]


async def test_a_reply_is_given_again_also_after_a_restart(tmp_path, fake):
    async with service(tmp_path, fake, reply_cache="deterministic") as client:
        first, second = [await ask(client, temperature=0) for _ in range(2)]
    async with service(tmp_path, fake, reply_cache="deterministic") as client:
        third = await ask(client, temperature=0)
        [event] = await called(client, third)
    texts = {reply["choices"][0]["message"]["content"] for reply in (first, second, third)}
    assert texts == {"Four, of course."}
    assert len(fake.requests) == 1
    assert event["completion"]["cached"]
    assert event["completion"]["usage"]["completion_tokens"] == 2
    assert [reply["usage"]["total_tokens"] for reply in (first, second, third)] == [3, 0, 0]
    assert [reply["sandtable"]["cost"] > 0 for reply in (first, second, third)] == [True, False, False]


async def test_sampled_replies_are_kept_only_if_all_are(tmp_path, fake):
    for mode, requests in (("deterministic", 2), ("all", 3), ("off", 5)):
        async with service(tmp_path / mode, fake, reply_cache=mode) as client:
            for _ in range(2):
                await ask(client)
        assert len(fake.requests) == requests


async def test_off_unless_it_is_set(tmp_path, fake):
    async with service(tmp_path, fake) as client:
        reply = await ask(client, temperature=0)
        assert not (await called(client, reply))[0]["completion"]["cached"]
    assert not (tmp_path / "replies.sqlite3").exists()


async def test_tenants_do_not_share(tmp_path, fake):
    keys = [{"key": "key-a", "tenant": "a"}, {"key": "key-b", "tenant": "b"}, {"key": "key-c", "tenant": "b"}]
    async with service(tmp_path, fake, reply_cache="all", keys=keys) as client:
        for key in ("key-a", "key-b", "key-c", "key-a"):
            await ask(client, key, temperature=0)
    assert len(fake.requests) == 2


async def test_another_profile_of_the_same_name_is_asked(tmp_path, fake):
    async with service(tmp_path, fake, reply_cache="all") as client:
        await ask(client)
    fake.profiles["fake"] = {**fake.profiles["fake"], "extra_body": {"enable_thinking": False}}
    async with service(tmp_path, fake, reply_cache="all") as client:
        await ask(client)
    assert len(fake.requests) == 2


async def test_equal_requests_at_once_ask_once(tmp_path, fake):
    gate = asyncio.Event()
    fake.before_answer = gate.wait
    async with service(tmp_path, fake, reply_cache="deterministic") as client:
        asking = [asyncio.create_task(ask(client, temperature=0)) for _ in range(5)]
        await fake.asked.wait()
        gate.set()
        await asyncio.gather(*asking)
    assert len(fake.requests) == 1


async def test_a_script_goes_on_however_often_it_is_asked(tmp_path, fake):
    script = tmp_path / "script.json"
    script.write_text('["one", "two"]')
    async with service(tmp_path / "data", fake, reply_cache="all") as client:
        replies = [await ask(client, sandtable={"backend": f"scripted:{script}"}) for _ in range(2)]
    assert [reply["choices"][0]["message"]["content"] for reply in replies] == ["one", "two"]
