"""Toolformer in small: a model finds out by itself which calls help it, and learns to make them.

    python docs/examples/toolformer.py

A Llama of two layers learns a toy language (`toolformer_model.py`) in which the results of the tool `look` are the
figures that follow, and those of `noise` are not. It then samples calls of both in new texts, they are made,
Toolformer's filter keeps those that help, and the model is trained on the texts with these calls. In new texts it then
calls `look`, and writes the figures that nobody could guess.

The filter is Sandtable's own (`agents/toolformer_filter.py`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from math import comb
from pathlib import Path
from random import Random
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
from plotting import figure
from toolformer_model import line, model_of, save, text_of, tokenizer, train

from agents.toolformer_filter import LEAD
from agents.toolformer_sampling import Recipe, Taught, taught
from backends.base import Backend, Message, Request, ToolSpec, complete
from backends.load import load

BATCH = 32
RECIPE = Recipe(k=2, m=2)
SCHEMA = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}
TOOLS = [ToolSpec(name=name, description="Tells figures of a key.", parameters=SCHEMA) for name in ("look", "noise")]


def prompt(tool: ToolSpec, text: str) -> str:
    return f"{tool.name}: {text} =\n"


async def filtered(backend: Backend, dice: Random, texts: int) -> list[tuple[str, Taught]]:
    recipes = {tool.name: RECIPE for tool in TOOLS}
    found = []
    for _ in range(texts):
        text, key, figures = text_of(dice)
        others = text_of(dice)[2]

        async def perform(
            name: str, arguments: str, key: str = key, figures: str = figures, others: str = others
        ) -> str:
            return figures if name == "look" and json.loads(arguments)["key"] == key else others

        found.append((text, await taught(text, TOOLS, backend, perform, recipes, prompt)))
    return found


def gains(found: list[tuple[str, Taught]]) -> dict[str, list[float]]:
    """Of the calls with the text's own key: where the figures come by tool, and of `look` elsewhere."""
    told: dict[str, list[float]] = {
        "look, before the figures": [],
        "noise, before the figures": [],
        "look, elsewhere": [],
    }
    for text, one in found:
        for judged in one.judged:
            candidate = judged.candidate
            in_place = candidate.at == len(text) - len(" 7421")
            kind = f"{candidate.tool}, {'before the figures' if in_place else 'elsewhere'}"
            if kind in told and candidate.written == f"{candidate.tool}({text[0]})":
                told[kind].append(judged.gain)
    return told


def sign_test(found: list[tuple[str, Taught]]) -> tuple[int, int, float]:
    """Of the texts in which the model called both tools where the figures come: how often `look` helped more, of how
    many, and how probable so many or more are if neither helps (one-sided)."""
    pairs = []
    for text, one in found:
        where = len(text) - len(" 7421")
        best = {
            j.candidate.tool: j.gain
            for j in one.judged
            if (j.candidate.at, j.candidate.written) == (where, f"{j.candidate.tool}({text[0]})")
        }
        if len(best) == len(TOOLS):
            pairs.append(best["look"] > best["noise"])
    better, of = sum(pairs), len(pairs)
    return better, of, sum(comb(of, n) for n in range(better, of + 1)) / 2**of


async def used(backend: Backend, dice: Random, texts: int) -> tuple[float, float]:
    """Shares of new texts in which the model calls `look` with their key, and in which it then writes their figures."""
    called = right = 0
    for _ in range(texts):
        _, key, figures = text_of(dice)
        begun = f"{LEAD}{key} is"
        said = await _written(backend, begun, "→")
        if said.strip() == f"[look({key})":
            called += 1
            said = await _written(backend, f"{begun}{said.rstrip()} → {figures}]")
        right += said.strip() == figures
    return called / texts, right / texts


async def _written(backend: Backend, begun: str, *stop: str) -> str:
    request = Request(
        messages=(Message(role="user", content=begun),), plain=True, temperature=0.0, max_tokens=12, stop=stop
    )
    return (await complete(backend.stream(request))).message.content


def study(steps: int, texts: int, folder: Path) -> tuple[dict[str, Any], dict[str, list[float]]]:
    cutter, dice = tokenizer(), Random(0)
    model = model_of(cutter, 0)
    train(model, cutter, lambda: [line(dice) for _ in range(BATCH)], steps, 4e-3)
    before = load(save(model, cutter, folder / "before"), {})
    found = asyncio.run(filtered(before, Random(1), texts))
    kept = [one for _, one in found if one.kept]
    rows = [(LEAD, one.text) for one in kept]
    train(model, cutter, lambda: dice.choices(rows, k=BATCH), max(20, steps // 4), 1e-3)
    after = load(save(model, cutter, folder / "after"), {})
    better, of, p = sign_test(found)
    tools = [judged.candidate.tool for one in kept for judged in one.kept]
    report = {
        "texts": texts,
        "judged": sum(len(one.judged) for _, one in found),
        "kept": {tool.name: tools.count(tool.name) for tool in TOOLS},
        "example": kept[0].text if kept else None,
        "sign_test": {"look_helps_more": better, "of": of, "p": p},
    }
    for name, backend in (("before", before), ("after", after)):
        called, right = asyncio.run(used(backend, Random(2), texts))
        report[name] = {"calls_look": round(called, 3), "figures_right": round(right, 3)}
    return report, gains(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--texts", type=int, default=40)
    parser.add_argument("--plot", type=Path, help="picture, .svg or .png")
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report, by_kind = study(given.steps, given.texts, Path(folder))
    print(json.dumps({**report, "seconds": round(time.perf_counter() - began, 1)}, indent=1))
    if given.plot:
        with figure(given.plot, "loss that the result takes off, nats", "share of calls with less") as axes:
            for kind, values in by_kind.items():
                ordered = sorted(values)
                axes.step(ordered, [(n + 1) / len(ordered) for n in range(len(ordered))], where="post", label=kind)
            axes.axvline(RECIPE.tau_f, color="grey", lw=0.8, ls="--", label="τ_f: kept from here on")
            axes.legend()


if __name__ == "__main__":
    main()
