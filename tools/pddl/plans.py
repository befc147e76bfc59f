"""Whether a plan does what a problem asks: every step is gone through, and nothing that made the plan is believed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.pddl.values import Action, Atom, Literal, Problem, Step

COMMENT = re.compile(r";[^\n]*")
STEP = re.compile(r"\(([^()]*)\)")
MOST_NAMED = 5


@dataclass(frozen=True)
class Verdict:
    valid: bool
    cost: int
    """Of all steps, or of those before the one that cannot be done."""
    reason: str = ""
    step: int | None = None
    """The first step that cannot be done, counted from 1."""


def read_plan(text: str) -> list[Step]:
    """The steps in a text, `(stack a b)`, one after the other; whatever else stands there is passed over."""
    found = (inner.lower().split() for inner in STEP.findall(COMMENT.sub("", text)))
    return [Step(words[0], tuple(words[1:])) for words in found if words]


def validate(problem: Problem, plan: Sequence[Step]) -> Verdict:
    """Go through the plan from the problem's beginning to its goal."""
    state, cost = set(problem.init), 0
    for number, step in enumerate(plan, start=1):
        wrong = _applied(problem, step, state)
        if isinstance(wrong, str):
            return Verdict(False, cost, f"step {number}, {step}: {wrong}", number)
        cost += wrong
    missing = [literal for literal in problem.goal if not _holds(literal, state)]
    if missing:
        return Verdict(False, cost, f"after the last step the goal does not hold: {_named(missing)}")
    return Verdict(True, cost)


def _applied(problem: Problem, step: Step, state: set[Atom]) -> int | str:
    """Change the state by the step; its cost, or why it cannot be done."""
    action = problem.domain.actions.get(step.action)
    if action is None:
        return f"there is no action {step.action!r}; there are {', '.join(problem.domain.actions)}"
    if (why := _misfit(problem, step, action)) is not None:
        return why
    bound = {parameter.name: value for parameter, value in zip(action.parameters, step.arguments, strict=True)}
    needed = [Literal(literal.atom.bound(bound), literal.positive) for literal in action.condition]
    if missing := [literal for literal in needed if not _holds(literal, state)]:
        return f"it needs {_named(missing)}"
    cost = 1
    if problem.minimizes_cost:
        amounts = [part if isinstance(part, int) else problem.values.get(part.bound(bound)) for part in action.cost]
        if None in amounts:
            return "its cost has no value in the problem"
        cost = sum(amount for amount in amounts if amount is not None)
    state.difference_update(atom.bound(bound) for atom in action.deletes)
    state.update(atom.bound(bound) for atom in action.adds)
    return cost


def _misfit(problem: Problem, step: Step, action: Action) -> str | None:
    if len(step.arguments) != len(action.parameters):
        wanted = " ".join((action.name, *(parameter.name for parameter in action.parameters)))
        return f"it has {len(step.arguments)} arguments, the action is ({wanted})"
    for name, parameter in zip(step.arguments, action.parameters, strict=True):
        if name not in problem.objects:
            return f"there is no object {name!r}"
        if not problem.domain.is_a(problem.objects[name], parameter.types):
            return f"{name!r} is of type {problem.objects[name]}, not {' or '.join(parameter.types)}"
    return None


def _holds(literal: Literal, state: set[Atom]) -> bool:
    atom = literal.atom
    true = atom.arguments[0] == atom.arguments[1] if atom.predicate == "=" else atom in state
    return true is literal.positive


def _named(literals: Sequence[Literal]) -> str:
    more = f" and {len(literals) - MOST_NAMED} more" if len(literals) > MOST_NAMED else ""
    return " ".join(map(str, literals[:MOST_NAMED])) + more
