"""What PDDL says, as values: the part of it known as STRIPS, with types, constants, negative conditions, equality and
action costs (Ghallab et al. 1998, PDDL; Fox and Long 2003, PDDL 2.1). Names are in lower case: PDDL knows no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

OBJECT = "object"
"""The type of everything."""


@dataclass(frozen=True)
class Typed:
    """A parameter, `?x`, or an object; of one type, or of any of several (`either`)."""

    name: str
    types: tuple[str, ...] = (OBJECT,)


class Atom(NamedTuple):
    """`(on ?x b1)`; the predicate `=` is equality."""

    predicate: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join((self.predicate, *self.arguments))})"

    def bound(self, values: Mapping[str, str]) -> Atom:
        return Atom(self.predicate, tuple(values.get(name, name) for name in self.arguments))


class Literal(NamedTuple):
    atom: Atom
    positive: bool = True

    def __str__(self) -> str:
        return str(self.atom) if self.positive else f"(not {self.atom})"


@dataclass(frozen=True)
class Action:
    name: str
    parameters: tuple[Typed, ...]
    condition: tuple[Literal, ...]
    """All must hold."""
    adds: tuple[Atom, ...]
    deletes: tuple[Atom, ...]
    """An atom that is both added and deleted is added."""
    cost: tuple[int | Atom, ...] = ()
    """Summed; an Atom is the value of a function."""


@dataclass(frozen=True)
class Domain:
    name: str
    types: Mapping[str, str]
    """Each with the one that it is a kind of."""
    constants: Mapping[str, str]
    """Each with its type."""
    predicates: Mapping[str, tuple[Typed, ...]]
    functions: Mapping[str, tuple[Typed, ...]]
    actions: Mapping[str, Action]

    def is_a(self, kind: str, wanted: tuple[str, ...]) -> bool:
        """Whether all that is of the one type is of one of the others."""
        while kind != OBJECT:
            if kind in wanted:
                return True
            kind = self.types[kind]
        return OBJECT in wanted


@dataclass(frozen=True)
class Problem:
    name: str
    domain: Domain
    objects: Mapping[str, str]
    """With the constants of the domain; each with its type."""
    init: frozenset[Atom]
    goal: tuple[Literal, ...]
    values: Mapping[Atom, int] = field(default_factory=dict)
    """Of functions."""
    minimizes_cost: bool = False
    """Whether a plan costs what its actions say; else each action costs 1."""


class Step(NamedTuple):
    action: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"({' '.join((self.action, *self.arguments))})"
