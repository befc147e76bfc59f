"""Arithmetic on fractions: every value is exact or good to 40 digits, and none gets long, so no call takes long.

A function here takes fractions and returns a Fraction when it is exact, a Decimal when it is not.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, Underflow
from fractions import Fraction

from tools.errors import ToolError

MOST_BITS = 4096
"""Of a numerator or denominator. One operation on such numbers takes microseconds."""
MOST_DIGITS = 1233
"""The same in decimal."""
LARGEST_FACTORIAL = 500
REAL = Context(prec=40, Emax=1190, Emin=-1190, traps=[DivisionByZero, InvalidOperation, Overflow, Underflow])
"""What leaves its range raises an ArithmeticError; a number in it has at most MOST_BITS."""
PLACES = 15
"""Decimals of what comes from the platform's trigonometry: beyond them sin(pi) would not be 0."""


@dataclass(frozen=True, slots=True)
class Number:
    value: Fraction
    exact: bool = True


def _on_numbers(function: Callable[..., Fraction | Decimal]) -> Callable[..., Number]:
    """The function on numbers; what gets too long is rounded to 40 digits if it is a fraction, else refused."""

    def on_numbers(*numbers: Number) -> Number:
        found = function(*(number.value for number in numbers))
        if isinstance(found, Fraction) and _bits(found) > MOST_BITS and found.denominator != 1:
            found = real(found)
        value = Fraction(found)
        if _bits(value) > MOST_BITS:
            raise ToolError(f"a number on the way has more than {MOST_DIGITS} digits")
        return Number(value, isinstance(found, Fraction) and all(number.exact for number in numbers))

    return on_numbers


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def real(value: Fraction) -> Decimal:
    return REAL.divide(Decimal(value.numerator), Decimal(value.denominator))


def power(base: Fraction, exponent: Fraction) -> Fraction | Decimal:
    if exponent.denominator == 1:
        return _whole_power(base, exponent.numerator)
    if base < 0:
        raise ToolError("a fractional power of a negative number has no real value")
    if base == 0:
        return base if exponent > 0 else 1 / base
    return sqrt(base) if exponent == Fraction(1, 2) else REAL.power(real(base), real(exponent))


def _whole_power(base: Fraction, exponent: int) -> Fraction | Decimal:
    if abs(base) in (0, 1):  # However large the exponent is.
        exponent = (1 if exponent > 0 else -1) * (2 - exponent % 2) if exponent else 0
    elif abs(exponent) * (_bits(base) - 1) > MOST_BITS:
        if base.denominator == 1 and exponent > 0:
            raise ToolError(f"the power of {exponent} has more than {MOST_DIGITS} digits")
        return REAL.power(real(base), exponent)
    return base**exponent


def sqrt(value: Fraction) -> Fraction | Decimal:
    if value < 0:
        raise ToolError("the square root of a negative number is not real")
    roots = math.isqrt(value.numerator), math.isqrt(value.denominator)
    exact = Fraction(*roots)
    return exact if exact * exact == value else REAL.sqrt(real(value))


def log(value: Fraction, base: Fraction = Fraction(10)) -> Fraction | Decimal:
    if value <= 0 or base <= 0 or base == 1:
        raise ToolError("a logarithm needs a positive number, and a positive base other than 1")
    exponent = REAL.divide(REAL.ln(real(value)), REAL.ln(real(base)))
    nearest = round(exponent)
    if abs(nearest) <= MOST_BITS and _whole_power(base, nearest) == value:
        return Fraction(nearest)
    return exponent


def ln(value: Fraction) -> Fraction | Decimal:
    if value <= 0:
        raise ToolError("a logarithm needs a positive number")
    return REAL.ln(real(value))


def exp(value: Fraction) -> Fraction | Decimal:
    return REAL.exp(real(value))


def rounded(value: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    """To the nearest; a half goes away from zero, as people round and Python does not."""
    scale = Fraction(10) ** _within(digits, 300)
    nearest = math.floor(abs(value) * scale + Fraction(1, 2))
    return (nearest if value >= 0 else -nearest) / scale


def _within(value: Fraction, most: int) -> int:
    if value.denominator != 1 or abs(value.numerator) > most:
        raise ToolError(f"this function takes a whole number of at most {most}")
    return value.numerator


def factorial(value: Fraction) -> Fraction:
    number = _within(value, LARGEST_FACTORIAL)
    if number < 0:
        raise ToolError("the factorial of a negative number is not defined")
    return Fraction(math.factorial(number))


def comb(n: Fraction, k: Fraction) -> Fraction:
    of, chosen = _within(n, MOST_BITS), _within(k, MOST_BITS)
    if of < 0 or chosen < 0:
        raise ToolError("comb counts choices: both numbers must be at least 0")
    return Fraction(math.comb(of, chosen))


def _whole(function: Callable[..., int]) -> Callable[..., Fraction]:
    def on_integers(*values: Fraction) -> Fraction:
        if any(value.denominator != 1 for value in values):
            raise ToolError(f"{function.__name__} takes whole numbers")
        return Fraction(function(*(value.numerator for value in values)))

    return on_integers


def _measured(function: Callable[[float], float]) -> Callable[[Fraction], Decimal]:
    """A function of the platform's floating point, rounded to what it is sure of."""

    def on_fractions(value: Fraction) -> Decimal:
        try:
            found = function(float(value))
        except ValueError:
            found = math.inf
        if abs(found) > 10**PLACES:  # tan(pi/2) is this large because pi is not quite pi.
            raise ToolError(f"{function.__name__}({float(value):g}) is not defined")
        return Decimal(str(round(found, PLACES)))

    return on_fractions


def total(first: Fraction, *others: Fraction) -> Fraction:
    return sum(others, first)


def mean(first: Fraction, *others: Fraction) -> Fraction:
    return total(first, *others) / (1 + len(others))


CONSTANTS = {
    "pi": Number(Fraction("3.1415926535897932384626433832795028841972"), exact=False),
    "e": Number(Fraction("2.7182818284590452353602874713526624977572"), exact=False),
}
HALF_TURN = CONSTANTS["pi"].value
_OPERATORS: dict[type[ast.AST], Callable[..., Fraction | Decimal]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: lambda a, b: a % b,
    ast.Pow: power,
    ast.UAdd: lambda a: a,
    ast.USub: lambda a: -a,
}
_FUNCTIONS: dict[str, Callable[..., Fraction | Decimal]] = {
    "abs": abs,
    "ceil": lambda value: Fraction(math.ceil(value)),
    "comb": comb,
    "exp": exp,
    "factorial": factorial,
    "floor": lambda value: Fraction(math.floor(value)),
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "ln": ln,
    "log": log,
    "log10": lambda value: log(value),
    "log2": lambda value: log(value, Fraction(2)),
    "max": lambda first, *others: max((first, *others)),
    "mean": mean,
    "min": lambda first, *others: min((first, *others)),
    "round": rounded,
    "sqrt": sqrt,
    "sum": total,
    "degrees": lambda value: real(value * 180 / HALF_TURN),
    "radians": lambda value: real(value * HALF_TURN / 180),
    **{f.__name__: _measured(f) for f in (math.acos, math.asin, math.atan, math.cos, math.sin, math.tan)},
}
OPERATORS = {kind: _on_numbers(function) for kind, function in _OPERATORS.items()}
FUNCTIONS = {name: _on_numbers(function) for name, function in _FUNCTIONS.items()}
