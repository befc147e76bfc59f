"""Lists of names with types, conditions and effects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tools.pddl.syntax import Group, Node, Word, group, word, written, wrong
from tools.pddl.values import OBJECT, Atom, Domain, Literal, Typed

TOTAL_COST = "total-cost"
BEYOND = frozenset({"or", "imply", "forall", "exists", "when", "preference", "at", "over"})
"""Conditions and effects of other kinds than are read here, unless a predicate is called so."""
NUMBER = re.compile(r"\d{1,15}(\.0+)?")


def typed(nodes: Sequence[Node], known: Mapping[str, str] | None, what: str) -> Iterator[tuple[Typed, Word]]:
    """`a b - t c` as a, b of type t and c of type object. `known`: the types there are; None: any.

    Raises PlanningError.
    """
    waiting: list[Word] = []
    place = 0
    while place < len(nodes):
        node = nodes[place]
        if isinstance(node, Word) and node.text == "-":
            if not waiting or place + 1 == len(nodes):
                wrong(node, "'-' needs names before it and a type after it")
            kinds = _types(nodes[place + 1], known)
            yield from ((Typed(name.text, kinds), name) for name in waiting)
            waiting, place = [], place + 2
            continue
        word(node, what)
        assert isinstance(node, Word)
        waiting.append(node)
        place += 1
    yield from ((Typed(name.text), name) for name in waiting)


def _types(node: Node, known: Mapping[str, str] | None) -> tuple[str, ...]:
    if isinstance(node, Group):
        if node.head != "either" or len(node.items) < 2:
            wrong(node, f"{written(node)} stands where a type should, or (either TYPE ...)")
        names: Sequence[Node] = node.items[1:]
    else:
        names = [node]
    for name in names:
        if known is not None and word(name, "a type") not in known and word(name, "a type") != OBJECT:
            there = ", ".join(known) or "none but object"
            wrong(name, f"there is no type {word(name, 'a type')!r}; there are {there}", "unknown")
    return tuple(word(name, "a type") for name in names)


class Scope:
    """The names that stand for something in one place: variables, constants, objects; each with its types."""

    def __init__(self, domain: Domain, names: Mapping[str, tuple[str, ...]], hint: str) -> None:
        self.domain = domain
        self._names = names
        self._hint = hint
        """How a name that is missing would be declared."""

    def condition(self, node: Node) -> Iterator[Literal]:
        """All that must hold. Raises PlanningError."""
        whole = group(node, "a condition")
        if not whole.items:
            return
        if whole.head == "and":
            for part in whole.items[1:]:
                yield from self.condition(part)
            return
        positive, inner = self._sign(whole)
        yield Literal(self.atom(inner, equality=True), positive)

    def _sign(self, whole: Group) -> tuple[bool, Group]:
        if whole.head != "not":
            return True, whole
        if len(whole.items) != 2:
            wrong(whole, f"{written(whole)} must be (not (PREDICATE ...))")
        inner = group(whole.items[1], "what is denied")
        if inner.head in ("and", "not") and inner.head not in self.domain.predicates:
            wrong(inner, f"only single facts can be denied, not {written(inner)}", "unsupported")
        return False, inner

    def effects(self, node: Node) -> Iterator[Literal | int | Atom]:
        """What becomes true or false, and what it costs. Raises PlanningError."""
        whole = group(node, "an effect")
        if not whole.items:
            return
        if whole.head == "and":
            for part in whole.items[1:]:
                yield from self.effects(part)
        elif whole.head == "increase":
            yield self._increase(whole)
        elif whole.head in ("decrease", "assign", "scale-up", "scale-down"):
            wrong(whole, f"{written(whole)}: of numbers only (increase (total-cost) ...) is read", "unsupported")
        else:
            positive, inner = self._sign(whole)
            yield Literal(self.atom(inner, equality=False), positive)

    def _increase(self, whole: Group) -> int | Atom:
        if len(whole.items) != 3 or group(whole.items[1], "(total-cost)").head != TOTAL_COST:
            wrong(whole, f"{written(whole)}: of numbers only (increase (total-cost) ...) is read", "unsupported")
        amount = whole.items[2]
        return number(amount) if isinstance(amount, Word) else self.function(amount)

    def function(self, whole: Group) -> Atom:
        return self._applied(whole, self.domain.functions, "function")

    def atom(self, whole: Group, *, equality: bool) -> Atom:
        if whole.head == "=" and equality:
            if len(whole.items) != 3:
                wrong(whole, f"{written(whole)}: '=' compares two names")
            return Atom("=", tuple(self._name(node) for node in whole.items[1:]))
        if whole.head in BEYOND and whole.head not in self.domain.predicates:
            wrong(whole, f"({whole.head} ...) is beyond what is read here: facts, not, and, =", "unsupported")
        return self._applied(whole, self.domain.predicates, "predicate")

    def _applied(self, whole: Group, known: Mapping[str, tuple[Typed, ...]], what: str) -> Atom:
        if not whole.head:
            wrong(whole, f"{written(whole)} stands where a {what} should")
        name = whole.head
        if name not in known:
            wrong(whole, f"there is no {what} {name!r}; there are {', '.join(known) or 'none'}", "unknown")
        given, wanted = whole.items[1:], known[name]
        if len(given) != len(wanted):
            shown = " ".join((name, *(one.name for one in wanted)))
            wrong(whole, f"{written(whole)} has {len(given)} arguments, the {what} is ({shown})", "unknown")
        for node, parameter in zip(given, wanted, strict=True):
            self._fits(node, parameter, name)
        return Atom(name, tuple(self._name(node) for node in given))

    def _name(self, node: Node) -> str:
        name = word(node, "a name")
        if name not in self._names:
            wrong(node, f"{name!r} is declared nowhere: {self._hint.format(name=name)}", "unknown")
        return name

    def _fits(self, node: Node, parameter: Typed, name: str) -> None:
        """Raises PlanningError if nothing that the name can stand for is of the parameter's type."""
        kinds = self._names[self._name(node)]
        is_a = self.domain.is_a
        # A variable of a wider type fits for some of its objects, as the standard has it.
        if any(is_a(kind, parameter.types) or any(is_a(wide, (kind,)) for wide in parameter.types) for kind in kinds):
            return
        is_kind, needs = " or ".join(kinds), " or ".join(parameter.types)
        wrong(node, f"{word(node, 'a name')!r} is of type {is_kind}, and {name!r} takes {needs}", "types")


def number(node: Node) -> int:
    """Raises PlanningError for what is no whole number from 0."""
    text = word(node, "a number")
    if not NUMBER.fullmatch(text):
        wrong(node, f"{text!r} is no whole number from 0: costs are", "unsupported")
    return int(text.partition(".")[0])
