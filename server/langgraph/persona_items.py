"""Items under `persona_memories`: what is put there is read by a persona as its memory, so it has to be one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from agents.generative_stream import Record
from server.langgraph.messages import invalid
from server.persona_memories import ROOT, key_of

LONGEST = 2_000
"""Characters; no memory that the pipeline makes has more."""
FIELDS = [name for name in Record.model_fields if name != "id"]
MADE_BY = "made_by"
"""The call that made it; "" where a person did."""


def of_persona(namespace: Sequence[str]) -> bool:
    return bool(namespace) and namespace[0] == ROOT


def checked(namespace: Sequence[str], key: str, value: dict[str, Any]) -> dict[str, Any]:
    """The value as it is kept: the memory whole, its times in UTC. Raises ApiError."""
    if len(namespace) != 3:
        raise invalid(
            "namespace", f"has {len(namespace)} labels; memories stand under {ROOT!r}, STREAM or thread, NAME"
        )
    if not (key.isascii() and key.isdigit() and len(key) < 16 and int(key) and key == key_of(int(key))):
        raise invalid("key", "must be a memory's number as it is listed, such as '00000001'")
    given = {name: value[name] for name in value if name != MADE_BY}
    for name in given:
        if name not in FIELDS:
            raise invalid(f"value.{name}", f"is no field of a memory; they are {', '.join([*FIELDS, MADE_BY])}")
    for name in ("text", "kind", "importance", "made", "used"):
        if name not in given:
            raise invalid(f"value.{name}", "is missing; an item is replaced whole: send the memory as it is listed")
    if not isinstance(value.get(MADE_BY, ""), str):
        raise invalid(f"value.{MADE_BY}", "must be a string")
    try:
        record = Record.model_validate_json(json.dumps({**given, "id": int(key)}), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        why = first["msg"].removeprefix("Value error, ").replace("Input should be", "should be")
        raise invalid(f"value.{'.'.join(map(str, first['loc']))}", why) from None
    if not record.text.strip() or len(record.text) > LONGEST:
        raise invalid("value.text", f"has {len(record.text.strip())} characters; it must have 1 to {LONGEST}")
    return {**record.model_dump(mode="json", exclude={"id"}), MADE_BY: value.get(MADE_BY, "")}
