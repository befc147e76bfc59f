"""Whether a value fits a JSON schema, and where not. For structured answers and for arguments of tool calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_SHOWN = 5
"""Problems named at once: a model that is told twenty mends none of them."""
LONGEST = 300


class BadSchema(ValueError):
    """The schema itself is not one; the message says where."""


def problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with `value`, worst first, each as `PLACE: what`; [] when it fits.

    The schema's own `$schema` decides the draft, 2020-12 if it has none. `$ref` reaches within the schema only: nothing
    is fetched. Raises BadSchema.
    """
    from jsonschema.exceptions import SchemaError, best_match, relevance
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
        validator = kind(schema, registry=Registry())
        found = sorted(validator.iter_errors(value), key=relevance, reverse=True)
        # Of an anyOf the branch that fits best says more than "is not valid under any".
        return [_told(best_match([error]) or error) for error in found[:MOST_SHOWN]]
    except SchemaError as error:
        raise BadSchema(f"the schema is not a JSON schema: {_told(error)}") from None
    except Unresolvable as error:
        raise BadSchema(f"the schema refers to {error.ref!r}, which it does not hold") from None
    except RecursionError:
        raise BadSchema("the schema or the value is nested too deeply to be checked") from None


def _told(error: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path).lstrip(".")
    message = " ".join(str(error.message).split())
    return f"{place or 'the value'}: {message if len(message) <= LONGEST else message[:LONGEST] + '…'}"
