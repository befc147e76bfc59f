"""Train a small RETRO beside the same model without retrieval, on texts that quote: `python docs/examples/retro.py`.

Every text is of fresh random tokens, so nothing can be learnt by heart. Each of its chunk pairs either quotes another
document (a chunk and its continuation, word for word) or stands nowhere else. The texts themselves are in the database
too: that no chunk finds itself is the same-document filter's doing.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from plotting import figure
from retro_model import Database, Retro

VOCABULARY, M, CHUNKS, BATCH, K = 16, 8, 4, 16, 2


def texts(chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(B, n) texts, (B, l, k, 2m) neighbours of their chunks, (B, l) whether a chunk goes on with a quotation."""
    others = torch.randint(VOCABULARY, (BATCH, CHUNKS * M), generator=chance)
    own = torch.randint(VOCABULARY, (BATCH, CHUNKS * M), generator=chance)
    quotes = torch.rand(BATCH, CHUNKS // 2, generator=chance) < 0.5
    pairs = own.view(BATCH, CHUNKS // 2, 2 * M)
    pairs[quotes] = others.view(BATCH, CHUNKS // 2, 2 * M)[quotes]
    embedding = torch.randn(VOCABULARY, 32, generator=torch.Generator().manual_seed(0))
    database = Database(torch.cat([others, own]), M, embedding)
    number = (torch.arange(BATCH) + BATCH).repeat_interleave(CHUNKS)
    near = database.neighbours(own.view(-1, M), number, K).view(BATCH, CHUNKS, K, 2 * M)
    continues = torch.stack([torch.zeros_like(quotes), quotes], dim=2).flatten(1)
    return own, near, continues


def train(steps: int, *, retrieving: bool, seed: int = 0) -> list[tuple[int, float, float]]:
    """(step, loss on chunks that continue a quotation, loss on second chunks of fresh pairs): on texts not seen yet."""
    torch.manual_seed(seed)
    model, chance = Retro(VOCABULARY, m=M, chunks=CHUNKS), torch.Generator().manual_seed(seed + 1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    told = []
    for step in range(steps):
        tokens, near, continues = texts(chance)
        losses = model.losses(tokens, near if retrieving else None)
        told.append((step, losses[continues].mean().item(), losses[:, 1::2][~continues[:, 1::2]].mean().item()))
        optimiser.zero_grad()
        losses.mean().backward()
        optimiser.step()
    return told


def average(told: list[tuple[int, float, float]], last: int) -> tuple[float, float]:
    some = told[-last:]
    return sum(row[1] for row in some) / len(some), sum(row[2] for row in some) / len(some)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--plot", type=Path, help="picture, .svg or .png")
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    runs = {name: train(given.steps, retrieving=on) for name, on in (("RETRO", True), ("RETRO[Off]", False))}
    last = max(1, given.steps // 10)
    figures = {name: average(told, last) for name, told in runs.items()}
    report = {name: {"continuation": round(c, 3), "fresh": round(f, 3)} for name, (c, f) in figures.items()}
    report["chance"] = round(math.log(VOCABULARY), 3)
    print(json.dumps({**report, "steps": given.steps, "seconds": round(time.perf_counter() - began, 1)}, indent=1))
    if given.plot:
        with figure(given.plot, "step", "loss, nats a token") as axes:
            for name, told in runs.items():
                axes.plot([row[0] for row in told], [row[1] for row in told], label=f"{name}, continuation", lw=1)
                axes.plot([row[0] for row in told], [row[2] for row in told], label=f"{name}, fresh", lw=0.6, alpha=0.6)
            axes.axhline(math.log(VOCABULARY), color="grey", lw=0.6, ls="--", label="chance")
            axes.legend()


if __name__ == "__main__":
    main()
