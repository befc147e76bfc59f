"""What is hard about agents, measured on tiny made data over HTTP: prompts, context, the boundary of knowledge, cost.

Each part is a command, `sandtable eval`, against the service; the demo shows the command and what it found. Without
`--backend` the model's part in prompts and cost is a script, which this demo says, and the boundary of knowledge is
that of `extractive`, which quotes. The wordings, the filters, the scores and the sums are real.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from demos import show
from demos.service import LOOPBACK, DemoFailed, call, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")
DATA = Path(__file__).with_name("challenges")
SECONDS = 600
PRICES = {"input": 0.15, "output": 0.6}
"""For a million tokens; made up, as the demo says."""
SHOWN_BUDGETS = (250, 500, 1_000)


class Place(NamedTuple):
    url: str
    folder: Path
    """For the answers that the commands keep, and their configuration."""
    backend: str | None
    quoting: str | None
    """The backend of the part about sources."""


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every part was measured. `keep`: the collection stays."""
    quoting = backend
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend, quoting = f"scripted:{SCRIPT}", "extractive"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, tempfile.TemporaryDirectory() as folder:
            place = Place(base_url, Path(folder), backend, quoting)
            config = {"prices": {backend or "*": PRICES}} | ({"api_key": api_key} if api_key else {})
            (place.folder / "sandtable.toml").write_text(toml(config), "utf-8")
            return tell(client, place, console, keep)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, place: Place, console: Console, keep: bool) -> int:
    show.section(console, "Prompt robustness: three problems, put in other wordings, forms and words")
    failed = prompts(measure(console, place, "prompt-robustness", "-o", "task=gsm8k", data="problems"), console)
    show.section(console, "Cost: what a solved problem costs, answered at once or thought through")
    strategies = ("-o", "task=gsm8k", "-o", 'strategies=["chat", "cot"]')
    failed += cost(measure(console, place, "cost", *strategies, data="problems"), console)
    show.section(console, "Knowledge boundary: four questions, one of them in Chinese, by what the sources hold")
    found = measure(console, place._replace(backend=place.quoting), "knowledge-boundary", data="lighthouses")
    failed += boundary(found, console)
    if not keep:
        remove(client, found["collection"])
    show.section(console, "Context length: what is left of a conversation of 120 turns within so many words")
    context(measure(console, place._replace(backend=None), "context-length", data="talks"), console)
    show.section(console, "Result")
    told = f"Four checks were measured; runs that failed: {failed}."
    show.line(console, told, "bold red" if failed else "green")
    return 1 if failed else 0


def measure(console: Console, place: Place, study: str, *options: str, data: str) -> dict[str, Any]:
    """Run `sandtable eval` and read what it found. Raises DemoFailed."""
    quoted = (f"'{one}'" if '"' in one else one for one in options)
    shown = " ".join(("sandtable", "eval", study, *quoted, "--data", f"demos/challenges/{data}"))
    by = f" -b {place.backend.replace(str(SCRIPT), f'demos/{SCRIPT.name}')}" if place.backend else ""
    show.line(console, f"$ {shown}{by}", "dim")
    at = ["--url", place.url, "--data-dir", str(place.folder), "--config", str(place.folder / "sandtable.toml")]
    asked = [study, *options, "--data", str(DATA / data), *(["-b", place.backend] if place.backend else [])]
    command = [sys.executable, "-m", "server.cli.main", "eval", *asked, *at, "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise DemoFailed(f"{shown} was not ready within {SECONDS} s") from None
    if done.returncode:
        raise DemoFailed(f"{shown}: {(done.stdout + done.stderr).strip()[-600:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def prompts(found: dict[str, Any], console: Console) -> int:
    forms = list(dict.fromkeys(row["form"] for row in found["cells"]))
    rows = []
    for wording in dict.fromkeys(row["wording"] for row in found["cells"]):
        scores = {row["form"]: row["score"] for row in found["cells"] if row["wording"] == wording}
        rows.append((wording, *(f"{scores[form]:.2f}" for form in forms)))
    show.table(console, ("wording", *forms), rows, right=forms)
    for kind, one in {"all cells": found, **found["by_kind"]}.items():
        told = ", ".join(f"{name} {one[name]:.2f}" for name in ("mean", "worst", "best", "spread"))
        show.line(console, f"{kind}: {told}")
    return int(found["failed"])


def cost(found: dict[str, Any], console: Console) -> int:
    spent = ("calls", "tokens", "cost")
    rows = [
        (row["strategy"], f"{row['solved']:g} of {found['items']}",
         *(f"{figure(row['per_solved'][one])} ({figure(row['total'][one])})" for one in spent))
        for row in found["strategies"]
    ]  # fmt: skip
    show.table(console, ("strategy", "solved", *spent), rows)
    show.line(
        console, "Of each solved one, and in brackets of all; prices of 0.15 and 0.6 for a million tokens, made up."
    )
    return sum(row["failed"] for row in found["strategies"])


def boundary(found: dict[str, Any], console: Console) -> int:
    rows = []
    for row in found["conditions"]:
        metrics = {name: f"{one['mean']:.2f}" for name, one in row["metrics"].items()}
        others = "-" if row["noise"] is None else f"{row['noise']['most']:g}"
        told = (metrics.get(name, "-") for name in ("score", "abstained", "follows"))
        rows.append((row["condition"], str(row["items"]), others, *told))
    columns = ("condition", "questions", "other passages", "right", "abstained", "follows a false source")
    show.table(console, columns, rows, right=columns[1:])
    return sum(row["failed"] for row in found["conditions"])


def context(found: dict[str, Any], console: Console) -> None:
    policies = list(dict.fromkeys(row["policy"] for row in found["rows"]))
    recall = {(row["policy"], row["budget"]): row["recall"] for row in found["rows"]}
    rows = [(policy, *(f"{recall[policy, budget]:.2f}" for budget in SHOWN_BUDGETS)) for policy in policies]
    budgets = tuple(map(str, SHOWN_BUDGETS))
    show.table(console, ("evidence kept within words", *budgets), rows, right=budgets)


def figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def remove(client: httpx.Client, store: str) -> None:
    """The collection and its files; what is gone already does not matter."""
    files: list[str] = []
    more: dict[str, Any] = {"limit": 100}
    while True:
        page = call(client, "GET", f"/v1/vector_stores/{store}/files", params=more)
        files += [file["id"] for file in page["data"]]
        if not page["has_more"]:
            break
        more = {"limit": 100, "after": files[-1]}
    with suppress(DemoFailed):
        call(client, "DELETE", f"/v1/vector_stores/{store}")
    for file in files:
        with suppress(DemoFailed):
            call(client, "DELETE", f"/v1/files/{file}")


def toml(config: dict[str, Any], path: Sequence[str] = ()) -> str:
    """Texts, numbers, and tables of them: JSON's texts are TOML's."""
    plain = [f"{name} = {json.dumps(value)}" for name, value in config.items() if not isinstance(value, dict)]
    tables = [
        "\n".join((f"[{'.'.join(map(json.dumps, (*path, name)))}]", toml(value, (*path, name))))
        for name, value in config.items()
        if isinstance(value, dict)
    ]
    return "\n".join((*plain, *tables))
