import asyncio
import threading

import numpy as np
import pytest

from retrieval.embedders.batching import QueryBatcher


class Gated:
    """An embedder that reports each batch and runs it only when let; a text "bad" fails its whole batch."""

    def __init__(self, open: bool = True) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.threads: set[int] = set()
        if open:
            self.gate.set()

    def embed(self, texts, *, kind):
        assert kind == "query"
        self.batches.append(list(texts))
        self.threads.add(threading.get_ident())
        self.entered.release()
        assert self.gate.wait(10)
        if "bad" in texts:
            raise ValueError("bad text")
        return np.array([[len(text), ord(text[0])] for text in texts], np.float32)

    async def started(self) -> None:
        assert await asyncio.to_thread(self.entered.acquire, timeout=10)


async def queued(*tasks) -> None:
    """Let each task run up to its first wait."""
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


async def test_what_queues_during_a_batch_forms_the_next():
    embedder = Gated(open=False)
    batcher = QueryBatcher(embedder, max_batch=3)
    first = asyncio.create_task(batcher.embed("a"))
    await embedder.started()
    rest = [asyncio.create_task(batcher.embed(text)) for text in ("bb", "ccc", "dddd", "eeeee")]
    await queued(*rest)
    embedder.gate.set()
    vectors = await asyncio.gather(first, *rest)
    assert embedder.batches == [["a"], ["bb", "ccc", "dddd"], ["eeeee"]]
    assert [vector.tolist() for vector in vectors] == [[1, 97], [2, 98], [3, 99], [4, 100], [5, 101]]
    assert threading.get_ident() not in embedder.threads
    assert len(embedder.threads) == 1
    await batcher.aclose()


async def test_an_error_reaches_only_its_caller():
    embedder = Gated(open=False)
    batcher = QueryBatcher(embedder)
    first = asyncio.create_task(batcher.embed("a"))
    await embedder.started()
    rest = [asyncio.create_task(batcher.embed(text)) for text in ("good", "bad", "fine")]
    await queued(*rest)
    embedder.gate.set()
    good, bad, fine = await asyncio.gather(*rest, return_exceptions=True)
    assert (good.tolist(), fine.tolist()) == ([4, 103], [4, 102])
    assert isinstance(bad, ValueError)
    assert (await first).tolist() == [1, 97]
    assert (await batcher.embed("after")).tolist() == [5, 97]
    await batcher.aclose()


async def test_who_gives_up_does_not_hurt_the_others():
    embedder = Gated(open=False)
    batcher = QueryBatcher(embedder)
    running = asyncio.create_task(batcher.embed("a"))
    await embedder.started()
    waiting = [asyncio.create_task(batcher.embed(text)) for text in ("bb", "ccc")]
    await queued(*waiting)
    running.cancel()
    waiting[0].cancel()
    embedder.gate.set()
    assert (await waiting[1]).tolist() == [3, 99]
    assert embedder.batches == [["a"], ["ccc"]]
    assert running.cancelled()
    assert waiting[0].cancelled()
    await batcher.aclose()


async def test_too_few_vectors_are_an_error_and_not_a_wait_for_ever():
    class Short:
        def embed(self, texts, *, kind):
            return np.empty((0, 2), np.float32)

    batcher = QueryBatcher(Short())
    with pytest.raises(ValueError, match="shorter"):
        await asyncio.wait_for(batcher.embed("a"), 10)
    await batcher.aclose()


async def test_closing_answers_what_is_queued_and_then_refuses():
    embedder = Gated(open=False)
    batcher = QueryBatcher(embedder)
    task = asyncio.create_task(batcher.embed("a"))
    await embedder.started()
    closing = asyncio.create_task(batcher.aclose())
    await queued(task, closing)
    embedder.gate.set()
    await closing
    assert (await task).tolist() == [1, 97]
    with pytest.raises(RuntimeError, match="closed"):
        await batcher.embed("b")


async def test_what_follows_a_query_alone_is_done_by_the_thread_that_embedded_it():
    embedder = Gated()
    batcher = QueryBatcher(embedder)
    found = await batcher.then("abc", lambda vector: (vector.tolist(), threading.get_ident()))
    assert found == ([3, 97], *embedder.threads)
    await batcher.aclose()


