"""The option `document` of `retro`: the file that a text belongs to, which has to be there to be left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.errors import bad_request

if TYPE_CHECKING:
    from agents.pipeline import Options, Pipeline
    from retrieval.pinned import Pinned

WHERE = "sandtable.options.document"


async def check_document(pipeline: Pipeline, options: Options, searched: Pinned | None, param: str = WHERE) -> None:
    """Raises ApiError, of `param`, if the collection has no passage of a file of this name."""
    if pipeline.name != "retro" or searched is None:
        return
    document = options.model_dump(include={"document"})["document"]
    if document is None:
        return
    named = {"type": "eq", "key": "filename", "value": document}
    scope = await searched.collection.scope(named, searched.lane)
    if not scope["allowed"]:
        message = (
            f"Invalid value for {param!r}: the collection has no passages of a file named {document!r}, so nothing "
            "would be left out. Name the file as the collection does, or leave it out."
        )
        raise bad_request(message, param, "invalid_value")
