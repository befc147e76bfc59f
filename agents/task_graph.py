"""A plan as a graph of tasks: what is wrong with it, found and named before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Needs = Mapping[int, Collection[int]]
"""Id of a task -> ids of the tasks whose results it needs, in the order of the plan."""


def faults(needs: Needs, names: Mapping[int, str]) -> list[str]:
    """Needs of tasks that there are not, of a task by itself, and in circles; empty: the graph can be carried out."""
    there = ", ".join(map(str, needs)) or "none"
    wrong = [
        f"{_called(id, names)} needs task {need}, which there is not; there are {there}"
        for id, all_ in needs.items()
        for need in all_
        if need not in needs
    ]
    wrong += [f"{_called(id, names)} needs its own result" for id, all_ in needs.items() if id in all_]
    for circle in circles(needs):
        way = " -> ".join(f"{id} ({names[id]})" for id in (*circle, circle[0]))
        wrong.append(f"tasks need each other in a circle: {way}")
    return wrong


def circles(needs: Needs) -> list[tuple[int, ...]]:
    """Circles that share no task, each task followed by one that it needs; empty if and only if there are none."""
    left = {id: {need for need in all_ if need in needs and need != id} for id, all_ in needs.items()}
    found: list[tuple[int, ...]] = []
    _let_go(left, [id for id, all_ in left.items() if not all_])
    while left:
        # Each task that is left needs another that is left, so this walk comes back to where it was.
        way = [next(iter(left))]
        while (then := min(left[way[-1]])) not in way:
            way.append(then)
        found.append(tuple(way[way.index(then) :]))
        _let_go(left, found[-1])
    return found


def _let_go(left: dict[int, set[int]], ids: Collection[int]) -> None:
    """Take the tasks away, and whatever then needs nothing any more."""
    while ids:
        for id in ids:
            del left[id]
        for all_ in left.values():
            all_.difference_update(ids)
        ids = [id for id, all_ in left.items() if not all_]


def waiting_behind(ids: Collection[int], needs: Needs) -> set[int]:
    """The tasks that need one of `ids`, or need one that does."""
    reached = set(ids)
    while more := {id for id, all_ in needs.items() if id not in reached and reached.intersection(all_)}:
        reached |= more
    return reached - set(ids)


def _called(id: int, names: Mapping[int, str]) -> str:
    return f"task {id} ({names[id]})"
