"""Retrievers trained on LoCoMo and on BFCL, each measured on conversations, or functions, that it has not seen."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness import Report
from benchmarks.training_sets import HELD_CONVERSATIONS, Fold, bfcl, locomo
from retrieval.embedders.weights import model_folder
from retrieval.training.gain import gain, places
from retrieval.training.ranking import Places
from retrieval.training.recipe import Recipe
from retrieval.training.train import fitted, untuned

SETS: Mapping[str, tuple[Callable[[Path, int], list[Fold]], Recipe]] = {
    "BFCL live multiple": (bfcl, Recipe(select="mrr", epochs=2, frozen_layers=3, max_tokens=64)),
    "LoCoMo": (locomo, Recipe(select="mrr", epochs=3, max_tokens=64)),
}
"""Chosen by validation parts: docs/training.md has every trial."""
WAYS = {
    "untuned": "before",
    "tuned": "after",
    "bm25": "BM25",
    "hybrid_untuned": "hybrid, before",
    "hybrid": "hybrid, after",
}
MEASURES = {"mrr": "MRR@10", "recall": "recall@10", "recall_at_1": "recall@1"}


def measured(folds: list[Fold], recipe: Recipe) -> dict[str, Any]:
    found: defaultdict[str, Places] = defaultdict(list)
    trainings, pools = [], []
    for fold in folds:
        with tempfile.TemporaryDirectory() as work:
            model, before, about = fitted(
                fold.parts, fold.passages, recipe, base=str(model_folder()), work=Path(work, "checkpoints")
            )
        for asked, passages in fold.pools:
            for way, ranks in places(untuned(model, before), model, asked, passages).items():
                found[way] += ranks
            pools.append(len(passages))
        trainings.append({**about, "questions": len(fold.parts.train), "held": len(fold.parts.held)})
        so_far = gain(found)["gain"]["mrr"]
        print(json.dumps({"training": trainings[-1], "gain in MRR so far": so_far}), file=sys.stderr, flush=True)
    return {**gain(found), "trainings": trainings, "pools": pools}


def run(data: Path) -> Report:
    rows, figures = [], {}
    for name, (folds, recipe) in SETS.items():
        began = time.perf_counter()
        found = measured(folds(data, recipe.seed), recipe)
        found["seconds"] = round(time.perf_counter() - began)
        figures[name] = found
        for measure, shown in MEASURES.items():
            means = [f"{found['means'][way][measure]['mean']:.3f}" for way in WAYS]
            change = found["gain"][measure]
            rows.append([name, shown, *means, f"{change['mean']:+.3f}", f"{change['p_value']:.4f}"])
        longest = max(one["seconds"] for one in found["trainings"])
        spent = sum(one["seconds"] for one in found["trainings"])
        count = len(found["trainings"])
        device = found["trainings"][0]["training"]["device"]
        told = f"{found['n_queries']} questions; {count} trainings, {spent:.0f} s on {device}, longest {longest:.0f} s"
        rows.append([name, told, *[""] * (len(WAYS) + 2)])
    return Report(
        name="train",
        title="Trained retrievers",
        method=(
            "all-MiniLM-L6-v2 before and after, float32, exact search; p of a paired permutation test over the "
            "questions. LoCoMo: conversations "
            f"{' and '.join(HELD_CONVERSATIONS)} are held back, three are trained on; a question finds the turns that "
            "are its evidence, in its conversation. BFCL live multiple: a wish finds its function among all 241 of the "
            "set; of 43 groups of functions offered together the largest is trained on, with the simple and multiple "
            "sets, and the 42 others are held back. Validation "
            "parts of what is trained on choose weights and mixtures. Seconds include validation and the mixtures."
        ),
        columns=("set", "figure", *WAYS.values(), "gain", "p"),
        rows=rows,
        figures=figures,
    )
