"""A scripted player of the Game of 24: proposes every step there is, and judges by exact arithmetic, or errs."""

from fractions import Fraction
from functools import cache
from random import Random

from agents.tasks.game24 import numbers_of, solvable, steps
from agents.thoughts.game24 import numbers_left


def player(noise=0.0, seed=0):
    """What a backend of `tot` says. `noise`: how often a judgement is wrong, each by itself; the same for one seed."""

    def reply(request):
        puzzle, stage, state = request.question, request.subject["stage"], request.subject["state"]
        left = tuple(map(Fraction, numbers_left(puzzle, state).split()))
        if stage == "propose":
            return "Answer: " + _expression(puzzle, state) if left == (24,) else _proposals(left)
        good = _solvable(tuple(sorted(left))) if left else not state.rstrip().endswith("0 = 24")
        errs = Random(repr((seed, request.messages[-1].content, request.subject["sample"]))).random() < noise
        return "sure" if good != errs else "impossible"

    return reply


@cache
def _solvable(left):
    return solvable(left)


@cache
def _proposals(left):
    return "\n".join(f"{said} (left: {' '.join(map(str, rest))})" for said, rest in steps(left))


def _expression(puzzle, state):
    """The steps of the state as one expression."""
    made = [(number, str(number)) for number in numbers_of(puzzle)]
    for line in state.strip().split("\n"):
        a, sign, b = line.partition(" = ")[0].split()
        x, y = (made.pop(next(n for n, (value, _) in enumerate(made) if value == Fraction(one))) for one in (a, b))
        value = {"+": x[0] + y[0], "-": x[0] - y[0], "*": x[0] * y[0]}.get(sign)
        made.append((x[0] / y[0] if value is None else value, f"({x[1]} {sign} {y[1]})"))
    return f"{made[-1][1]} = 24"
