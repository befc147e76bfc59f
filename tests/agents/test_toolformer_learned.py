"""Toolformer's filter with a small language model that was trained here: it keeps the calls whose results help."""

import re
from math import comb
from random import Random

import pytest

from agents.toolformer_sampling import Recipe, taught
from backends.lifetime import close
from backends.load import load
from tests.agents.toy_language import save_trained, text_of
from tools.base import tool

TEXTS = 16


@tool(read_only=True)
def look(key: str) -> str:
    """Tell the figures of a key."""
    return key


@tool(read_only=True)
def noise(key: str) -> str:
    """Tell some figures."""
    return key


@pytest.mark.slow
async def test_calls_are_kept_whose_results_help_and_others_are_not(tmp_path):
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Of a model so small more threads only wait for each other.
    try:
        save_trained(tmp_path)
        found = await _taught(load(f"hf:{tmp_path}", {}))
    finally:
        torch.set_num_threads(threads)
    gains = []
    for text, one in found:
        where = len(text) - len(" 7421")
        by_tool = {
            j.candidate.tool: j.gain for j in one.judged
            if j.candidate.at == where and j.candidate.written.endswith(f"({text[0]})")
        }  # fmt: skip
        if by_tool.keys() == {"look", "noise"}:
            gains.append((by_tool["look"], by_tool["noise"]))
        assert {kept.candidate.tool for kept in one.kept} <= {"look"}
        assert all(kept.gain >= 1 for kept in one.kept)
        assert re.sub(r" ?\[[^\]]*\]", "", one.text) == text
    # Both tools were called by the model itself where the figures come, and the one that knows them took more off.
    better = sum(helpful > useless for helpful, useless in gains)
    assert len(gains) >= TEXTS * 3 // 4
    assert sign_test(better, len(gains)) < 0.05
    in_place = [text for text, one in found if f"{text[0]} is [look({text[0]}) → {text[-4:]}] {text[-4:]}" in one.text]
    assert sign_test(len(in_place), len(found)) < 0.05
    counts = [one.counts for _, one in found]
    assert sum(c["kept"] for c in counts) < sum(c["judged"] for c in counts)


async def _taught(backend):
    dice, found = Random(3), []
    recipes = dict.fromkeys(("look", "noise"), Recipe(k=2, m=2))
    for _ in range(TEXTS):
        text, key, figures = text_of(dice)
        useless = text_of(dice)[2]
        results = {f'{{"key": "{key}"}}': figures}

        async def perform(name, arguments, results=results, useless=useless):
            return results.get(arguments, useless) if name == "look" else useless

        specs = [look.spec, noise.spec]
        found.append((text, await taught(text, specs, backend, perform, recipes, _prompt)))
    await close(backend)
    return found


def _prompt(asked, text):
    return f"{asked.name}: {text} =\n"


def sign_test(better: int, of: int) -> float:
    """How probable so many or more would be if either were as likely (one-sided)."""
    return sum(comb(of, n) for n in range(better, of + 1)) / 2**of
