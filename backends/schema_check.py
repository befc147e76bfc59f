"""Whether a value fits a JSON schema, and where not. For structured answers and for arguments of tool calls.

Schemas come from strangers, and values from models that strangers may have told what to say. A schema of a few lines
can ask for a check that lasts for years: references that branch at each step, a pattern that is tried in exponentially
many ways. So checks are made in processes of their own (`backends.schema_worker`): they hold up nobody, and end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backends.schema_processes import CPU_SECONDS, OF_THIS_PROCESS
from backends.schema_worker import TOO_DEEP

TOO_MUCH = (
    f"checking a value against the schema takes more than {CPU_SECONDS:g} seconds of computing or too much memory; use "
    "fewer references that branch, and no pattern with a repetition inside a repetition"
)


class BadSchema(ValueError):
    """The schema itself is not one; the message says where."""


class CostlyCheck(BadSchema):
    """It is one, but whether this value fits it takes too much to find out."""


def problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with `value`, worst first, each as `PLACE: what`; [] when it fits.

    The schema's own `$schema` decides the draft, 2020-12 if it has none. `$ref` reaches within the schema only: nothing
    is fetched. It blocks, for seconds at worst: not to be called on an event loop. Raises BadSchema, CostlyCheck.
    """
    reply = _reply(value, [schema])
    if "bad" in reply:
        raise BadSchema(reply["bad"])
    found: list[str] = reply["problems"]
    return found


def first_bad(schemas: Sequence[Mapping[str, Any]]) -> tuple[int, BadSchema] | None:
    """The place of the first schema that nothing could be held to, and why. Blocks as `problems` does, for all of them
    no longer than that may for one. Raises CostlyCheck."""
    reply = _reply({}, schemas)
    return (reply["at"], BadSchema(reply["bad"])) if "bad" in reply else None


def _reply(value: Any, schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of `backends.schema_worker`. Raises BadSchema, CostlyCheck."""
    try:
        asked = json.dumps({"value": value, "schemas": [dict(schema) for schema in schemas]}).encode()
    except RecursionError:
        raise BadSchema(TOO_DEEP) from None
    except ValueError as error:  # An integer of more digits than Python writes.
        raise BadSchema(f"the schema or the value cannot be written as JSON: {error}") from None
    answer = OF_THIS_PROCESS.answered(asked)
    if answer is None:
        raise CostlyCheck(TOO_MUCH)
    reply: dict[str, Any] = json.loads(answer)
    return reply
