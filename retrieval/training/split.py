"""Which questions are trained on, choose the weights, and measure: whole groups, never single questions.

Questions belong together if they have the same group, or a right passage in common: a model that has learned where a
passage belongs would be measured on what it has seen.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from retrieval.errors import TrainingRefused
from retrieval.training.examples import Example


class Parts(NamedTuple):
    train: list[Example]
    validation: list[Example]
    held: list[Example]


def split(examples: Sequence[Example], *, validation: float, held: float, seed: int) -> Parts:
    """Raises TrainingRefused where too few groups are there for the parts that are asked for."""
    together = groups(examples)
    random.Random(seed).shuffle(together)
    needed = 2 + (held > 0)
    if len(together) < needed:
        raise TrainingRefused(
            f"the questions fall into {len(together)} groups (of one 'group', or with a right passage in common), and "
            f"{needed} are needed: to train on, to choose the weights by"
            + (", to measure with; a validation file of its own saves the last, as does held=0" if held else ""),
            "training_file",
        )
    measured = _taken(together, held * len(examples)) if held else []
    chosen = _taken(together, validation * len(examples))
    return Parts([one for group in together for one in group], chosen, measured)


def groups(examples: Sequence[Example]) -> list[list[Example]]:
    """The examples that belong together, in the order of their first."""
    above: dict[Hashable, Hashable] = {}

    def top(key: Hashable) -> Hashable:
        above.setdefault(key, key)
        while above[key] != key:
            above[key] = above[above[key]]
            key = above[key]
        return key

    for number, one in enumerate(examples):
        named = [] if one.group is None else [("group", one.group)]
        for key in (*named, *(("passage", text) for text in one.positives)):
            above[top(key)] = top(number)
    found: defaultdict[Hashable, list[Example]] = defaultdict(list)
    for number, one in enumerate(examples):
        found[top(number)].append(one)
    return list(found.values())


def _taken(together: list[list[Example]], wanted: float) -> list[Example]:
    """Take groups of about `wanted` questions out of the list, one at least; one is left."""
    taken: list[Example] = []
    for group in list(together):
        if len(together) > 1 and len(taken) + len(group) <= wanted:
            together.remove(group)
            taken += group
    if not taken:
        smallest = min(together, key=len)
        together.remove(smallest)
        taken = smallest
    return taken
