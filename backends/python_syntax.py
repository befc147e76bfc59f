"""Python source as a tree, for one thread at a time.

CPython 3.11 counts how deep it is in one place for all threads, and a finalizer that runs in between lets the next one
in: `ast.parse` then raises SystemError about a "recursion depth mismatch", one time in some ten thousand.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

_ALONE = threading.Lock()


def parse_expression(text: str) -> ast.Expression:
    """Raises SyntaxError, ValueError, RecursionError, MemoryError."""
    with _ALONE:
        return ast.parse(text, mode="eval")


def read_literal(text: str) -> Any:
    """A value written as in Python. Raises as `parse_expression` does."""
    return ast.literal_eval(parse_expression(text))


def parse_module(text: str) -> ast.Module:
    """Raises as `parse_expression` does."""
    with _ALONE:
        return ast.parse(text)
