"""`sandtable train-gate`: a gate of the pipeline `moe`, trained from questions and the expert right for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.options import config_option, data_dir_option, finite, json_option, settings_for
from server.cli.output import emit_json, stdout_console

if TYPE_CHECKING:
    from agents.experts.gate_file import Judged
    from agents.experts.train import Recipe
    from server.settings import Settings


@click.command("train-gate", short_help="Train the gate of a mixture of experts from judged routes.")
@click.argument("name")
@click.argument("routes", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="ROUTES.jsonl")
@click.option(
    "--held", type=click.FloatRange(0, 0.9), callback=finite, default=0.2, show_default=True,
    help="Share of the questions that is kept back to measure with.",
)  # fmt: skip
@click.option("--steps", type=click.IntRange(1, 100_000), default=300, show_default=True, help="Steps of descent.")
@click.option(
    "--balance",
    type=click.FloatRange(0, 100),
    callback=finite,
    default=0.0,
    show_default=True,
    help="Weight of the balance loss.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of what is kept back.")
@data_dir_option
@config_option
@json_option
def train_gate(
    name: str,
    routes: Path,
    *,
    held: float,
    steps: int,
    balance: float,
    seed: int,
    data_dir: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Train the gate of a mixture of experts from judged routes.

    Each line of ROUTES.jsonl is {"question": ..., "expert": ...}. Experts are described by the setting `experts`, the
    built-in ones by themselves, others by their names. The option gate=NAME of `moe` uses it.
    """
    from agents.experts.gate_file import BadGate, path_of, read_routes
    from agents.experts.train import Recipe

    settings = settings_for(config, data_dir=data_dir)
    try:
        path = path_of(settings.data_dir.resolve(), name)
        judged = read_routes(routes)
        found = _trained(settings, path, judged, held, seed, Recipe(steps=steps, balance=balance))
    except BadGate as error:
        raise CommandFailed(str(error), type="bad_gate", code="bad_gate", wrong_use=True) from None
    except OSError as error:
        raise CommandFailed(f"the gate cannot be kept: {error}", type="bad_gate") from None
    if as_json:
        emit_json({"gate": name, "path": str(path), **found})
    else:
        _show(name, found)
    return 0


def _trained(
    settings: Settings, path: Path, judged: list[Judged], held: float, seed: int, recipe: Recipe
) -> dict[str, Any]:
    """Raises BadGate, OSError."""
    from agents.experts.gate_file import BadGate, GateFile
    from agents.experts.training import described_by, fitted
    from retrieval.errors import RetrievalError
    from server.backend_choice import profiles
    from server.embedders import Embedders
    from server.settings import environment

    names = list(dict.fromkeys(route.expert for route in judged))
    if len(names) < 2:
        raise BadGate(f"a gate chooses between experts, and the file names {', '.join(names) or 'none'}: two at least")
    embedders = Embedders(settings.cache(), profiles(settings, environment()))
    try:
        embedder = embedders.load(settings.embedder)
        inputs = embedder.embed([route.question for route in judged], kind="query")
        begin = embedder.embed([described_by(name, settings.experts) for name in names], kind="document")
        print_ = embedder.fingerprint
    except RetrievalError as error:
        raise BadGate(str(error)) from None
    finally:
        embedders.close()
    weights, figures = fitted(inputs, [names.index(route.expert) for route in judged], begin, held, seed, recipe)
    gate = GateFile(embedder=print_, experts=dict(zip(names, weights, strict=True)), figures=figures)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(gate.model_dump_json(), "utf-8")
    temporary.replace(path)
    return {"experts": names, **figures}


def _show(name: str, found: dict[str, Any]) -> None:
    console = stdout_console()
    console.print(f"Gate {name}: {', '.join(found['experts'])}", soft_wrap=True)
    console.print(f"trained on {found['trained_on']:.0f} questions, loss {found['loss']:.3f}")
    if found["held"]:
        console.print(
            f"right on {found['held']:.0f} that were kept back: {found['accuracy']:.3f}, "
            f"by descriptions alone {found['accuracy_before']:.3f}",
            soft_wrap=True,
        )
    console.print(f"Use it: sandtable ask QUESTION -p moe -o gate={name}", soft_wrap=True)