async def test_what_follows_a_batch_leaves_its_thread_to_the_next_one():
    embedder = Gated(open=False)
    batcher = QueryBatcher(embedder)
    going_on, entered = threading.Event(), threading.Event()

    def follow(vector):
        entered.set()
        assert going_on.wait(10)
        return int(vector[0]), threading.get_ident()

    first = asyncio.create_task(batcher.embed("a"))
    await embedder.started()
    rest = [asyncio.create_task(batcher.then(text, follow)) for text in ("bb", "ccc")]
    await queued(*rest)
    embedder.gate.set()
    assert (await first).tolist() == [1, 97]
    assert await asyncio.to_thread(entered.wait, 10)
    # Though what follows has not ended, the next query is answered.
    assert (await asyncio.wait_for(batcher.embed("dddd"), 10)).tolist() == [4, 100]
    going_on.set()
    (two, one_thread), (three, other_thread) = await asyncio.gather(*rest)
    assert (two, three) == (2, 3)
    assert one_thread == other_thread
    assert one_thread not in {*embedder.threads, threading.get_ident()}
    await batcher.aclose()


@pytest.mark.parametrize("company", [[], ["bb", "ccc"]])
async def test_an_error_of_what_follows_reaches_only_its_caller(company):
    embedder = Gated(open=not company)
    batcher = QueryBatcher(embedder)

    def fail(vector):
        raise KeyError(float(vector[0]))

    first = asyncio.create_task(batcher.embed("a"))
    if company:
        await embedder.started()
    others = [asyncio.create_task(batcher.then(text, lambda vector: vector.tolist())) for text in company]
    failing = asyncio.create_task(batcher.then("dddd", fail))
    await queued(*others, failing)
    embedder.gate.set()
    with pytest.raises(KeyError, match=r"4\.0"):
        await failing
    assert [await other for other in others] == [[len(text), ord(text[0])] for text in company]
    assert (await first).tolist() == [1, 97]
    await batcher.aclose()


async def test_a_panic_is_told_and_ends_nothing():
    class Panic(BaseException):
        """As native code raises it."""

    class Panicking(Gated):
        def embed(self, texts, *, kind):
            if "panic" in texts:
                raise Panic
            return super().embed(texts, kind=kind)

    def panic(vector):
        raise Panic

    batcher = QueryBatcher(Panicking())
    for failing in (batcher.embed("panic"), batcher.then("a", panic)):
        with pytest.raises(Panic):
            await asyncio.wait_for(failing, 10)
    assert (await asyncio.wait_for(batcher.embed("after"), 10)).tolist() == [5, 97]
    await batcher.aclose()


async def test_an_embedder_that_fails_keeps_what_would_follow_from_being_done():
    batcher, done = QueryBatcher(Gated()), []
    with pytest.raises(ValueError, match="bad text"):
        await batcher.then("bad", done.append)
    assert done == []
    await batcher.aclose()


async def test_closing_waits_for_what_follows():
    embedder = Gated(open=False)
    batcher = QueryBatcher(embedder)
    first = asyncio.create_task(batcher.embed("a"))
    await embedder.started()
    rest = [asyncio.create_task(batcher.then(text, lambda vector: vector.tolist())) for text in ("bb", "ccc")]
    await queued(*rest)
    closing = asyncio.create_task(batcher.aclose())
    await queued(closing)
    embedder.gate.set()
    await closing
    assert [task.result() for task in (first, *rest)] == [*[pytest.approx([1, 97])], [2, 98], [3, 99]]
    with pytest.raises(RuntimeError, match="closed"):
        await batcher.then("b", len)


def test_an_event_loop_that_is_gone_does_not_stop_the_queries_of_another():
    embedder = Gated(open=False)
    batcher = QueryBatcher(embedder)

    async def leave():
        asked = asyncio.create_task(batcher.embed("a"))
        await embedder.started()
        assert not asked.done()

    async def ask():
        embedder.gate.set()
        return await batcher.then("bb", lambda vector: vector.tolist())

    asyncio.run(leave())
    assert asyncio.run(ask()) == [2, 98]


async def test_an_unused_batcher_closes():
    await QueryBatcher(Gated()).aclose()


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="max_batch"):
        QueryBatcher(Gated(), max_batch=0)
