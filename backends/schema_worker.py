"""The process that checks values against schemas, one request after the other. `python -m backends.schema_worker`

A request is JSON `{"value", "schemas"}`, the answer to it `{"problems": [...]}` or, of the first schema that cannot be
used, `{"bad": why, "at": its place}`; before each goes its length (`LENGTH`). A check that takes too much ends it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

LENGTH = struct.Struct("!Q")
MOST_SHOWN = 5
"""Problems named at once: a model that is told twenty mends none of them."""
LONGEST = 300
TOO_DEEP = "the schema or the value is nested too deeply to be checked"


def main(cpu_seconds: float, memory_bytes: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # It ends with its parent, whose end of the pipe then closes.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _answer(b'{"value": {}, "schemas": [{}]}')  # Loads the library, which is part of no check.
    while (request := _frame(requests)) is not None:
        # Computing time, not time by the clock: a busy machine makes no check fail. The signal ends the process even
        # where a regular expression lets Python run nothing else.
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        try:
            answer = json.dumps(_answer(request)).encode()
        except MemoryError:
            os._exit(1)
        signal.setitimer(signal.ITIMER_PROF, 0)
        replies.write(LENGTH.pack(len(answer)) + answer)
        replies.flush()


def _frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    return stream.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def _answer(request: bytes) -> dict[str, Any]:
    found: list[str] = []
    place = 0
    try:
        asked = json.loads(request)
        for schema in asked["schemas"]:
            found = _problems(asked["value"], schema)
            place += 1
    except _Unusable as error:
        return {"bad": str(error), "at": place}
    except RecursionError:
        return {"bad": TOO_DEEP, "at": place}
    except MemoryError:
        raise
    except Exception as error:  # What numbers and patterns can make the library raise, nobody has listed.
        return {"bad": f"a value cannot be checked against the schema: {error!r}"[:LONGEST], "at": place}
    return {"problems": found}


class _Unusable(Exception):
    pass


def _problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
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
        raise _Unusable(f"the schema is not a JSON schema: {_told(error)}") from None
    except Unresolvable as error:
        raise _Unusable(f"the schema refers to {error.ref!r}, which it does not hold") from None


def _told(error: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path).lstrip(".")
    message = " ".join(str(error.message).split())
    return f"{place or 'the value'}: {message if len(message) <= LONGEST else message[:LONGEST] + '…'}"


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
