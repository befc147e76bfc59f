"""What a replay, a fork and the steps of a run look like on the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from server.cli.output import emit_json, one_line, plain, stderr_console, stdout_console

if TYPE_CHECKING:
    from agents.cassette import Cassette

LONGEST = 1_000
"""Characters of a value that differs: a whole prompt would hide where."""


def show_outcome(cassette: Cassette, outcome: dict[str, Any], as_json: bool) -> int:
    """Returns the exit code."""
    if as_json:
        emit_json(outcome)
        return 0 if outcome["identical"] else 1
    run, total = cassette.run, len(cassette.run.events)
    started = run.started
    stderr_console().print(
        f"run {run.run_id} · {run.pipeline} · {started.backend if started else '-'} · "
        f"recorded {run.events[0].at:%Y-%m-%d %H:%M:%S} UTC",
        style="dim",
        soft_wrap=True,
    )
    console = stdout_console()
    if outcome["identical"]:
        text = f"Identical: all {total} events came again, byte for byte, and nothing outside was asked."
        console.print(text, style="green", soft_wrap=True)
        return 0
    found = outcome["first_difference"]
    console.print(f"Not identical: {outcome['events']} of {total} events came again.", style="red")
    console.print(f"First difference: event {found['seq']}", soft_wrap=True)
    if found["field"]:
        console.print(f"  field     {found['field']}", soft_wrap=True)
    for side in ("recorded", "replayed"):
        console.print(f"  {side}  {_value(found[side])}", soft_wrap=True)
    return 1


def show_steps(cassette: Cassette, as_json: bool) -> None:
    from dataclasses import asdict

    from rich.table import Table

    from agents.rounds import rounds

    found = rounds(cassette.run.events)
    if as_json:
        emit_json({"run_id": cassette.run.run_id, "steps": [asdict(step) for step in found]})
        return
    table = Table("step", "nodes", "from event", "model calls", "searches", "tool calls", box=None, pad_edge=False)
    for step in found:
        counts = (step.first, step.model_calls, step.searches, step.tool_calls)
        table.add_row(str(step.number), one_line(", ".join(step.nodes)), *map(str, counts))
    stdout_console().print(table)


def show_fork(recorded: dict[str, Any], fork: dict[str, Any], from_step: int) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("recorded", f"fork from step {from_step}", expand=True)
    rows = [(run["backend"], run["status"]) for run in (recorded, fork)]
    table.add_row(*(Text(f"{backend} · {status}", style="dim") for backend, status in rows))
    table.add_row(*(Text(plain(run["answer"] or "")) for run in (recorded, fork)))
    console = stdout_console()
    console.print(table)
    if recorded["answer"] == fork["answer"]:
        console.print("The answers are the same.")
    stderr_console().print(f"run {fork['id']}, forked from {recorded['id']}", style="dim", soft_wrap=True)


def _value(value: Any) -> str:
    if value is None:
        return "(nothing)"
    text = plain(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
