"""Which replies are kept, what an equal request is, and that equal requests at once ask once."""

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import Delta, Message, Request, TokenLogprob, ToolCall, Usage, complete
from backends.cache import Cached, ReplyCache, StoreFailed
from backends.cache_store import ROW_BYTES, SQLiteStore
from backends.errors import UpstreamFailed
from backends.lifetime import closing
from backends.scripted import Scripted
from tests.backends.conftest import ask

DETERMINISTIC = [{"temperature": 0.0}, {"seed": 0}, {"seed": 7, "temperature": 1.0}]
SAMPLED = [{}, {"temperature": 0.7}, {"temperature": 1.0, "top_p": 0.1}]
COLD = {"temperature": 0.0}


class Memory(dict):
    """A store that can be told to fail."""

    broken = False

    async def get(self, key):
        self._check()
        return super().get(key)

    async def put(self, key, value):
        self._check()
        self[key] = value

    def _check(self):
        if self.broken:
            raise StoreFailed("no space left")


class Counting:
    """Says the number of the time it is asked; `deltas` replace that."""

    name = "counting:m"
    capabilities = Scripted.capabilities

    def __init__(self, *deltas, hold=None):
        self.asked = 0
        self.left = 0
        self._deltas = deltas
        self._hold = hold

    async def stream(self, request):
        self.asked += 1
        try:
            for delta in self._deltas or (Delta(text="answer "), Delta(text=str(self.asked)), END):
                if isinstance(delta, Exception):
                    raise delta
                yield delta
                if self._hold is not None:
                    await self._hold.wait()
        except GeneratorExit:
            self.left += 1
            raise
        except asyncio.CancelledError:
            self.left += 1
            raise


END = Delta(usage=Usage(prompt_tokens=3, completion_tokens=2), finish="stop")


def cached(backend, store=None, mode="deterministic", **names):
    cache = ReplyCache(Memory() if store is None else store, mode)
    return Cached(backend, cache, **{"identity": "i", **names})


async def said(backend, request):
    return (await complete(backend.stream(request))).message.content


@pytest.mark.parametrize("fields", DETERMINISTIC)
async def test_an_equal_request_is_answered_from_the_cache(fields):
    inner = Counting()
    backend = cached(inner)
    first = [delta async for delta in backend.stream(ask("北京", **fields))]
    again = [delta async for delta in backend.stream(ask("北京", **fields))]
    assert again[:-1] == first[:-1]
    assert again[-1] == first[-1].model_copy(update={"cached": True})
    assert inner.asked == 1
    assert not (await complete(backend.stream(ask("other", **fields)))).cached
    assert (await complete(backend.stream(ask("other", **fields)))).cached


@pytest.mark.parametrize("fields", SAMPLED)
async def test_what_is_sampled_is_asked_anew(fields):
    inner = Counting()
    backend = cached(inner)
    assert [await said(backend, ask(**fields)) for _ in range(2)] == ["answer 1", "answer 2"]


async def test_with_all_each_sample_of_a_run_is_kept_in_its_order():
    inner, store = Counting(), Memory()
    for _ in range(2):  # two runs
        run = cached(inner, store, "all")
        assert [await said(run, ask()) for _ in range(3)] == ["answer 1", "answer 2", "answer 3"]
        assert await said(run, ask(**COLD)) == "answer 4"
    assert inner.asked == 4


CHANGES = [
    {"temperature": 0.0, "max_tokens": 9},
    {"temperature": 0.0, "stop": ("x",)},
    {"temperature": 0.0, "json_schema": {"type": "object"}},
    {"temperature": 0.0, "logprobs": 0},
    {"temperature": 0.0, "messages": (Message(role="user", content="hi "),)},
    {"temperature": 0.0, "messages": (Message(role="assistant", content="hi"),)},
]


@pytest.mark.parametrize("fields", CHANGES)
async def test_any_difference_in_the_request_asks_anew(fields):
    inner = Counting()
    backend = cached(inner)
    await said(backend, ask(**COLD))
    await said(backend, Request(**{**ask(**COLD).model_dump(), **fields}))
    assert inner.asked == 2


@pytest.mark.parametrize("names", [{"identity": "other"}, {"scope": "tenant"}, {"identity": "", "scope": "i"}])
async def test_nothing_is_shared_between_profiles_or_tenants(names):
    inner, store = Counting(), Memory()
    await said(cached(inner, store), ask(**COLD))
    await said(cached(inner, store, **names), ask(**COLD))
    assert inner.asked == 2


