"""`sandtable toolformer-filter`: texts into training data with calls of tools in them, those that help a model.

The model that samples and scores runs in this process or behind the backend's server; tools are the service's, called
as `sandtable tool` calls them.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.options import Where, finite, json_option, service_options
from server.cli.output import emit_json, note, stdout_console
from server.cli.own_backend import own_backend

if TYPE_CHECKING:
    from agents.toolformer_sampling import Recipe, Taught
    from backends.base import Backend, ToolSpec
    from server.cli.api import Api


@click.command("toolformer-filter", short_help="Put calls of tools into texts where they help a model.")
@click.argument("texts", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="TEXTS.jsonl")
@click.option("-b", "--backend", required=True, help="Backend that samples and scores, such as `hf:MODEL_OR_PATH`.")
@click.option("-t", "--tool", "tools", multiple=True, required=True, help="Tool to call; may be given several times.")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="Where the kept texts go.",
)  # fmt: skip
@click.option(
    "--tau-s",
    type=click.FloatRange(0, 1),
    callback=finite,
    help="Least probability of a call at a place; the paper's: 0.05.",
)
@click.option(
    "--tau-f", type=float, callback=finite, help="Nats that a result has to take off the loss at least; the paper's: 1."
)
@click.option("-k", "k", type=click.IntRange(1, 1000), help="Places of a text at most; the paper's: 5.")
@click.option("-m", "m", type=click.IntRange(1, 1000), help="Samples at each place; the paper's: 5.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the first sample of each place.")
@click.option(
    "--prompt", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own prompt that asks for calls: a text with {tool} and {text} in it.",
)  # fmt: skip
@click.option("-c", "--collection", help="Name or id of the collection that tools search.")
@json_option
@service_options
def toolformer_filter(
    where: Where,
    texts: Path,
    *,
    backend: str,
    tools: tuple[str, ...],
    out: Path,
    seed: int,
    prompt: Path | None,
    collection: str | None,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Put calls of tools into texts where they help a model.

    Each line of TEXTS.jsonl is {"text": ...}; with "calls": [{"at": 12, "call": "calculator(7 * 18.5)"}] these are
    judged, and none are sampled. A line with what is kept goes to --out: the text with its calls and their results, to
    train on, the text as it was, and the losses. calculator and translate have the paper's own settings.
    """
    from agents.toolformer_sampling import OF_THE_PAPER, Recipe

    rows = list(_rows(texts))
    given = {name: value for name, value in wishes.items() if value is not None} | {"seed": seed}
    recipes = {name: OF_THE_PAPER.get(name, Recipe()).model_copy(update=given) for name in dict.fromkeys(tools)}
    asking = _prompt(prompt)
    model = own_backend(where, backend)
    with _opened(out) as file:
        counts = asyncio.run(_all(where, rows, recipes, model, asking, collection, file))
    if as_json:
        emit_json({"out": str(out), "backend": backend, "texts": len(rows), **counts})
    else:
        _show(out, len(rows), counts)


async def _all(
    where: Where, rows: list[dict[str, Any]], recipes: dict[str, Recipe], backend: Backend,
    asking: Callable[[ToolSpec, str], str], collection: str | None, file: IO[str],
) -> dict[str, int]:  # fmt: skip
    """Raises CommandFailed: for a backend that cannot score at once."""
    from backends.errors import BackendError, CapabilityMissing, ContextLengthExceeded
    from backends.lifetime import close
    from server.cli.connection import connect

    counts = Counter[str]()
    async with connect(where) as api:
        specs = await _specs(api, tuple(recipes))
        try:
            for number, row in enumerate(rows, start=1):
                try:
                    found = await _one(row, specs, backend, recipes, asking, api, collection)
                except ContextLengthExceeded as error:
                    note(f"Text {number} is left out: {error}")
                    counts["too_long"] += 1
                    continue
                counts.update(found.counts)
                if found.kept:
                    counts["texts_kept"] += 1
                    file.write(json.dumps(_kept(row, found), ensure_ascii=False) + "\n")
        except CapabilityMissing as error:
            raise CommandFailed(str(error), type="capability_missing", code=error.code, wrong_use=True) from None
        except BackendError as error:
            raise CommandFailed(str(error), type="backend_error", code=error.code) from None
        finally:
            await close(backend)
    names = ("places", "sampled", "readable", "made", "judged", "kept", "texts_kept", "too_long")
    return {name: counts[name] for name in names}


