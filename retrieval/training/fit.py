"""The training itself, by sentence-transformers' trainer: batches, steps, validations, checkpoints, the early stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from math import ceil, isfinite
from pathlib import Path
from typing import Any, Final

from retrieval.errors import TrainingRefused
from retrieval.training.loss import contrastive
from retrieval.training.recipe import Recipe

Told = Callable[[Mapping[str, Any]], None]
"""Hears what happens, as objects with a `type`: progress, metrics, checkpoint, message."""

CHECKPOINT_STEPS: Final = 200
"""At most so many steps, or an epoch, are done again after a crash; a validation goes with each checkpoint."""
NEEDED: Final = ("accelerate", "datasets")
INSTALL: Final = "pip install 'sandtable[train]'"


def check_installed(needed: Sequence[str] = NEEDED) -> None:
    """Raises TrainingRefused where the packages of the trainer are not there."""
    from importlib.util import find_spec

    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise TrainingRefused(f"training needs {' and '.join(missing)}: {INSTALL}", "model")


def fit(
    model: Any, columns: dict[str, list[str]], evaluator: Any, recipe: Recipe, folder: Path, told: Told
) -> dict[str, Any]:  # fmt: skip
    """Train `model` in place, to the best of its validations; returns what the run came to.

    `folder` keeps the checkpoints: where there is one, it goes on from the last.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer
    from sentence_transformers.base.losses.merged_forward import column_merging_disabled
    from transformers import EarlyStoppingCallback

    rows = len(columns["anchor"])
    every = min(CHECKPOINT_STEPS, ceil(rows / recipe.batch_size))
    trainer = SentenceTransformerTrainer(
        model=model,
        args=_arguments(list(columns), recipe, folder, every),
        train_dataset=Dataset.from_dict(columns),
        evaluator=evaluator,
        loss=contrastive(model, recipe.scale),
        callbacks=[EarlyStoppingCallback(recipe.patience), _teller(told)],
    )
    last = _last(folder) if folder.is_dir() else None
    if last is not None:
        told({"type": "message", "message": f"goes on from {Path(last).name}"})
    # In one pass with the passages, questions are padded to their length, and a processor computes it all.
    apart = column_merging_disabled() if trainer.args.device.type == "cpu" else nullcontext()
    with apart:
        trainer.train(resume_from_checkpoint=last)
    best = trainer.state.best_model_checkpoint
    return {
        "steps": trainer.state.global_step,
        "epochs": round(float(trainer.state.epoch or 0), 3),
        "best_step": int(best.rpartition("-")[2]) if best else trainer.state.global_step,
        "train_loss": mean_loss(trainer.state.log_history),
        "device": str(trainer.args.device),
    }


def mean_loss(history: Sequence[Mapping[str, Any]]) -> float | None:
    """By step, of what was logged, which a checkpoint has of the processes before, too; what the trainer returns is of
    this process alone. None: nothing was logged."""
    logged = [(int(entry["step"]), float(entry["loss"])) for entry in history if "loss" in entry]
    if not logged:
        return None
    steps = [after - before for (before, _), (after, _) in pairwise([(0, 0.0), *logged])]
    return round(sum(count * loss for count, (_, loss) in zip(steps, logged, strict=True)) / logged[-1][0], 4)


def _last(folder: Path) -> str | None:
    """The latest that is whole: its state is written last, and one that was cut short has none, or half of it."""
    whole = [path for path in folder.glob("checkpoint-*") if _is_json(path / "trainer_state.json")]
    return str(max(whole, key=lambda path: int(path.name.rpartition("-")[2]))) if whole else None


def _is_json(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return False


def _arguments(columns: list[str], recipe: Recipe, folder: Path, every: int) -> Any:
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import BatchSamplers

    sides = {name: "query" if name == "anchor" else "document" for name in columns}
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup,
        lr_scheduler_type="linear",
        # A passage twice in a batch would be its own negative.
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        router_mapping=sides if recipe.towers == "two" else {},
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=recipe.select,
        greater_is_better=recipe.select != "average_rank",
        logging_steps=every,
        seed=recipe.seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


def _check_finite(loss: float, step: int) -> None:
    if not isfinite(loss):
        raise TrainingRefused(f"the loss is {loss} at step {step}: lower learning_rate", "learning_rate")


def _teller(told: Told) -> Any:
    from transformers import TrainerCallback

    class Teller(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            told({"type": "progress", "done": state.global_step, "total": state.max_steps})

        def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            told({"type": "progress", "done": state.global_step, "total": state.max_steps})

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
            if logs and "loss" in logs:
                _check_finite(float(logs["loss"]), state.global_step)
                told({"type": "metrics", "step": state.global_step, "train_loss": float(logs["loss"])})

        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **rest: Any) -> None:
            found = {
                name.removeprefix("eval_"): round(float(value), 4)
                for name, value in (metrics or {}).items()
                if name.removeprefix("eval_") in ("average_rank", "mrr", "recall", "recall_at_1")
            }
            told({"type": "metrics", "step": state.global_step, "epoch": state.epoch, **found})

        def on_save(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
            told({"type": "checkpoint", "step": state.global_step})

    return Teller()