NOT_KEPT = {
    "error": (Delta(text="x"), UpstreamFailed("no")),
    "filtered": (Delta(text="x"), Delta(finish="content_filter")),
    "nothing said": (END,),
    "warned": (Delta(text="x"), Delta(warning="'seed' was left out"), END),
}


@pytest.mark.parametrize("name", NOT_KEPT)
async def test_what_is_not_kept(name):
    inner = Counting(*NOT_KEPT[name])
    backend = cached(inner)
    for _ in range(2):
        try:
            await complete(backend.stream(ask(**COLD)))
        except UpstreamFailed:
            assert name == "error"
    assert inner.asked == 2


async def test_a_warning_matters_only_to_what_claims_to_be_deterministic():
    inner, store = Counting(*NOT_KEPT["warned"]), Memory()
    for _ in range(2):
        await complete(cached(inner, store, "all").stream(ask()))
    assert inner.asked == 1


WHOLE = (
    Delta(reasoning="hm"),
    Delta(text="a😀", logprobs=(TokenLogprob(token="a", logprob=-0.25, top=(("b", -2.0),)),)),
    Delta(tool_call=ToolCall(id="c", name="add", arguments='{"a": "北京"}', extra={"x": {"y": 1}})),
    Delta(extra={"anthropic": {"content": [{"type": "text", "text": "a"}]}}),
    Delta(usage=Usage(prompt_tokens=3, completion_tokens=2, cached_tokens=1), finish="tool_calls"),
)


async def test_everything_of_a_reply_comes_back(tmp_path):
    store = SQLiteStore(tmp_path / "r.sqlite3", 1 << 20)
    first = await complete(cached(Counting(*WHOLE), store).stream(ask(**COLD)))
    again = await complete(cached(Counting(*WHOLE), store).stream(ask(**COLD)))
    assert again == first.model_copy(update={"cached": True})
    await store.aclose()


async def test_equal_requests_at_once_ask_once_and_all_read_along():
    hold = asyncio.Event()
    inner = Counting(hold=hold)
    backend = cached(inner)
    streams = [backend.stream(ask(**COLD)) for _ in range(8)]
    assert [(await anext(stream)).text for stream in streams] == ["answer "] * 8
    hold.set()
    rest = [[delta async for delta in stream] for stream in streams]
    assert [deltas[0].text for deltas in rest] == ["1"] * 8
    assert [deltas[-1].cached for deltas in rest] == [False] + [True] * 7
    assert inner.asked == 1


async def test_the_first_may_leave_without_harm_to_the_others():
    hold = asyncio.Event()
    inner = Counting(hold=hold)
    backend = cached(inner)
    first, second = backend.stream(ask(**COLD)), backend.stream(ask(**COLD))
    await anext(first)
    await anext(second)
    await first.aclose()
    hold.set()
    assert "".join([delta.text async for delta in second]) == "1"
    assert (inner.asked, inner.left) == (1, 0)


async def test_when_all_have_left_the_backend_is_left_too_and_asked_anew():
    hold = asyncio.Event()
    inner = Counting(hold=hold)
    backend = cached(inner)
    async with closing(backend.stream(ask(**COLD))) as deltas:
        await anext(deltas)
    assert inner.left == 1
    hold.set()
    assert await said(backend, ask(**COLD)) == "answer 2"


async def test_an_error_reaches_all_who_wait():
    hold = asyncio.Event()
    inner = Counting(Delta(text="x"), UpstreamFailed("no"), hold=hold)
    backend = cached(inner)
    waiting = [asyncio.create_task(complete(backend.stream(ask(**COLD)))) for _ in range(3)]
    while not inner.asked:
        await asyncio.sleep(0)
    hold.set()
    assert [type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)] == [UpstreamFailed] * 3
    assert inner.asked == 1


async def test_a_store_that_fails_costs_nothing_but_the_cache(caplog):
    inner, store = Counting(), Memory()
    store.broken = True
    assert await said(cached(inner, store), ask(**COLD)) == "answer 1"
    assert "no space left" in caplog.text
    store.broken = False
    assert await said(cached(inner, store), ask(**COLD)) == "answer 2"
    for key in store:
        store[key] = b"damaged"
    assert await said(cached(inner, store), ask(**COLD)) == "answer 3"


async def test_closing_the_cache_ends_what_is_under_way():
    inner = Counting(hold=asyncio.Event())
    cache = ReplyCache(Memory(), "all")
    stream = Cached(inner, cache, identity="").stream(ask())
    await anext(stream)
    await cache.aclose()
    assert inner.left == 1
    with pytest.raises(asyncio.CancelledError):
        await anext(stream)


