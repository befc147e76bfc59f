"""Many streams at a model's own pace: what `chat` adds to each token, and whether it keeps up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import httpx

from benchmarks.harness import Report, median, quantile
from benchmarks.serving import service, upstream

STREAMS = 64
ROUNDS = 3
TOKENS = 100
PACE = 0.025
"""Seconds a token, as the fake upstream's model `paced` takes them."""


@dataclass(frozen=True)
class Streamed:
    """Seconds from the request to each token."""

    tokens: Sequence[float]

    @property
    def gap(self) -> float:
        return median([later - earlier for earlier, later in pairwise(self.tokens)])


async def one(client: httpx.AsyncClient, url: str, model: str) -> Streamed:
    began, tokens = time.perf_counter(), []
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    async with client.stream("POST", f"{url}/chat/completions", json=body) as reply:
        reply.raise_for_status()
        async for line in reply.aiter_lines():
            if line.startswith("data:") and '"content": "token' in line:
                tokens.append(time.perf_counter() - began)
    if len(tokens) != TOKENS:
        raise RuntimeError(f"{url} sent {len(tokens)} of {TOKENS} tokens")
    return Streamed(tokens)


async def load(url: str, model: str) -> tuple[list[Streamed], float]:
    """All streams at once; the replies, and tokens per second."""
    limits = httpx.Limits(max_connections=STREAMS, max_keepalive_connections=STREAMS)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        began = time.perf_counter()
        replies = await asyncio.gather(*(one(client, url, model) for _ in range(STREAMS)))
        return list(replies), STREAMS * TOKENS / (time.perf_counter() - began)


def run() -> Report:
    with (
        upstream() as direct,
        service(SANDTABLE_BACKEND="openai:paced", OPENAI_BASE_URL=direct, OPENAI_API_KEY="none") as own,
    ):
        seen: dict[str, list[tuple[list[Streamed], float]]] = {"direct": [], "sandtable": []}
        asyncio.run(load(f"{own}/v1", "chat"))
        for _ in range(ROUNDS):
            seen["direct"].append(asyncio.run(load(direct, "paced")))
            seen["sandtable"].append(asyncio.run(load(f"{own}/v1", "chat")))
    rows: list[list[str]] = []
    figures: dict[str, float] = {}
    for side, rounds in seen.items():
        replies = [reply for replies, _ in rounds for reply in replies]
        first, gap = [reply.tokens[0] for reply in replies], [reply.gap for reply in replies]
        rates = [rate for _, rate in rounds]
        figures |= {f"{side}_first": median(first), f"{side}_gap": median(gap), f"{side}_rate": median(rates)}
        shown = (median(first), quantile(first, 0.99), median(gap))
        spread = f"{median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"
        rows.append([side, *(f"{value * 1000:.1f}" for value in shown), spread])
    figures["added_first_ms"] = (figures["sandtable_first"] - figures["direct_first"]) * 1000
    figures["added_token_ms"] = (figures["sandtable_gap"] - figures["direct_gap"]) * 1000
    figures["throughput_ratio"] = figures["sandtable_rate"] / figures["direct_rate"]
    added = [figures["added_first_ms"], figures["added_token_ms"], figures["throughput_ratio"]]
    rows.append(["**added**", f"**{added[0]:.1f}**", "", f"**{added[1]:.2f}**", f"**{added[2]:.3f} x**"])
    return Report(
        name="streams",
        title=f"{STREAMS} streams at a model's pace, through `chat` and direct",
        method=(
            f"A fake upstream sends {TOKENS} tokens, one every {PACE * 1000:.0f} ms, to {STREAMS} clients at once. "
            f"Upstream, service and clients share the cores of one machine; {ROUNDS} rounds in turns."
        ),
        columns=("side", "first token p50 ms", "p99 ms", "between tokens p50 ms", "tokens/s (range)"),
        rows=rows,
        figures=figures,
    )
