"""Arithmetic, exact where it can be: 0.1 + 0.2 is 0.3, and 2 ** 100 has all its digits.

The expression is walked by simpleeval, whose table of nodes is cut down to numbers, constants, operators and calls of
the functions in `tools.arithmetic`: no attributes, subscripts, texts, comparisons or assignments are left in it.
"""

from __future__ import annotations

import ast
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from backends.python_syntax import parse_expression
from tools.arithmetic import CONSTANTS, FUNCTIONS, MOST_DIGITS, OPERATORS, Number
from tools.base import tool
from tools.errors import ToolError
from tools.formulas import plain, written

LONGEST = 1000
"""Characters of an expression: a long column of figures, and never much work."""
SHOWN = 80


@tool(read_only=True, seconds=5)
def calculator(
    expression: Annotated[
        str,
        Field(description="For example (1249.50 - 1080) / 1080 * 100, 2**0.5, round(7/3, 2), max(3, 4.5)."),
    ],
) -> str:
    """Compute an arithmetic expression exactly; use it for every calculation instead of computing yourself.

    Knows + - * / // (whole division) % (remainder) ** (power), parentheses, pi, e, and the functions abs, acos, asin,
    atan, ceil, comb, cos, degrees, exp, factorial, floor, gcd, lcm, ln, log (base 10, or log(x, base)), log10, log2,
    max, mean, min, radians, round, sin, sqrt, sum, tan. Angles are in radians. No thousands separators.
    """
    if len(expression) > LONGEST:
        raise ToolError(f"the expression has {len(expression)} characters, more than {LONGEST}: split it")
    text = plain(expression)
    try:
        found = _value(text)
        return written(found.value, found.exact)
    except ZeroDivisionError:
        raise ToolError(f"division by zero in {_shown(text)}") from None
    except ArithmeticError:
        raise ToolError(f"a number in {_shown(text)} becomes too large or too small") from None
    except (MemoryError, RecursionError):
        raise ToolError(
            f"{_shown(text)} is nested too deeply: split it; for a column of figures use sum(a, b)"
        ) from None


def _value(text: str) -> Number:
    from simpleeval import FunctionNotDefined, InvalidExpression, SimpleEval

    try:
        parsed = parse_expression(text).body
    except (SyntaxError, ValueError) as error:
        raise ToolError(f"{_shown(text)} is not an arithmetic expression: {error.args[0]}") from None
    walker = SimpleEval(operators=OPERATORS, functions=FUNCTIONS, names={})
    walker.nodes = {
        ast.Constant: lambda node: _number(node, text),
        ast.Name: _constant,
        **{kind: walker.nodes[kind] for kind in (ast.BinOp, ast.UnaryOp, ast.Call)},
    }
    try:
        value: Number = walker.eval(text, previously_parsed=parsed)
    except FunctionNotDefined as error:
        raise ToolError(f"there is no function {error.func_name!r}; there are {', '.join(sorted(FUNCTIONS))}") from None
    except (InvalidExpression, TypeError) as error:
        raise ToolError(f"{_shown(text)} is not an arithmetic expression: {_reason(error)}") from None
    return value


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")


def _reason(error: Exception) -> str:
    if isinstance(error, TypeError):
        return "a function got too many or too few numbers"
    if "Tuple" in str(error):
        return "a comma separates the arguments of a function; write 1000, not 1,000"
    return "it has parts that are no numbers, operators or functions"


def _number(node: ast.Constant, text: str) -> Number:
    """As it is written: Python's own reading of 0.1 is a float already."""
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise ToolError(f"{node.value!r} is not a number")
    if isinstance(node.value, int):
        return Number(Fraction(node.value))
    number = Decimal(ast.get_source_segment(text, node) or "")
    if number and abs(number.adjusted()) > MOST_DIGITS:
        raise OverflowError
    return Number(Fraction(number))


def _constant(node: ast.Name) -> Number:
    if node.id not in CONSTANTS:
        raise ToolError(f"there is no constant {node.id!r}; there are {', '.join(CONSTANTS)}")
    return CONSTANTS[node.id]
