"""The work of `sandtable eval`: corpus, judgments, generations, figures, through the service's own routes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product
from typing import Any

from server.cli.api import Api
from server.cli.beir import Task
from server.cli.collections import find_collection
from server.cli.connection import connect
from server.cli.failure import CommandFailed
from server.cli.options import Where
from server.cli.output import note
from server.cli.progress import progress
from server.cli.swap import UNFINISHED, built

AT_ONCE = 4
BATCH = 1_000
POLL_SECONDS = 0.1


async def run(
    where: Where, task: Task, indexes: Sequence[str], embedders: Sequence[str | None], rerank: Sequence[str], k: int,
    most: int | None, quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    async with connect(where) as api:
        store = await _collection(api, task)
        files = await _filled(api, store, task, quiet)
        await _judged(api, store, task, files, most)
        path = f"/v1/vector_stores/{store}/generations"
        rows = []
        for index, embedder in product(indexes, embedders):
            rows.append(await _generation(api, path, index, embedder, quiet))
        await api.call("POST", f"{path}/{rows[0]['id']}/activate", json={"force": True})
        body = {"generations": [row["id"] for row in rows], "k": k, "rerank": list(rerank)}
        judged = await api.call("POST", f"/v1/vector_stores/{store}/evaluate", json=body)
        latest = {row["id"]: await api.call("GET", f"{path}/{row['id']}") for row in rows}
        figures = [{**latest[one["generation"]], "judged": one} for one in judged["data"]]
        return {
            "task": task.name, "vector_store_id": store, "k": k, "documents": len(files),
            "n_queries": judged["n_queries"], "data": figures,
        }  # fmt: skip


async def _collection(api: Api, task: Task) -> str:
    name = f"eval-{task.name}"
    found = await find_collection(api, name)
    return str((found or await api.call("POST", "/v1/vector_stores", json={"name": name}))["id"])


async def _filled(api: Api, store: str, task: Task, quiet: bool) -> dict[str, str]:
    """File ids by document id; what an earlier command has put in is not sent again. Raises CommandFailed."""
    path = f"/v1/vector_stores/{store}"
    there = {f["attributes"].get("document"): f["id"] async for f in api.pages(f"{path}/files", filter="completed")}
    lacking = [id for id in task.corpus if id not in there]
    gate = asyncio.Semaphore(AT_ONCE)
    with progress(len(lacking), quiet) as told:

        async def upload(id: str) -> dict[str, Any]:
            async with gate:
                sent = {"file": (f"{id[:100].replace('/', '_')}.txt", task.corpus[id].encode(), "text/plain")}
                made = await api.call("POST", "/v1/files", files=sent, data={"purpose": "assistants"})
                return {"file_id": made["id"], "attributes": {"document": id}}

        for start in range(0, len(lacking), BATCH):
            some = list(await asyncio.gather(*map(upload, lacking[start : start + BATCH])))
            batch = await api.call("POST", f"{path}/file_batches", json={"files": some})
            while batch["status"] == "in_progress":
                told(start + batch["file_counts"]["completed"])
                await asyncio.sleep(POLL_SECONDS)
                batch = await api.call("GET", f"{path}/file_batches/{batch['id']}")
            if failed := batch["file_counts"]["failed"]:
                note(f"{failed} documents could not be read; they count as not found")
    there = {f["attributes"].get("document"): f["id"] async for f in api.pages(f"{path}/files", filter="completed")}
    return {id: there[id] for id in task.corpus if id in there}


async def _judged(api: Api, store: str, task: Task, files: dict[str, str], most: int | None) -> None:
    path = f"/v1/vector_stores/{store}/judgments"
    await api.call("DELETE", path)
    rows = [
        {"query": task.queries[query], "file_id": files[document], "grade": max(0, min(grade, 10))}
        for query in list(task.queries)[:most]
        for document, grade in task.grades[query].items()
        if document in files
    ]
    if not rows:
        raise CommandFailed("no judged document could be read", code="no_judgments")
    for start in range(0, len(rows), BATCH):
        await api.call("POST", path, json={"judgments": rows[start : start + BATCH]})


async def _generation(api: Api, path: str, index: str, embedder: str | None, quiet: bool) -> dict[str, Any]:
    """One of this index and embedder: what is there is used, if it still is whole."""
    body = {"index": index, **({"embedder": embedder} if embedder is not None else {})}
    async for row in api.pages(path):
        same = row["spec"]["index"] == index and (embedder is None or row["spec"]["embedder"] == embedder)
        if same and row["metrics"] and row["status"] in ("active", "ready", "retired", *UNFINISHED):
            return await built(api, path, row, quiet)
    return await built(api, path, await api.call("POST", path, json=body), quiet)
