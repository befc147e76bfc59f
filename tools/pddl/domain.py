"""Reading a domain: its types, predicates and actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tools.pddl.formulas import Scope, typed
from tools.pddl.syntax import Group, Node, Word, group, read, sections, word, written, wrong
from tools.pddl.values import OBJECT, Action, Atom, Domain, Literal, Typed

PARTS = (":requirements", ":types", ":constants", ":predicates", ":functions", ":action")
OF_AN_ACTION = (":parameters", ":precondition", ":effect")


def read_domain(text: str) -> Domain:
    """Raises PlanningError."""
    name, parts = sections(read(text, "domain"), "domain")
    for part in parts:
        if part.head not in PARTS:
            wrong(part, f"({part.head} ...) is beyond what is read here: {', '.join(PARTS)}", "unsupported")
    found = {part.head: part for part in parts if part.head != ":action"}
    types = _types(found.get(":types"))
    constants = {
        one.name: _one_type(one, at)
        for one, at in _distinct(typed(_inner(found, ":constants"), types, "a constant"), "constant")
    }
    predicates = dict(_declared(_inner(found, ":predicates"), types, "predicate"))
    functions = dict(_functions(_inner(found, ":functions"), types))
    domain = Domain(name, types, constants, predicates, functions, {})
    actions: dict[str, Action] = {}
    for part in parts:
        if part.head == ":action":
            action = _action(domain, part)
            if action.name in actions:
                wrong(part, f"there is a second action {action.name!r}")
            actions[action.name] = action
    return replace(domain, actions=actions)


def _inner(found: Mapping[str, Group], part: str) -> tuple[Node, ...]:
    return found[part].items[1:] if part in found else ()


def _types(part: Group | None) -> dict[str, str]:
    """Each type with the one above it. Raises PlanningError for circles, and for a type of two kinds."""
    types: dict[str, str] = {}
    mentioned: dict[str, Word] = {}
    for one, at in typed(part.items[1:] if part else (), None, "a type"):
        parent = _one_type(one, at)
        mentioned.setdefault(parent, at)
        if one.name == OBJECT:
            continue  # It is there without being declared.
        known = types.get(one.name, OBJECT)
        if OBJECT not in (known, parent) and known != parent:
            wrong(at, f"the type {one.name!r} is of two kinds, {known} and {parent}", "unsupported")
        types[one.name] = known if parent == OBJECT else parent  # Everything is an object besides.
    for parent in mentioned:
        if parent != OBJECT:
            types.setdefault(parent, OBJECT)
    for name in types:
        above, seen = name, set[str]()
        while above != OBJECT:
            if above in seen:
                wrong(part or Group((), "the domain"), f"the type {name!r} is a kind of itself")
            seen.add(above)
            above = types[above]
    return types


def _one_type(one: Typed, at: Word) -> str:
    if len(one.types) > 1:
        wrong(at, f"{one.name!r} must have one type, not one of several", "unsupported")
    return one.types[0]


def _distinct(found: Iterator[tuple[Typed, Word]], what: str) -> Iterator[tuple[Typed, Word]]:
    seen: set[str] = set()
    for one, at in found:
        if one.name in seen:
            wrong(at, f"there is a second {what} {one.name!r}")
        seen.add(one.name)
        yield one, at


def _parameters(nodes: tuple[Node, ...], types: Mapping[str, str]) -> tuple[Typed, ...]:
    found = tuple(_distinct(typed(nodes, types, "a variable"), "variable"))
    for one, at in found:
        if not one.name.startswith("?"):
            wrong(at, f"the variable {one.name!r} must begin with '?'")
    return tuple(one for one, _ in found)


def _declared(nodes: tuple[Node, ...], types: Mapping[str, str], what: str) -> Iterator[tuple[str, tuple[Typed, ...]]]:
    seen: set[str] = set()
    for node in nodes:
        whole = group(node, f"a {what}")
        if not whole.head:
            wrong(whole, f"{written(whole)} stands where a {what} should")
        if whole.head in seen:
            wrong(whole, f"there is a second {what} {whole.head!r}")
        seen.add(whole.head)
        yield whole.head, _parameters(whole.items[1:], types)


def _functions(nodes: tuple[Node, ...], types: Mapping[str, str]) -> Iterator[tuple[str, tuple[Typed, ...]]]:
    """`(distance ?a ?b - place) - number`: of what kind its value is may be said, and is always a number."""
    kept = [node for node in nodes if not (isinstance(node, Word) and node.text in ("-", "number"))]
    yield from _declared(tuple(kept), types, "function")


def _action(domain: Domain, part: Group) -> Action:
    if len(part.items) < 2:
        wrong(part, "an action needs a name")
    name, rest = word(part.items[1], "the action's name"), part.items[2:]
    found: dict[str, Node] = {}
    for key, value in zip(rest[::2], rest[1::2], strict=False):
        label = word(key, f"one of {', '.join(OF_AN_ACTION)}")
        if label not in OF_AN_ACTION or label in found:
            why = "stands there twice" if label in found else f"is none of {', '.join(OF_AN_ACTION)}"
            wrong(key, f"{label!r} of the action {name!r} {why}", "syntax")
        found[label] = value
    if len(rest) % 2:
        wrong(rest[-1], f"{written(rest[-1])} of the action {name!r} has no value")
    parameters = _parameters(group(found.get(":parameters", Group((), part.place)), "parameters").items, domain.types)
    names = {one.name: one.types for one in parameters} | {c: (kind,) for c, kind in domain.constants.items()}
    scope = Scope(
        domain, names, f"the action {name!r} has no such parameter; an object needs (:constants {{name}} ...)"
    )
    condition = tuple(scope.condition(found.get(":precondition", Group((), part.place))))
    effects = list(scope.effects(found.get(":effect", Group((), part.place))))
    literals = [effect for effect in effects if isinstance(effect, Literal)]
    return Action(
        name,
        parameters,
        condition,
        adds=tuple(effect.atom for effect in literals if effect.positive),
        deletes=tuple(effect.atom for effect in literals if not effect.positive),
        cost=tuple(effect for effect in effects if isinstance(effect, int | Atom) and not isinstance(effect, Literal)),
    )
