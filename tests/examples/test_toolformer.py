"""Toolformer's filter with a small model trained here: it keeps calls whose results help, and learns to make them."""

import pytest

from tests.examples.running import printed

pytestmark = pytest.mark.slow


def test_calls_that_help_are_kept_and_learned(tmp_path):
    told = printed("toolformer.py", "--steps", 450, "--texts", 16, "--plot", tmp_path / "toolformer.svg")
    # The model called both tools by itself where the figures come, and the one that knows them took more off.
    assert told["sign_test"]["of"] >= 12
    assert told["sign_test"]["p"] < 0.05
    assert told["kept"]["look"] >= 12
    assert told["kept"]["noise"] <= 1
    assert sum(told["kept"].values()) < told["judged"]
    assert told["before"]["figures_right"] <= 0.1
    assert told["after"]["calls_look"] >= 0.7
    assert told["after"]["figures_right"] >= 0.3
    assert (tmp_path / "toolformer.svg").stat().st_size > 5_000
