"""The worked example of RAG's two forms: two documents, two tokens, every probability written down."""

from __future__ import annotations

import math
from collections.abc import Sequence

from backends.causal.backend import Causal
from backends.causal.table import Rule, Table, TableModel
from tests.agents.fakes import Shelf

PRIOR = (0.6, 0.4)
FIRST = ((0.9, 0.1), (0.2, 0.8))
"""By document, the first token."""
AFTER_0 = ((0.1, 0.9), (0.9, 0.1))
AFTER_1 = ((0.5, 0.5), (0.3, 0.7))
NAMES = ("alpha", "beta", "gamma")

Rows = Sequence[Sequence[float]]


def table(first: Rows = FIRST, after_0: Rows = AFTER_0, after_1: Rows = AFTER_1) -> Table:
    """One row for each document; what a row lacks to one ends the answer."""
    rules = [
        Rule(prompt=f"text of {NAMES[z]}", after=after, next={"0": rows[z][0], "1": rows[z][1]})
        for after, rows in (((), first), (("0",), after_0), (("1",), after_1))
        for z in range(len(first))
    ]
    return Table(tokens=("0", "1"), rules=tuple(rules))


def backend(of: Table) -> Causal:
    return Causal("table:two", lambda: TableModel(of))


def shelf(prior: Sequence[float] = PRIOR) -> Shelf:
    """Documents whose scores have this softmax."""
    made = Shelf(*(f"text of {NAMES[z]}" for z in range(len(prior))))
    made.hits = [hit.model_copy(update={"score": math.log(p)}) for hit, p in zip(made.hits, prior, strict=True)]
    return made
