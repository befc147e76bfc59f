"""Tree of thoughts at the Game of 24, over HTTP: the tree that the search made, breadth first and depth first.

Without `--backend` the model's part is a script, which this demo says: the search over what the script proposes and
judges is real, and the answer is checked by the service's calculator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.service import LOOPBACK, DemoFailed, call, connected
from demos.tree import drawn

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")
PUZZLE = "3 3 8 8"
SEARCHES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Breadth first": ("Of each level the b = 2 best go on; a wrong judgement costs one of them.", {"b": 2}),
    "Depth first": (
        "The best goes on until nothing above the threshold is left, then the search goes back.",
        {"search": "dfs", "threshold": 0.001},
    ),
}


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every search ends. What a script says has to be right."""
    scripted = backend is None and urlsplit(base_url).hostname in LOOPBACK
    if scripted:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client:
            right = [searched(client, name, backend, console) for name in SEARCHES]
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1
    show.section(console, "Result")
    good = all(right)
    show.line(console, f"{sum(right)} of {len(right)} searches make 24.", "green" if good else "bold red")
    return 0 if good or not scripted else 1


def searched(client: httpx.Client, name: str, backend: str | None, console: Console) -> bool:
    """Search, draw the tree, and say whether the answer is right."""
    shows, options = SEARCHES[name]
    show.section(console, f"{name}: make 24 of {PUZZLE}")
    show.line(console, shows, "dim")
    extension: dict[str, Any] = {"options": {"problem": "game24", "evaluations": 1, **options}}
    if backend is not None:
        extension["backend"] = backend
    messages = [{"role": "user", "content": PUZZLE}]
    with console.status("Searching..."):
        reply = call(
            client, "POST", "/v1/chat/completions", json={"model": "tot", "messages": messages, "sandtable": extension}
        )
        run = reply["sandtable"]["run_id"]
        events = call(client, "GET", f"/v1/runs/{run}/events", params={"limit": 10_000})["data"]
    show.line(console, "")
    for text, style in drawn(events):
        show.line(console, f"  {text}", style)
    asked = sum(event["type"] == "llm_called" for event in events)
    back = [event["candidate"] for event in events if event["type"] == "backtracked"]
    show.line(console, "")
    answer = reply["choices"][0]["message"]["content"]
    right, why = checked(client, answer)
    show.line(console, f"{answer}", "bold")
    show.line(console, f"  {why}", "green" if right else "bold red")
    steps = f"{show.counted(asked, 'call', 'calls')} of the model, gone back {show.counted(len(back), 'time', 'times')}"
    player = "the script" if backend == f"scripted:{SCRIPT}" else reply["sandtable"]["backend"]
    show.line(console, f"{player}, {steps}, run {run}", "dim")
    return right


def checked(client: httpx.Client, answer: str) -> tuple[bool, str]:
    """Whether the answer uses the four numbers and no other, and what the service's calculator makes of it."""
    expression = answer.rpartition("Answer:")[2].partition("=")[0].strip()
    if sorted(re.findall(r"\d+", expression)) != sorted(PUZZLE.split()):
        return False, "does not use each number of the puzzle once"
    body = {"arguments": {"expression": expression}}
    outcome = call(client, "POST", "/v1/tools/calculator/call", json=body)
    made = str(outcome.get("output", json.dumps(outcome)))
    return made.strip() == "24", f"the numbers are those of the puzzle, and the calculator makes {made} of them"
