"""All records of an owner as a document."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents.memory.formats import natural, rows

if TYPE_CHECKING:
    from agents.memory.settings import Format
    from agents.memory.store import Kept

LINES = "application/x-ndjson"
MEDIA_TYPES = {"natural": "text/plain", "rows": "text/csv", "list": LINES, "embeddings": LINES}


def exported(kept: Sequence[Kept], format: Format) -> str:
    """`natural` and `rows` as a model is told them; `list` and `embeddings`: a JSON object a line, with all fields.

    `embeddings` adds the vector, base64 of its float32 as `/v1/embeddings` gives it, and what made it.
    """
    if format in ("natural", "rows"):
        text = (natural if format == "natural" else rows)([one.record for one in kept])
        return f"{text}\n" if text else ""
    return "".join(f"{json.dumps(_whole(one, format == 'embeddings'), ensure_ascii=False)}\n" for one in kept)


def _whole(kept: Kept, with_vector: bool) -> dict[str, object]:
    about = kept.record.model_dump(mode="json", exclude={"forgotten"})
    if not with_vector:
        return about
    vector = base64.b64encode(kept.vector).decode() if kept.vector else None
    return {**about, "embedding": vector, "embedded_by": kept.embedded_by}
