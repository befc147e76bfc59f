"""Success against b: the Game of 24 by `tot`, with a judge that is exact, or wrong now and then.

`python -m benchmarks.breadth FILE.svg` draws it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from agents import catalog
from agents.run import Deps, RunInput
from agents.spending import Limits
from agents.stream import stream
from agents.tasks.game24 import check, solvable
from agents.tasks.scores import Mean, mean_of
from backends.scripted import Scripted
from benchmarks.harness import Report
from tests.agents.players import player

PUZZLES = 60
BREADTHS = (1, 2, 3, 5, 8)
NOISES = (0.0, 0.05, 0.1)
TOT = catalog.get("tot")
Found = Mapping[float, Mapping[int, tuple[Mean, Mean]]]
"""By how often the judge is wrong and by b: success of the answer, and of any of the b."""


def puzzles() -> list[str]:
    """Solvable ones, drawn from all."""
    dice, found = Random(24), list[str]()
    while len(found) < PUZZLES:
        numbers = sorted(dice.choices(range(1, 14), k=4))
        if solvable([Fraction(number) for number in numbers]):
            found.append(" ".join(map(str, numbers)))
    return found


async def solved(puzzle: str, b: int, noise: float, seed: int) -> tuple[float, float]:
    options = TOT.options(problem="game24", b=b, evaluations=1)
    deps = Deps(backend=Scripted(player(noise, seed)), options=options, limits=Limits(model_calls=None))
    finalists: Sequence[str] = ()
    async for event in stream(TOT, RunInput(question=puzzle), deps, run_id=f"{seed}"):
        if event.type == "step_finished":
            finalists = event.update.get("finalists", finalists)
    right = [check(puzzle, answer).correct for answer in finalists]
    return float(right[0]), float(any(right))


async def measure() -> Found:
    found: dict[float, dict[int, tuple[Mean, Mean]]] = {}
    for noise in NOISES:
        found[noise] = {}
        for b in BREADTHS:
            marks = [await solved(puzzle, b, noise, seed) for seed, puzzle in enumerate(puzzles())]
            found[noise][b] = mean_of([one for one, _ in marks]), mean_of([some for _, some in marks])
    return found


def bar(share: float) -> str:
    return "█" * round(share * 20)


def _shown(mean: Mean) -> str:
    return f"{mean.mean:.2f} ({mean.low:.2f} - {mean.high:.2f})"


def run() -> Report:
    found = asyncio.run(measure())
    rows = [
        [f"{noise:.0%}", str(b), _shown(first), _shown(some), bar(some.mean)]
        for noise, by_b in found.items()
        for b, (first, some) in by_b.items()
    ]
    figures: dict[str, Any] = {
        f"{noise:g}": {str(b): {"success_at_1": first.mean, "any_of_b": some.mean} for b, (first, some) in by_b.items()}
        for noise, by_b in found.items()
    }
    return Report(
        name="breadth",
        title="Game of 24: success against b",
        method=(
            f"{PUZZLES} solvable puzzles. The scripted proposer names every step there is; the judge knows by exact "
            "arithmetic whether 24 can still be made, and says the opposite as often as the first column has it, each "
            "judgement asked once. Success@1 is the one answer, any-of-b what the paper's code counts; 95 % intervals."
            " No model takes part: this measures the search, not a model."
        ),
        columns=("judge is wrong", "b", "success@1", "any-of-b", ""),
        rows=rows,
        figures=figures,
    )


def plotted(found: Found, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for noise, by_b in found.items():
        for place, (name, line) in enumerate((("success@1", "--"), ("any of b", "-"))):
            means = [pair[place].mean for pair in by_b.values()]
            axes.plot(list(by_b), means, line, marker="o", label=f"{name}, judge wrong {noise:.0%}")
    axes.set_xlabel("b: states kept of each level")
    axes.set_ylabel("share of puzzles solved")
    axes.set_ylim(0, 1.05)
    axes.set_title(f"Game of 24 by tot, scripted proposer, {PUZZLES} puzzles")
    axes.legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


if __name__ == "__main__":
    plotted(asyncio.run(measure()), Path(sys.argv[1]))
