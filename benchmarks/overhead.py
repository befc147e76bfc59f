"""What the service costs in front of a model: the `chat` pipeline against calling the model's server directly."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx

from benchmarks.harness import Report, median, quantile
from benchmarks.serving import service, upstream

REQUESTS = {1: 200, 64: 640}
ROUNDS = 3


@dataclass(frozen=True)
class Streamed:
    """Seconds to the first token and to the end of one reply."""

    first: float
    whole: float


async def one(client: httpx.AsyncClient, url: str, model: str) -> Streamed:
    began, first = time.perf_counter(), None
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    async with client.stream("POST", f"{url}/chat/completions", json=body) as reply:
        reply.raise_for_status()
        async for line in reply.aiter_lines():
            if first is None and line.startswith("data:") and '"content": "' in line and '"content": ""' not in line:
                first = time.perf_counter() - began
    if first is None:
        raise RuntimeError(f"{url} sent no token")
    return Streamed(first, time.perf_counter() - began)


async def load(url: str, model: str, streams: int, requests: int) -> tuple[list[Streamed], float]:
    """`requests` replies, `streams` at a time; the replies, and requests per second."""
    limits = httpx.Limits(max_connections=streams, max_keepalive_connections=streams)
    gate, began = asyncio.Semaphore(streams), 0.0
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        await asyncio.gather(*(one(client, url, model) for _ in range(streams)))

        async def next_one() -> Streamed:
            async with gate:
                return await one(client, url, model)

        began = time.perf_counter()
        replies = await asyncio.gather(*(next_one() for _ in range(requests)))
    return list(replies), requests / (time.perf_counter() - began)


def run() -> Report:
    rows: list[list[str]] = []
    figures: dict[str, float] = {}
    with (
        upstream() as direct,
        service(SANDTABLE_BACKEND="openai:tokens", OPENAI_BASE_URL=direct, OPENAI_API_KEY="none") as own,
    ):
        for streams, requests in REQUESTS.items():
            seen: dict[str, list[tuple[list[Streamed], float]]] = {"direct": [], "sandtable": []}
            for _ in range(ROUNDS):
                seen["direct"].append(asyncio.run(load(direct, "tokens", streams, requests)))
                seen["sandtable"].append(asyncio.run(load(f"{own}/v1", "chat", streams, requests)))
            for side, rounds in seen.items():
                replies = [reply for replies, _ in rounds for reply in replies]
                first, whole = [r.first for r in replies], [r.whole for r in replies]
                rate = median([rate for _, rate in rounds])
                figures |= {f"{side}_{streams}_first_p50": median(first), f"{side}_{streams}_rate": rate}
                shown = (median(first), quantile(first, 0.99), median(whole))
                rows.append([str(streams), side, *(f"{value * 1000:.1f}" for value in shown), f"{rate:.0f}"])
            added = figures[f"sandtable_{streams}_first_p50"] - figures[f"direct_{streams}_first_p50"]
            figures[f"added_{streams}_ms"] = added * 1000
            rows.append([str(streams), "**added**", f"**{added * 1000:.1f}**", "", "", ""])
    return Report(
        name="overhead",
        title="Overhead of `chat` in front of a model server",
        method=(
            "A fake upstream streams 20 tokens at once: all that is measured is software. Upstream, service and client "
            f"share the cores of one machine; {ROUNDS} rounds in turns, every event stored in the trace."
        ),
        columns=("streams", "side", "first token p50 ms", "p99 ms", "whole p50 ms", "replies/s"),
        rows=rows,
        figures=figures,
    )
