"""POST /v1/embeddings: the service's own embedder for anyone who wants the same vectors."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from retrieval.errors import EmbedderMissing
from server.errors import ApiError, bad_request
from server.openai.schema import Body, Text
from server.services import Services, services_of
from server.trained_models import PREFIX as TRAINED

if TYPE_CHECKING:
    from retrieval.base import Embedder

router = APIRouter(tags=["embeddings"])

MOST = 2048
MOST_CHARACTERS = 4_000_000
"""Of one request, all inputs together: some minutes of one core."""


class CreateEmbeddings(Body):
    input: Text | Annotated[list[Text] | list[int] | list[list[int]], Field(min_length=1, max_length=MOST)]
    model: Text
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: Text | None = None
    kind: Literal["query", "document"] = "document"
    """Ours: models that embed questions unlike documents need to know."""


@router.post("/v1/embeddings")
async def create_embeddings(request: Request, body: CreateEmbeddings) -> Response:
    services = services_of(request)
    texts = _texts(body)
    embedder, _ = services.collections.embedder(services.settings.embedder)
    if body.model.startswith(TRAINED):
        embedder = _trained(services, body.model)
    elif body.model not in (embedder.name, services.settings.embedder):
        message = f"No embedding model {body.model!r}; this service has {embedder.name!r}."
        raise ApiError(404, message, param="model", code="model_not_found")
    return Response(await asyncio.to_thread(_embedded, embedder, body, texts), media_type="application/json")


def _trained(services: Services, model: str) -> Embedder:
    try:
        return services.collections.embedder(model)[0]
    except EmbedderMissing as error:
        raise ApiError(404, f"{error}.", param="model", code="model_not_found") from None


def _embedded(embedder: Embedder, body: CreateEmbeddings, texts: list[str]) -> str:
    """The whole reply as JSON: writing a million numbers takes too long for the event loop as well."""
    if body.dimensions is not None and body.dimensions != embedder.dimension:
        message = (
            f"'dimensions' is {body.dimensions}; {embedder.name!r} makes {embedder.dimension} and cannot shorten them."
        )
        raise bad_request(message, "dimensions", "unsupported_parameter")
    vectors = embedder.embed(texts, kind=body.kind)
    count = embedder.count_tokens(texts)
    encode = _base64 if body.encoding_format == "base64" else lambda vector: vector.tolist()
    return json.dumps(
        {
            "object": "list",
            "model": embedder.name,
            "data": [{"object": "embedding", "index": n, "embedding": encode(v)} for n, v in enumerate(vectors)],
            "usage": {"prompt_tokens": count, "total_tokens": count},
        }
    )


def _texts(body: CreateEmbeddings) -> list[str]:
    given = [body.input] if isinstance(body.input, str) else body.input
    texts = [text for text in given if isinstance(text, str)]
    if len(texts) != len(given):
        message = "'input' holds token numbers: they mean nothing without their tokenizer, so send the text itself."
        raise bad_request(message, "input", "unsupported_parameter")
    for n, text in enumerate(texts):
        if not text:
            where = "input" if isinstance(body.input, str) else f"input[{n}]"
            raise bad_request(f"{where!r} is an empty string.", where, "invalid_value")
    if sum(map(len, texts)) > MOST_CHARACTERS:
        raise bad_request(f"'input' has more than {MOST_CHARACTERS} characters in all.", "input", "too_large")
    return texts


def _base64(vector: Any) -> str:
    """Little-endian float32, as OpenAI's clients decode it."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
