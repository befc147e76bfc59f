"""Train a small mixture of experts with and without a balance loss: `python docs/examples/moe.py`.

Inputs come from four clusters, and each cluster wants another linear map, so four experts could share the work out.
Routing is that of Switch: the best expert alone, its output times its gate,

    f(x) = g_e(x) W_e x,    e = argmax g,    g = softmax(V x)

The gradients are written out (numpy); `gradients` is what tests compare with finite differences and with torch.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from plotting import figure

from agents.experts.gate import softmax

EXPERTS, D, BATCH = 4, 8, 64


@dataclass
class Mixture:
    gate: np.ndarray
    """V, (E, d)."""
    experts: np.ndarray
    """W, (E, d, d)."""


def begin(seed: int, lead: float = 0.0) -> Mixture:
    """`lead`: how far expert 0 is ahead at first, as chance will have it for some expert."""
    chance = np.random.default_rng(seed)
    made = Mixture(0.01 * chance.normal(size=(EXPERTS, D)), 0.1 * chance.normal(size=(EXPERTS, D, D)))
    made.gate[0, 0] += lead
    return made


def task(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Centres of the clusters (E, d), whose first coordinate is 1, and the map that each wants (E, d, d)."""
    chance = np.random.default_rng(seed)
    centres = 2 * chance.normal(size=(EXPERTS, D))
    centres[:, 0] = 1
    return centres, chance.normal(size=(EXPERTS, D, D)) / D**0.5


def batch(centres: np.ndarray, maps: np.ndarray, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    cluster = chance.integers(EXPERTS, size=BATCH)
    x = centres[cluster] + 0.3 * chance.normal(size=(BATCH, D))
    x[:, 0] = 1
    return x, np.einsum("bij,bj->bi", maps[cluster], x)


def gradients(
    model: Mixture, x: np.ndarray, y: np.ndarray, alpha: float
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """(loss, dV, dW, shares of first choices). The loss is mean |f(x) - y|^2 / 2 + alpha E sum_e share_e mean(g_e); the
    shares are counts, so they have no gradient."""
    rows = np.arange(len(x))
    gate = softmax(x @ model.gate.T)
    chosen = gate.argmax(axis=1)
    shares = np.bincount(chosen, minlength=EXPERTS) / len(x)
    said = np.einsum("bij,bj->bi", model.experts[chosen], x)
    taken = gate[rows, chosen]
    off = taken[:, None] * said - y
    loss = (off**2).sum() / 2 / len(x) + alpha * EXPERTS * float(shares @ gate.mean(axis=0))
    by_experts = np.zeros_like(model.experts)
    np.add.at(by_experts, chosen, np.einsum("b,bi,bj->bij", taken, off, x) / len(x))
    # d g_e / d s_j = g_e (1[e = j] - g_j): the gate learns from the chosen expert's output alone.
    by_score = -(taken * (off * said).sum(axis=1) / len(x))[:, None] * gate
    by_score[rows, chosen] += taken * (off * said).sum(axis=1) / len(x)
    by_score += alpha * EXPERTS / len(x) * gate * (shares - (gate @ shares)[:, None])
    return loss, by_score.T @ x, by_experts, shares


def train(steps: int, alpha: float, seed: int = 0, lead: float = 1.0, rate: float = 0.1) -> list[dict[str, float]]:
    """Of each step the loss without its balance term, and the load of the busiest expert against an even share."""
    model, chance, told = begin(seed, lead), np.random.default_rng(seed + 1), []
    centres, maps = task(seed + 2)
    for _ in range(steps):
        x, y = batch(centres, maps, chance)
        loss, by_gate, by_experts, shares = gradients(model, x, y, alpha)
        balance = alpha * EXPERTS * float(shares @ softmax(x @ model.gate.T).mean(axis=0))
        told.append({"loss": loss - balance, "max_ratio": float(shares.max() * EXPERTS)})
        model.gate -= rate * by_gate
        model.experts -= rate * by_experts
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--plot", type=Path, help="picture, .svg or .png")
    given = parser.parse_args()
    began = time.perf_counter()
    runs = {alpha: train(given.steps, alpha) for alpha in (0.0, given.alpha)}
    last = max(1, given.steps // 10)
    report = {
        f"alpha {alpha:g}": {key: round(sum(row[key] for row in told[-last:]) / last, 3) for key in told[0]}
        for alpha, told in runs.items()
    }
    print(json.dumps({**report, "seconds": round(time.perf_counter() - began, 1)}, indent=1))
    if given.plot:
        with figure(given.plot, "step", "busiest expert / even share") as axes:
            for alpha, told in runs.items():
                smooth = np.convolve([row["max_ratio"] for row in told], np.ones(20) / 20, mode="valid")
                axes.plot(smooth, label=f"alpha = {alpha:g}")
            axes.set_ylim(0.9, EXPERTS + 0.1)
            axes.legend()


if __name__ == "__main__":
    main()
