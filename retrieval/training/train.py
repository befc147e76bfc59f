"""Training a retriever from questions with the passages that answer them (DPR, Karpukhin et al. 2020)."""

from __future__ import annotations

import copy
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from retrieval.embedders.load import ABOUT
from retrieval.scripts import shares
from retrieval.training.blend import blended
from retrieval.training.examples import Example, Material
from retrieval.training.fit import Told, check_installed, fit
from retrieval.training.gain import measured
from retrieval.training.negatives import columns
from retrieval.training.recipe import Recipe
from retrieval.training.split import Parts, split
from retrieval.training.towers import begun, freeze, save, windows
from retrieval.training.validation import evaluator, pool

MEASURED_PASSAGES: Final = 5_000
READ: Final = 0.05
"""Share of the letters of the questions from which a script counts as learned."""


def parts(material: Material, recipe: Recipe, held: Material | None) -> Parts:
    """Raises TrainingRefused."""
    share = 0.0 if held is not None else recipe.held
    found = split(material.examples, validation=recipe.validation, held=share, seed=recipe.seed)
    return found if held is None else found._replace(held=list(held.examples))


class Fitted(NamedTuple):
    model: Any
    before: dict[str, Any]
    """The weights it began with."""
    about: dict[str, Any]


def train(
    material: Material, out: Path, recipe: Recipe, *, base: str, work: Path, held: Material | None = None,
    name: str = "", scripts: Sequence[str] = (), told: Told = lambda event: None,
) -> dict[str, Any]:  # fmt: skip
    """Train from the model `base` (a folder, or a name in the Hugging Face cache), and write `out`: the weights, and
    `trained.json`, which is also returned. `out` appears whole, at the end.

    `work` keeps checkpoints: a second call with the same arguments goes on from there. `held`: questions to measure
    with, in place of the recipe's share. `scripts`: what the base reads. Raises TrainingRefused, EmbedderMissing.
    """
    chosen = parts(material, recipe, held)
    passages = list(dict.fromkeys((*material.passages, *(held.passages if held is not None else ()))))
    model, before, about = fitted(chosen, passages, recipe, base=base, work=work, told=told)
    found: dict[str, Any] = {
        "name": name,
        "base": base,
        "towers": recipe.towers,
        "scripts": _scripts(scripts, chosen.train),
        "recipe": recipe.model_dump(),
        "questions": {part: len(examples) for part, examples in chosen._asdict().items()},
        **about,
        "measured": None,
    }
    if chosen.held:
        told({"type": "message", "message": f"measures with {len(chosen.held)} questions that were held back"})
        ranked = pool(chosen.held, passages, recipe.seed, MEASURED_PASSAGES)
        found["measured"] = measured(untuned(model, before), model, chosen.held, ranked)
    _publish(model, out, found)
    return found


def fitted(
    chosen: Parts, passages: Sequence[str], recipe: Recipe, *, base: str, work: Path, told: Told = lambda event: None
) -> Fitted:
    """The model that `chosen.train` makes of `base`, as `chosen.validation` prefers it. Raises as `train`."""
    check_installed()
    began = time.perf_counter()
    model = begun(base, recipe)
    before = {key: weight.detach().clone() for key, weight in model.state_dict().items()}
    if recipe.frozen_layers:
        freeze(model, recipe.frozen_layers)
    window = windows(model, recipe.max_tokens)
    rows = columns(chosen.train, passages, recipe.hard_negatives, recipe.skip_negatives, recipe.seed)
    told({"type": "message", "message": _sizes(chosen, rows)})
    judge = evaluator(chosen.validation, pool(chosen.validation, passages, recipe.seed))
    first = judge(model)
    told({"type": "metrics", "step": 0, **{name: round(value, 4) for name, value in first.items()}})
    done = fit(model, rows, judge, recipe, work, told)
    model.eval()
    share, last = blended(model, before, judge, recipe.select) if recipe.blend else (1.0, judge(model))
    windows(model, window)
    about = {
        "training": {**done, "blend": share, "trained_tokens": _tokens(model, rows, recipe, done["epochs"])},
        "validation": {"untuned": first, "tuned": last},
        "seconds": round(time.perf_counter() - began, 1),
    }
    return Fitted(model, before, about)


def untuned(model: Any, before: Mapping[str, Any]) -> Any:
    """The same model with the weights it began with."""
    found = copy.deepcopy(model)
    found.load_state_dict(before)
    return found


def _publish(model: Any, out: Path, found: Mapping[str, Any]) -> None:
    made = out.with_name(f"{out.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    save(model, made)
    (made / ABOUT).write_text(json.dumps(found, ensure_ascii=False, indent=2), "utf-8")
    shutil.rmtree(out, ignore_errors=True)
    made.rename(out)


def _sizes(chosen: Parts, rows: Mapping[str, Sequence[str]]) -> str:
    return (
        f"trains on {len(chosen.train)} questions ({len(rows['anchor'])} pairs, {len(rows) - 2} hard negatives each), "
        f"chooses by {len(chosen.validation)}, measures with {len(chosen.held)}"
    )


def _scripts(known: Sequence[str], examples: Sequence[Example]) -> list[str]:
    """What the model reads: what its base did, and what it has now learned; none where the base reads all."""
    if not known:
        return []
    found = shares(" ".join(one.query for one in examples))
    return sorted({*known, *(script for script, share in found.items() if share >= READ)})


def _tokens(model: Any, rows: Mapping[str, Sequence[str]], recipe: Recipe, epochs: float) -> int:
    texts = [text for column in rows.values() for text in column]
    ids = model.tokenizer(texts, truncation=True, max_length=recipe.max_tokens)["input_ids"]
    return round(sum(map(len, ids)) * epochs)
