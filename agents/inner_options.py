"""Options of a pipeline that another one runs, read as the HTTP API reads a pipeline's own."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from agents import catalog
from agents.field_names import fields_beside, place_of
from agents.pipeline import Options


def read_options(pipeline: str, given: dict[str, Any], context: Any = None) -> Options:
    """Raises ValueError that names the option, UnknownPipeline, BadPipeline."""
    kind = catalog.get(pipeline).options
    try:
        return kind.model_validate_json(json.dumps(given), strict=True, context=context)
    except ValidationError as error:
        first = error.errors()[0]
        key = place_of(first["loc"])
        if first["type"] == "extra_forbidden":
            names = ", ".join(fields_beside(kind, first["loc"])) or "none"
            has = "it has" if len(first["loc"]) == 1 else "there may be"
            raise ValueError(f"{pipeline!r} has no option {key!r}; {has} {names}") from None
        what = repr(key) if key else "the options"
        raise ValueError(f"{what} of {pipeline!r}: {first['msg'].removeprefix('Value error, ')}") from None