async def _one(
    row: dict[str, Any], specs: list[ToolSpec], backend: Backend, recipes: dict[str, Recipe],
    asking: Callable[[ToolSpec, str], str], api: Api, collection: str | None,
) -> Taught:  # fmt: skip
    from agents.toolformer_sampling import given, taught

    async def perform(name: str, arguments: str) -> str | None:
        body = {"arguments": arguments, "k": 1} | ({"collection": collection} if collection is not None else {})
        done = await api.call("POST", f"/v1/tools/{name}/call", json=body)
        return str(done["output"]) if done["fault"] is None else None

    if "calls" in row:
        calls = [(call["at"], call["call"]) for call in row["calls"]]
        return await given(row["text"], calls, specs, backend, perform, recipes)
    return await taught(row["text"], specs, backend, perform, recipes, asking)


async def _specs(api: Api, names: tuple[str, ...]) -> list[ToolSpec]:
    """Raises CommandFailed for a tool that is not there, or that asks a person: nobody is asked a thousand times."""
    from backends.base import ToolSpec

    there = {tool["name"]: tool for tool in (await api.call("GET", "/v1/tools"))["data"]}
    for name in names:
        if name not in there:
            message = f"there is no tool {name!r}; there are {', '.join(there)}"
            raise CommandFailed(message, type="bad_tool", code="tool_not_found", wrong_use=True)
        if there[name]["needs_approval"]:
            message = f"the tool {name!r} asks a person before every call: choose tools that only read"
            raise CommandFailed(message, type="bad_tool", code="needs_approval", wrong_use=True)
    fields = ("name", "description", "parameters")
    return [ToolSpec(**{field: there[name][field] for field in fields}) for name in names]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Raises CommandFailed with the line and what is wrong with it."""
    for number, line in enumerate(path.read_text("utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _bad(path, number, f"it is not JSON: {error}") from None
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
            raise _bad(path, number, 'it needs a "text" that is not empty')
        for call in row.get("calls", []):
            fits = isinstance(call, dict) and type(call.get("at")) is int and isinstance(call.get("call"), str)
            if not fits or not 0 <= call["at"] <= len(row["text"]):
                raise _bad(
                    path, number, f'each of "calls" is {{"at": a place in the text, "call": a text}}, not {call!r}'
                )
        yield row


def _bad(path: Path, number: int, why: str) -> CommandFailed:
    return CommandFailed(f"{path}, line {number}: {why}", type="bad_data", code="bad_data", wrong_use=True)


def _prompt(path: Path | None) -> Callable[[ToolSpec, str], str]:
    from agents.toolformer_prompt import asking_for_calls

    if path is None:
        return asking_for_calls
    form = path.read_text("utf-8")
    if "{text}" not in form:
        raise CommandFailed(f"the prompt {str(path)!r} has no {{text}} in it", type="bad_prompt", wrong_use=True)
    return lambda tool, text: form.replace("{tool}", tool.name).replace("{text}", text)


def _opened(out: Path) -> IO[str]:
    try:
        return out.open("w", encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{str(out)!r} cannot be written: {error.strerror}", type="bad_output") from None


def _kept(row: dict[str, Any], found: Taught) -> dict[str, Any]:
    """The line's own fields stay; losses that are infinite are null."""
    calls = [
        {
            **one.candidate.model_dump(exclude={"written"}),
            "call": one.candidate.written,
            "loss": {name: _finite(getattr(one, name)) for name in ("empty", "call", "result")},
            "gain": _finite(one.gain),
        }
        for one in found.kept
    ]
    return {**row, "text": found.text, "source": row["text"], "calls": calls}


def _finite(value: float) -> float | None:
    return round(value, 6) if abs(value) != float("inf") else None


def _show(out: Path, texts: int, counts: dict[str, int]) -> None:
    console = stdout_console()
    stages = ("places", "sampled", "readable", "made", "judged", "kept")
    console.print(", ".join(f"{name} {counts[name]}" for name in stages), soft_wrap=True)
    kept = counts["texts_kept"]
    console.print(f"{kept} of {texts} texts have calls that help: {out}", soft_wrap=True)
