"""A problem as unified-planning holds it.

Not by its own reader of PDDL (1.3): that one refuses `either`, and an action that is called as a predicate is; of the
seven domains of Liu et al. 2023 it reads four. Names are numbers there, whatever they are here: `a3`, `o17`.
"""

from __future__ import annotations

from typing import Any

from tools.pddl.values import OBJECT, Action, Atom, Literal, Problem, Step, Typed


class EngineModel:
    """Built once, in the process that plans; `problem` is for the engine, `steps` reads what it says."""

    def __init__(self, problem: Problem, *, shortest: bool) -> None:
        """`shortest`: where actions have no costs, ask for as few as can be."""
        import unified_planning.shortcuts as up

        self._up, self._source = up, problem
        self._domain = domain = problem.domain
        self.problem = up.Problem("p")
        self._types: dict[str, Any] = {}
        kinds = (OBJECT, *domain.types)
        for kind in kinds:
            self._type(kind, kinds)
        self._objects = {name: up.Object(f"o{n}", self._types[kind]) for n, (name, kind) in _numbered(problem.objects)}
        self.problem.add_objects(self._objects.values())
        self._fluents = {
            name: self._fluent(f"p{n}", name, parameters, up.BoolType(), default=False)
            for n, (name, parameters) in _numbered(domain.predicates)
        }
        self._values = {
            name: self._fluent(f"v{n}", name, parameters, up.IntType(), default=0)
            for n, (name, parameters) in _numbered(domain.functions)
        }
        self._has_value = {
            name: self._fluent(f"h{n}", name, parameters, up.BoolType(), default=False)
            for n, (name, parameters) in _numbered(domain.functions)
        }
        self._one_of: dict[tuple[str, ...], Any] = {}
        self._actions: dict[str, Any] = {}
        costs = {}
        for n, (name, action) in _numbered(domain.actions):
            made, cost = self._action(f"a{n}", action)
            self._actions[name], costs[made] = made, cost
            self.problem.add_action(made)
        self._begin()
        if problem.minimizes_cost:
            self.problem.add_quality_metric(up.MinimizeActionCosts(costs))
        elif shortest:
            self.problem.add_quality_metric(up.MinimizeSequentialPlanLength())

    def steps(self, plan: Any) -> list[Step]:
        """The plan of an engine in the names of the problem."""
        actions = {made.name: name for name, made in self._actions.items()}
        objects = {made.name: name for name, made in self._objects.items()}
        return [
            Step(
                actions[instance.action.name],
                tuple(objects[value.object().name] for value in instance.actual_parameters),
            )
            for instance in plan.actions
        ]

    def _type(self, kind: str, kinds: tuple[str, ...]) -> Any:
        if kind not in self._types:
            above = None if kind == OBJECT else self._type(self._domain.types[kind], kinds)
            self._types[kind] = self._up.UserType(f"t{kinds.index(kind)}", above)
        return self._types[kind]

    def _fluent(self, label: str, name: str, parameters: tuple[Typed, ...], kind: Any, *, default: Any) -> Any:
        wide = _wide_places(self._domain.actions.values(), name, parameters, self._source)
        signature = {
            f"x{place}": self._types[OBJECT if place in wide else parameter.types[0]]
            for place, parameter in enumerate(parameters)
        }
        fluent = self._up.Fluent(label, kind, **signature)
        self.problem.add_fluent(fluent, default_initial_value=default)
        return fluent

    def _action(self, label: str, action: Action) -> tuple[Any, Any]:
        signature = {
            f"x{place}": self._types[parameter.types[0] if len(parameter.types) == 1 else OBJECT]
            for place, parameter in enumerate(action.parameters)
        }
        made = self._up.InstantaneousAction(label, **signature)
        names = {one.name: made.parameter(f"x{place}") for place, one in enumerate(action.parameters)}
        for parameter in action.parameters:
            if len(parameter.types) > 1:
                made.add_precondition(self._either(parameter.types)(names[parameter.name]))
        for literal in action.condition:
            made.add_precondition(self._literal(literal, names))
        added = set(action.adds)
        for atom in action.adds:
            made.add_effect(self._atom(atom, names), True)
        for atom in action.deletes:
            if atom not in added:
                made.add_effect(self._atom(atom, names), False)
        return made, self._cost(action, made, names)

    def _cost(self, action: Action, made: Any, names: dict[str, Any]) -> Any:
        total = self._up.Int(sum(part for part in action.cost if isinstance(part, int)))
        functions = [part for part in action.cost if not isinstance(part, int)]
        if not self._source.minimizes_cost:
            return total
        for part in functions:
            values = self._bound(part, names)
            # What has no value cannot be used: without this the engine would take it for nothing.
            made.add_precondition(self._has_value[part.predicate](*values))
            term = self._values[part.predicate](*values)
            total = term if total.is_constant() and total.constant_value() == 0 else self._up.Plus(total, term)
        return total

    def _either(self, kinds: tuple[str, ...]) -> Any:
        """A fact that holds of all objects of any of these types."""
        if kinds not in self._one_of:
            fluent = self._up.Fluent(f"e{len(self._one_of)}", self._up.BoolType(), x0=self._types[OBJECT])
            self.problem.add_fluent(fluent, default_initial_value=False)
            for name, kind in self._source.objects.items():
                if self._domain.is_a(kind, kinds):
                    self.problem.set_initial_value(fluent(self._objects[name]), True)
            self._one_of[kinds] = fluent
        return self._one_of[kinds]

    def _begin(self) -> None:
        for atom in self._source.init:
            self.problem.set_initial_value(self._atom(atom, {}), True)
        for atom, value in self._source.values.items():
            values = self._bound(atom, {})
            self.problem.set_initial_value(self._values[atom.predicate](*values), value)
            self.problem.set_initial_value(self._has_value[atom.predicate](*values), True)
        for literal in self._source.goal:
            self.problem.add_goal(self._literal(literal, {}))

    def _literal(self, literal: Literal, names: dict[str, Any]) -> Any:
        atom = self._atom(literal.atom, names)
        return atom if literal.positive else self._up.Not(atom)

    def _atom(self, atom: Atom, names: dict[str, Any]) -> Any:
        values = self._bound(atom, names)
        return self._up.Equals(*values) if atom.predicate == "=" else self._fluents[atom.predicate](*values)

    def _bound(self, atom: Atom, names: dict[str, Any]) -> list[Any]:
        return [names.get(name, self._objects.get(name)) for name in atom.arguments]


def _numbered(things: Any) -> Any:
    return enumerate(things.items())


def _wide_places(actions: Any, name: str, parameters: tuple[Typed, ...], problem: Problem) -> set[int]:
    """Where arguments can be of a wider type than is declared, or of any of several."""
    is_a = problem.domain.is_a
    wide = {place for place, parameter in enumerate(parameters) if len(parameter.types) > 1}
    for action in actions:
        kinds = {one.name: one.types for one in action.parameters}
        used = [literal.atom for literal in action.condition]
        used += [*action.adds, *action.deletes, *(part for part in action.cost if not isinstance(part, int))]
        for atom in used:
            if atom.predicate == name:
                for place, argument in enumerate(atom.arguments):
                    given = kinds.get(argument) or (problem.objects[argument],)
                    if len(given) > 1 or not is_a(given[0], parameters[place].types):
                        wide.add(place)
    return wide