async def test_replies_survive_the_process(tmp_path):
    path = tmp_path / "deep" / "replies.sqlite3"
    for _ in range(2):
        store = SQLiteStore(path, 1 << 20)
        assert await said(cached(Counting(), store), ask(**COLD)) == "answer 1"
        await store.aclose()


async def test_the_longest_unused_go_when_there_is_no_room(tmp_path):
    size = 1000
    store = SQLiteStore(tmp_path / "r", 10 * size)
    for number in range(9):
        await store.put(f"k{number}", bytes(size - ROW_BYTES))
    assert await store.get("k0") is not None
    for number in range(9, 12):
        await store.put(f"k{number}", bytes(size - ROW_BYTES))
    left = [number for number in range(12) if await store.get(f"k{number}") is not None]
    assert {0, 11} <= set(left)
    assert {1, 2} & set(left) == set()
    assert len(left) <= 10
    await store.aclose()


async def test_one_reply_does_not_push_out_all_others(tmp_path):
    store = SQLiteStore(tmp_path / "r", 10_000)
    await store.put("small", b"x")
    await store.put("large", bytes(9_000))
    assert await store.get("large") is None
    assert await store.get("small") == b"x"
    await store.aclose()


@pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\0" + b"x" * 5000])
async def test_a_damaged_file_is_begun_anew(tmp_path, content):
    path = tmp_path / "r"
    path.write_bytes(content)
    store = SQLiteStore(path, 1 << 20)
    assert await store.get("k") is None
    await store.put("k", b"v")
    assert await store.get("k") == b"v"
    await store.aclose()


async def test_a_file_of_another_form_is_begun_anew(tmp_path):
    path = tmp_path / "r"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE reply (key TEXT, something INTEGER)")
        db.execute("PRAGMA user_version = 99")
    db.close()
    store = SQLiteStore(path, 1 << 20)
    await store.put("k", b"v")
    assert await store.get("k") == b"v"
    await store.aclose()


async def test_damage_that_shows_in_use_is_begun_anew_next_time(tmp_path):
    path = tmp_path / "r"
    store = SQLiteStore(path, 1 << 20)
    for number in range(100):
        await store.put(f"k{number}", bytes([number]) * 4000)
    await store.aclose()
    with path.open("r+b") as file:  # all but the header, so that opening it may still go well
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    store = SQLiteStore(path, 1 << 20)
    for _ in range(2):
        try:
            await store.put("k", b"v")
        except StoreFailed:
            continue
    assert await store.get("k") == b"v"
    await store.aclose()


async def test_a_place_under_a_file_fails_by_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match="file"):
        await SQLiteStore(tmp_path / "file" / "r", 1 << 20).put("k", b"v")


async def test_a_place_that_cannot_be_written_fails_by_name(tmp_path):
    (tmp_path / "r").mkdir()
    store = SQLiteStore(tmp_path / "r", 1 << 20)
    with pytest.raises(StoreFailed, match=str(tmp_path)):
        await store.get("k")
    await store.aclose()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 300)), min_size=1, max_size=40))
def test_the_bound_holds_whatever_comes(puts):
    async def go(path):
        store = SQLiteStore(path, 5000)
        assert await store.get("a") is None
        for key, size in puts:
            await store.put(key, bytes(size))
        await store.aclose()
        with sqlite3.connect(path) as db:
            total, count = db.execute("SELECT coalesce(sum(length(value)), 0), count(*) FROM reply").fetchone()
        db.close()
        return total + count * ROW_BYTES

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r"
        assert asyncio.run(go(path)) <= 5000


KEEP_WITHOUT_END = """
import asyncio, sys
from pathlib import Path
from backends.cache_store import SQLiteStore

async def main():
    store = SQLiteStore(Path(sys.argv[1]), 64 << 20)
    for number in range(10**9):
        await store.put(f"k{number}", str(number).encode() * 500)
        print(number, flush=True)

asyncio.run(main())
"""


def keep_and_kill(path, after):
    """What a process said it had kept before it was killed."""
    command = [sys.executable, "-c", KEEP_WITHOUT_END, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        kept = [int(process.stdout.readline()) for _ in range(after)]
        process.kill()
    return kept


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 40, 200])
async def test_what_was_kept_outlives_kill_9(tmp_path, after):
    kept = await asyncio.to_thread(keep_and_kill, tmp_path / "r", after)
    store = SQLiteStore(tmp_path / "r", 64 << 20)
    assert [await store.get(f"k{number}") for number in kept] == [str(number).encode() * 500 for number in kept]
    await store.put("more", b"x")
    assert await store.get("more") == b"x"
    await store.aclose()
