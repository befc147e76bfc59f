"""Reading a problem: its objects, where they are, and what is wanted of them."""

from __future__ import annotations

from tools.pddl.formulas import TOTAL_COST, Scope, number, typed
from tools.pddl.syntax import Group, group, read, sections, word, written, wrong
from tools.pddl.values import Atom, Domain, Problem

PARTS = (":domain", ":requirements", ":objects", ":init", ":goal", ":metric")


def read_problem(text: str, domain: Domain) -> Problem:
    """Raises PlanningError."""
    whole = read(text, "problem")
    name, parts = sections(whole, "problem")
    found: dict[str, Group] = {}
    for part in parts:
        if part.head not in PARTS:
            wrong(part, f"({part.head} ...) is beyond what is read here: {', '.join(PARTS)}", "unsupported")
        found[part.head] = part
    for needed in (":domain", ":init", ":goal"):
        if needed not in found:
            wrong(whole, f"it has no ({needed} ...)")
    _same_domain(found[":domain"], domain)
    objects = _objects(found.get(":objects"), domain)
    scope = Scope(domain, {name: (kind,) for name, kind in objects.items()}, "name it in (:objects {name} ...)")
    init, values = _init(found[":init"], scope)
    goal = found[":goal"]
    if len(goal.items) != 2:
        wrong(goal, f"{written(goal)} must hold one condition, (and ...) for several")
    minimizes = ":metric" in found and _metric(found[":metric"])
    return Problem(name, domain, objects, init, tuple(scope.condition(goal.items[1])), values, minimizes)


def _same_domain(part: Group, domain: Domain) -> None:
    if len(part.items) != 2 or word(part.items[1], "the domain's name") != domain.name:
        wrong(part, f"{written(part)} is not (:domain {domain.name})", "unknown")


def _objects(part: Group | None, domain: Domain) -> dict[str, str]:
    """With the domain's constants; one that is declared again with the same type is no error."""
    objects = dict(domain.constants)
    seen: set[str] = set()
    for one, at in typed(part.items[1:] if part else (), domain.types, "an object"):
        if len(one.types) > 1:
            wrong(at, f"the object {one.name!r} must have one type", "unsupported")
        if one.name in seen:
            wrong(at, f"there is a second object {one.name!r}")
        if objects.get(one.name, one.types[0]) != one.types[0]:
            wrong(at, f"the object {one.name!r} is a constant of type {objects[one.name]} in the domain", "types")
        seen.add(one.name)
        objects[one.name] = one.types[0]
    return objects


def _init(part: Group, scope: Scope) -> tuple[frozenset[Atom], dict[Atom, int]]:
    facts: set[Atom] = set()
    values: dict[Atom, int] = {}
    for node in part.items[1:]:
        whole = group(node, "a fact")
        if whole.head == "=":
            if len(whole.items) != 3:
                wrong(whole, f"{written(whole)} must be (= (FUNCTION ...) NUMBER)")
            values[scope.function(group(whole.items[1], "a function"))] = number(whole.items[2])
        elif whole.head == "not" and len(whole.items) == 2:
            # What is not said to hold does not hold: to say so is allowed, and adds nothing.
            scope.atom(group(whole.items[1], "a fact"), equality=False)
        else:
            facts.add(scope.atom(whole, equality=False))
    return frozenset(facts), values


def _metric(part: Group) -> bool:
    """Raises PlanningError for any but the one metric that is read."""
    direction, *rest = (part.items[1:]) or (None,)
    if direction is None or len(rest) != 1 or word(direction, "minimize") != "minimize":
        wrong(part, f"{written(part)}: only (:metric minimize (total-cost)) is read", "unsupported")
    if written(rest[0]) not in (f"({TOTAL_COST})", TOTAL_COST):
        wrong(part, f"{written(part)}: only (:metric minimize (total-cost)) is read", "unsupported")
    return True
