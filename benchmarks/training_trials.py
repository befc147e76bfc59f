"""The BFCL recipe of `train` with other seeds, and with one setting changed: python -m benchmarks.training_trials

An hour and a half for ten trainings on two cores, five minutes for fifty on a data-centre GPU; rows come as they are
made. All trainings share one split. `docs/training.md` has the table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.train import SETS
from benchmarks.training_sets import Fold, bfcl
from retrieval.embedders.weights import model_folder
from retrieval.evaluation import compare
from retrieval.training import ranking
from retrieval.training.recipe import Recipe
from retrieval.training.train import fitted, untuned
from retrieval.training.validation import evaluator, pool

BASE = SETS["BFCL live multiple"][1]
SEEDS, SEEDS_OF_CHANGES = 6, 3
CHANGES: tuple[Mapping[str, Any], ...] = (
    {"epochs": 4}, {"epochs": 1}, {"learning_rate": 2e-5}, {"learning_rate": 1e-4},
    {"learning_rate": 2e-5, "epochs": 6}, {"frozen_layers": 0}, {"frozen_layers": 5}, {"scale": 10.0}, {"scale": 50.0},
    {"hard_negatives": 3}, {"hard_negatives": 0}, {"batch_size": 64}, {"batch_size": 16}, {"max_tokens": 128},
    {"max_tokens": 192},
)  # fmt: skip


def trials(fold: Fold) -> Iterator[dict[str, Any]]:
    """A row for each training, and one for the mean of the weights of all seeds of the unchanged recipe."""
    summed: dict[str, Any] = {}
    plan = [({}, seed) for seed in range(SEEDS)]
    plan += [(dict(change), seed) for seed in range(SEEDS_OF_CHANGES) for change in CHANGES]
    judge = evaluator(fold.parts.validation, pool(fold.parts.validation, fold.passages, 0))
    for change, seed in plan:
        recipe = BASE.model_copy(update={**change, "seed": seed})
        with tempfile.TemporaryDirectory() as work:
            model, before, about = fitted(
                fold.parts, fold.passages, recipe, base=str(model_folder()), work=Path(work, "checkpoints")
            )
        validated = about["validation"]["tuned"]["mrr"]
        yield {"change": change, "seed": seed, "validation": validated, **_held(fold, untuned(model, before), model)}
        if change:
            continue
        for key, weight in model.state_dict().items():
            summed[key] = summed.get(key, 0) + weight.detach().double()
        if seed == SEEDS - 1:
            mean = {key: (summed[key] / SEEDS).to(weight.dtype) for key, weight in model.state_dict().items()}
            model.load_state_dict(mean)
            row = {"change": {"mean of the weights": SEEDS}, "seed": None, "validation": judge(model)["mrr"]}
            yield {**row, **_held(fold, untuned(model, before), model)}


def _held(fold: Fold, before: Any, after: Any) -> dict[str, float]:
    ((asked, passages),) = fold.pools
    found, former = (ranking.figures(ranking.by_model(model, asked, passages))["mrr"] for model in (after, before))
    gain = compare(found, former)
    return {"held": sum(found) / len(found), "gain": gain.mean, "p": gain.p_value}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_trials", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    given = parser.parse_args()
    (fold,) = bfcl(given.data, Recipe().seed)
    for row in trials(fold):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
