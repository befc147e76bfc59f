"""Programs as answers: the code in a reply, the tests run after it, and what came of each. Nothing here runs any of it.

What `program` makes is for the tool `python`, in its sandbox. Code and tests share a process there: that is for tests
which the author of the code wrote too. Hidden ones are kept from the code (`agents.tasks.exam`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from hashlib import sha256

from backends.python_syntax import parse_module, read_literal

FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)
LONGEST_REASON = 300

HARNESS = """
def _tested(code, tests, mark):
    import sys
    show, write = repr, sys.stdout.write  # Whatever the code puts in the place of these.
    space, told = {{"__name__": "answer"}}, []
    try:
        exec(compile(code, "answer.py", "exec"), space)
    except BaseException as error:
        told = [f"the code itself: {{type(error).__name__}}: {{error}}"] * len(tests)
    for test in tests[len(told):]:
        try:
            exec(compile(test, "test.py", "exec"), space)
        except BaseException as error:
            told.append(f"{{type(error).__name__}}: {{error}}".rstrip(": "))
        else:
            told.append("")
    write("\\n" + mark + show([one[:300] for one in told]) + "\\n")
_tested({code!r}, {tests!r}, {mark!r})
"""


def code_in(reply: str) -> str:
    """The largest fenced block of a reply, or all of it; empty if that is no Python."""
    blocks = [block.strip("\n") for block in FENCE.findall(reply)]
    code = max(blocks, key=len) if blocks else reply
    return code if _is_python(code) else ""


def program(code: str, tests: Sequence[str]) -> str:
    """A program that runs the code, then each test in the code's own names, and prints what came of them."""
    return HARNESS.format(code=code, tests=list(tests), mark=mark(code, tests))


def outcomes(code: str, tests: Sequence[str], output: str) -> list[str] | None:
    """Of each test what was wrong, empty if nothing; None: the program did not come to its end."""
    begin = mark(code, tests)
    line = next((one for one in reversed(output.splitlines()) if one.startswith(begin)), None)
    try:
        told = read_literal(line.removeprefix(begin)) if line is not None else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return [str(one) for one in told] if isinstance(told, list) and len(told) == len(tests) else None


def assertions(text: str, most: int) -> list[str]:
    """The lines of a text that are assertions and can be read as Python, each once."""
    lines = (line.strip().strip("`") for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line.startswith("assert ") and _is_python(line)))[:most]


def mark(code: str, tests: Sequence[str]) -> str:
    """Before what came of the tests, on a line of its own."""
    return f"tested {sha256(repr((code, list(tests))).encode()).hexdigest()[:16]}: "


def defined(code: str) -> list[str]:
    """The functions and classes of a module."""
    try:
        body = parse_module(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


def _is_python(text: str) -> bool:
    try:
        return bool(parse_module(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
