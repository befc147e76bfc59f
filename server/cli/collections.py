"""Finding a collection by what the user calls it: its id, or its exact name."""

from __future__ import annotations

from typing import Any

from server.cli.api import Api
from server.cli.failure import CommandFailed


async def find_collection(api: Api, wanted: str) -> dict[str, Any] | None:
    """The collection of this id or name; None if there is none. Raises CommandFailed if several have the name."""
    if wanted.startswith("vs_"):
        try:
            return await api.call("GET", f"/v1/vector_stores/{wanted}")
        except CommandFailed as error:
            if error.status not in (404, 405):
                raise
    named = [store async for store in api.pages("/v1/vector_stores", name=wanted)]
    if len(named) > 1:
        ids = ", ".join(store["id"] for store in named)
        message = f"{len(named)} collections are named {wanted!r}; use one of their ids: {ids}"
        raise CommandFailed(message, param="collection", code="ambiguous_collection")
    return named[0] if named else None


async def existing_collection(api: Api, wanted: str) -> dict[str, Any]:
    """Raises CommandFailed that lists what there is."""
    found = await find_collection(api, wanted)
    if found is not None:
        return found
    names = [label(store) async for store in api.pages("/v1/vector_stores")]
    there_are = f"there are {', '.join(names[:20])}" if names else "there is none yet"
    message = f"no collection {wanted!r} in {api.name}; {there_are}. Make one with `sandtable ingest PATH -c {wanted}`"
    raise CommandFailed(message, param="collection", code="collection_not_found")


async def only_collection(api: Api) -> dict[str, Any]:
    """The collection, if there is exactly one. Raises CommandFailed otherwise."""
    stores = [store async for store in api.pages("/v1/vector_stores")]
    if not stores:
        message = f"there are no documents in {api.name} yet: `sandtable ingest PATH -c NAME` puts some in"
        raise CommandFailed(message, param="collection", code="collection_required")
    if len(stores) > 1:
        names = ", ".join(label(store) for store in stores[:20])
        message = f"there are {len(stores)} collections; choose one with -c: {names}"
        raise CommandFailed(message, param="collection", code="collection_required")
    return stores[0]


def label(store: dict[str, Any]) -> str:
    return str(store["name"] or store["id"])
