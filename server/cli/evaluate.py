"""The part of `sandtable eval` that is about folders: how well indexes and embedders find what judgments ask for."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from server.cli.beir import SPLIT
from server.cli.options import Where
from server.cli.output import emit_json

F = TypeVar("F", bound=Callable[..., Any])

OF_FOLDERS = ("indexes", "embedders", "rerank", "k", "split")
OF_BOTH = ("task", "most", "plot", "as_json", "url", "api_key", "data_dir", "config")


@dataclass(frozen=True)
class Retrieval:
    indexes: tuple[str, ...]
    embedders: tuple[str, ...]
    rerank: tuple[str, ...]
    k: int
    split: str
    plot: Path | None


def folder_options(command: F) -> F:
    """The options that go with a folder, handed to the command as `retrieval`."""

    @functools.wraps(command)
    def packed(
        *given: Any, indexes: tuple[str, ...], embedders: tuple[str, ...], rerank: tuple[str, ...], k: int, split: str,
        plot: Path | None, **rest: Any,
    ) -> Any:  # fmt: skip
        return command(*given, retrieval=Retrieval(indexes or ("auto",), embedders, rerank, k, split, plot), **rest)

    for option in (
        click.option(
            "--plot",
            type=click.Path(path_type=Path),
            help="Picture, .png or .svg. Folder: recall and nDCG against latency; task: score by trial, with "
            "`-p reflexion`; each study its own.",
        ),
        click.option("--split", default=SPLIT, show_default=True, help="Folder: judgments of qrels/SPLIT.tsv."),
        click.option("-k", "k", type=click.IntRange(1, 50), default=10, show_default=True, help="Folder: results."),
        click.option("--rerank", "rerank", multiple=True, help="Folder: a reranker after each index; repeatable."),
        click.option("-e", "--embedder", "embedders", multiple=True, help="Folder: each with each index; repeatable."),
        click.option("-i", "--index", "indexes", multiple=True, help="Folder: index spec, `auto`; repeatable."),
    ):
        packed = option(packed)
    return packed  # type: ignore[return-value]


def check_options(on_folder: bool) -> None:
    """Raise UsageError for an option that does not go with what is evaluated."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = str(parameter.name)
        fits = name in OF_BOTH or (name in OF_FOLDERS) == on_folder
        if not fits and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            what = "a folder" if on_folder else "a task"
            raise click.UsageError(f"{parameter.opts[0]} does not go with {what}")


def evaluate_folder(where: Where, folder: Path, given: Retrieval, most: int | None, as_json: bool) -> None:
    """Put the corpus into a collection, build each index over it, and measure nDCG, MRR and recall with intervals, each
    against the first by a paired permutation test. The collection stays, so that work is not done twice."""
    from server.cli.beir import read
    from server.cli.eval_run import run
    from server.cli.eval_table import plotted, show

    task = read(folder, given.split)
    found: dict[str, Any] = asyncio.run(
        run(where, task, given.indexes, given.embedders or (None,), given.rerank, given.k, most, as_json)
    )
    if given.plot is not None:
        plotted(found, given.plot)
    if as_json:
        emit_json(found)
    else:
        show(found)
