"""Many streams at a model's own pace: what `chat` adds to each token, and whether it keeps up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import httpx

from benchmarks.harness import Report, median, quantile
from benchmarks.serving import service, upstream

STREAMS = 64
REPLIES = 4
"""That each client asks for, one after the other: the first of all clients begin at once."""
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
    """So many streams at a time; the replies, the first of each client first, and tokens per second."""
    limits = httpx.Limits(max_connections=STREAMS, max_keepalive_connections=STREAMS)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def talk() -> list[Streamed]:
            return [await one(client, url, model) for _ in range(REPLIES)]

        began = time.perf_counter()
        talks = await asyncio.gather(*(talk() for _ in range(STREAMS)))
        seconds = time.perf_counter() - began
        return [*chain.from_iterable(zip(*talks, strict=True))], STREAMS * REPLIES * TOKENS / seconds


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
        burst = [reply.tokens[0] for replies, _ in rounds for reply in replies[:STREAMS]]
        later = [reply.tokens[0] for replies, _ in rounds for reply in replies[STREAMS:]]
        gap = median([reply.gap for replies, _ in rounds for reply in replies])
        rates = [rate for _, rate in rounds]
        figures |= {f"{side}_burst": median(burst), f"{side}_first": median(later)}
        figures |= {f"{side}_gap": gap, f"{side}_rate": median(rates)}
        shown = (median(burst), median(later), quantile(later, 0.99), gap)
        spread = f"{median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"
        rows.append([side, *(f"{value * 1000:.1f}" for value in shown), spread])
    added = {
        name: (figures[f"sandtable_{name}"] - figures[f"direct_{name}"]) * 1000 for name in ("burst", "first", "gap")
    }
    figures |= {f"added_{name}_ms": value for name, value in added.items()}
    ratio = figures["throughput_ratio"] = figures["sandtable_rate"] / figures["direct_rate"]
    rows.append(
        [
            "**added**",
            f"**{added['burst']:.1f}**",
            f"**{added['first']:.1f}**",
            "",
            f"**{added['gap']:.2f}**",
            f"**{ratio:.3f} x**",
        ]
    )
    return Report(
        name="streams",
        title=f"{STREAMS} streams at a model's pace, through `chat` and direct",
        method=(
            f"A fake upstream sends {TOKENS} tokens, one every {PACE * 1000:.0f} ms, to {STREAMS} clients at once, "
            f"each of which asks for {REPLIES} replies in turn; the first replies of all begin together, the later "
            "ones as they come. "
            f"Upstream, service and clients share the cores of one machine; {ROUNDS} rounds in turns."
        ),
        columns=(
            "side",
            "all at once: first token p50 ms",
            "later: first token p50 ms",
            "p99 ms",
            "between tokens p50 ms",
            "tokens/s (range)",
        ),
        rows=rows,
        figures=figures,
    )
