"""`sandtable eval knowledge-boundary`: whether answers keep within what the sources say."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.output import stdout_console
from server.cli.study_runs import reports

if TYPE_CHECKING:
    from agents.tasks.boundary_material import Document, Material
    from server.cli.api import Api
    from server.cli.studies import Given

PIPELINE = "rag"
AT_ONCE, BATCH, POLL_SECONDS = 4, 500, 0.1


def measure(given: Given) -> dict[str, Any]:
    """Always by `rag`, whose filters make the conditions; `-o` are options of it."""
    from agents.tasks.base import BadData
    from agents.tasks.boundary import NOISE, Boundary, conditions, counterfactual
    from agents.tasks.boundary_material import material
    from server.cli.eval_runs import Evaluation

    if given.data is None:
        raise click.UsageError("'knowledge-boundary' needs the folder of its data: --data DIR.")
    if given.pipeline not in (PIPELINE, "chat"):
        raise click.UsageError(f"'knowledge-boundary' is made by filters of {PIPELINE!r}: use no other pipeline")
    try:
        found = material(given.data)
    except BadData as error:
        raise CommandFailed(str(error), type="bad_data", wrong_use=True) from None
    made = conditions(found, given.most)
    documents = {**found.documents, **counterfactual(found, given.most)}
    store = asyncio.run(_filled(given, _collection(given.data.name, found), documents))
    evaluation = Evaluation(Boundary(), PIPELINE, given.backend, store, given.options)
    told = reports(given, [(evaluation, condition.items) for condition in made.values()])
    rows = [
        {
            "condition": name, "items": one["items"], "failed": one["failed"], "noise": _spread(condition.noise),
            "metrics": one["metrics"],
        }
        for (name, condition), one in zip(made.items(), told, strict=True)
    ]  # fmt: skip
    most = max((max(condition.noise) for condition in made.values() if condition.noise), default=None)
    return {
        "data": given.data.name, "backend": given.backend, "collection": store, "documents": len(found.documents),
        "conditions": rows, "noise_at_most": most,
        "noise_lacking": [] if most is None else [one for one in NOISE if one > most],
    }  # fmt: skip


def _collection(folder: str, found: Material) -> str:
    """Folders of one name with other texts do not share a collection."""
    told = json.dumps([found.documents, found.asked], ensure_ascii=False)
    return f"eval-boundary-{folder}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _spread(noise: Sequence[int] | None) -> dict[str, float] | None:
    """Passages beside the one that answers, over the questions."""
    return {"least": min(noise), "mean": fmean(noise), "most": max(noise)} if noise else None


async def _filled(given: Given, name: str, documents: Mapping[str, Document]) -> str:
    """Id of the collection, with these documents in it; those of an earlier command are not sent again."""
    from server.cli.collections import find_collection
    from server.cli.connection import connect
    from server.cli.progress import progress

    async with connect(given.where) as api:
        store = str(
            (await find_collection(api, name) or await api.call("POST", "/v1/vector_stores", json={"name": name}))["id"]
        )
        path = f"/v1/vector_stores/{store}"
        there = {file["attributes"].get("document") async for file in api.pages(f"{path}/files", filter="completed")}
        lacking = [id for id in documents if id not in there]
        gate = asyncio.Semaphore(AT_ONCE)
        with progress(len(lacking), given.quiet) as told:
            for start in range(0, len(lacking), BATCH):
                chosen = lacking[start : start + BATCH]
                files = await asyncio.gather(*(_sent(api, gate, id, documents[id]) for id in chosen))
                batch = await api.call("POST", f"{path}/file_batches", json={"files": files})
                while batch["status"] == "in_progress":
                    await asyncio.sleep(POLL_SECONDS)
                    batch = await api.call("GET", f"{path}/file_batches/{batch['id']}")
                    told(start + batch["file_counts"]["completed"])
                if batch["file_counts"]["failed"]:
                    raise CommandFailed(
                        f"{batch['file_counts']['failed']} documents could not be read", type="bad_data"
                    )
    return store


async def _sent(api: Api, gate: asyncio.Semaphore, id: str, document: Document) -> dict[str, Any]:
    async with gate:
        sent = {"file": (f"{id[:100].replace('/', '_')}.txt", document.text.encode(), "text/plain")}
        made = await api.call("POST", "/v1/files", files=sent, data={"purpose": "assistants"})
    return {"file_id": made["id"], "attributes": document.attributes}


def show(found: dict[str, Any]) -> None:
    from rich.table import Table

    console = stdout_console()
    console.print(
        f"{found['data']}: {found['documents']} documents, by rag, {found['backend'] or 'backend as configured'}",
    )
    table = Table(
        "condition", "questions", "others", "right", "95 % interval", "abstained", "follows", box=None,
        pad_edge=False,
    )  # fmt: skip
    for row in found["conditions"]:
        metrics = row["metrics"]
        if "score" not in metrics:
            continue
        score, follows = metrics["score"], metrics.get("follows")
        table.add_row(
            row["condition"], str(row["items"]), _others(row["noise"]), f"{score['mean']:.3f}",
            f"{score['low']:.3f} - {score['high']:.3f}",
            f"{metrics['abstained']['mean']:.3f}" if "abstained" in metrics else "-",
            "-" if follows is None else f"{follows['mean']:.3f}",
        )  # fmt: skip
    console.print(table)
    if found["noise_lacking"]:
        lacking, most = ", ".join(map(str, found["noise_lacking"])), found["noise_at_most"]
        console.print(f"no noise of {lacking}: the data have at most {most} passages without the answer of a question")


def _others(noise: Mapping[str, float] | None) -> str:
    if noise is None:
        return "-"
    return f"{noise['most']:g}" if noise["least"] == noise["most"] else f"{noise['least']:g}-{noise['most']:g}"


def plotted(found: dict[str, Any], path: Path) -> None:
    """Right answers by condition, with their intervals. Raises CommandFailed."""
    from server.cli.picture import blank, intervals

    figure, axes = blank(7, 4)
    rows = [row for row in found["conditions"] if "score" in row["metrics"]]
    scores = [row["metrics"]["score"] for row in rows]
    means = [one["mean"] for one in scores]
    spread = intervals(means, [one["low"] for one in scores], [one["high"] for one in scores])
    axes.bar([row["condition"] for row in rows], means, yerr=spread, capsize=3)
    axes.set_ylim(0, 1)
    axes.set_ylabel("right")
    axes.tick_params(axis="x", rotation=30)
    axes.set_title(f"{found['data']}: rag, {found['backend'] or 'default backend'}, 95 % intervals", size=10)
    figure.savefig(path, dpi=150)
