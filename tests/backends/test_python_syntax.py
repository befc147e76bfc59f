import ast
import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from backends.python_syntax import parse_expression, parse_module


def test_trees_as_python_has_them():
    assert ast.dump(parse_expression("1 + 2")) == ast.dump(ast.parse("1 + 2", mode="eval"))
    assert ast.dump(parse_module("a = 1\nb = a")) == ast.dump(ast.parse("a = 1\nb = a"))
    with pytest.raises(SyntaxError):
        parse_expression("a = 1")


class Dying:
    """Its end lets other threads in, in the midst of whatever allocated."""

    def __init__(self) -> None:
        self.itself = self
        weakref.finalize(self, time.sleep, 0)


@pytest.mark.slow
def test_threads_do_not_disturb_each_other():
    """With `ast.parse` on CPython 3.11 this fails most times."""
    text = "{'steps': 7, 'answer': [1, 2, {'of': (1, 2)}], 'em': 1 + 2 * (3 + 4)}"

    def parse_many(times: int) -> int:
        for _ in range(times):
            Dying()
            parse_expression(text)
        return times

    before = gc.get_threshold()
    gc.set_threshold(50)
    try:
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(parse_many, [2_000] * 8)) == [2_000] * 8
    finally:
        gc.set_threshold(*before)
