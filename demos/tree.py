"""A search tree as lines of text, from the events of its run and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Line = tuple[str, str]
"""Text and style."""


def drawn(events: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Each thought under the one that it goes on from, in the order of making: its last line, its value, its fate."""
    children: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    given_up = {event["candidate"]: event["reason"] for event in events if event["type"] == "pruned"}
    for event in events:
        if event["type"] == "candidate":
            children[event["parent"] or "0"].append(event)
    return list(_below("0", "", children, given_up))


def _below(
    id: str, indent: str, children: Mapping[str, Sequence[Mapping[str, Any]]], given_up: Mapping[str, str]
) -> Iterator[Line]:
    for place, node in enumerate(there := children.get(id, ())):
        last = place == len(there) - 1
        step = node["state"].strip().rpartition("\n")[2] or "(nothing)"
        fate = f"  given up: {given_up[node['id']]}" if node["id"] in given_up else ""
        yield f"{indent}{'└─' if last else '├─'} {step}  [{node['value']:g}]{fate}", "dim" if fate else ""
        yield from _below(node["id"], indent + ("   " if last else "│  "), children, given_up)
