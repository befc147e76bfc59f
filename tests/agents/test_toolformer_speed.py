"""Texts that are hard to read are read in time: the work grows with the text, not with its square."""

import time

import pytest

from agents.toolformer_reading import seen

HARD = {
    "calls after the last allowed": "[calculator(1+1)] " * 400,
    "brackets in brackets": "[a(" * 200 + "x" * 10_100,
    "quotations without an end": "[calculator(" + "('x " * 2_000,
}


def spent(text):
    began = time.process_time()
    seen(text, [], lambda name: name == "calculator", closing=True, stopped=False, cut=False)
    return time.process_time() - began


@pytest.mark.slow
@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
def test_a_text_of_thousands_of_characters_is_read_within_seconds(text):
    assert spent(text) < 4.0
