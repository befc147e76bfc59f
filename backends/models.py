"""Which models a server offers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from backends.errors import BadReply, BadSpec, TimedOut
from backends.http import Http
from backends.profiles import Profile
from backends.secret import Secrets
from backends.upstream_errors import reported_error, response_error

# A Sandtable lists its pipelines as models. One that took another, or itself, for a model server would ask in a circle.
OURS = "sandtable"


async def models(profile: Profile, *, seconds: float = 5.0) -> list[str]:
    """The model names that the server of `profile` lists, in its order, within `seconds` in all.

    Asks `GET /models`, Ollama's own API at `GET /api/tags`.

    Raises BadSpec without a base_url, Unreachable, TimedOut, AuthenticationFailed and the like, and BadReply if the
    answer is not a list of models: then it is some other service.
    """
    if profile.base_url is None:
        raise BadSpec(f"backend profile {profile.name!r} has no server to ask for its models: it needs a base_url")
    path = "api/tags" if profile.kind == "ollama" else "models"
    http = Http(profile.base_url, profile.request_headers(), connect_timeout=seconds, read_timeout=seconds)
    with Secrets(profile.secrets()).hidden_in_errors():
        try:
            async with asyncio.timeout(seconds), http.request("GET", path) as reply:
                body = await reply.read()
        except TimeoutError:
            raise TimedOut(f"{http.where} did not list its models within {seconds:g} s") from None
        finally:
            await http.aclose()
        if not 200 <= reply.status < 300:
            raise response_error(http.where, reply.status, reply.headers, body)
        return _names(http.where, body)


def _names(where: str, body: bytes) -> list[str]:
    try:
        listed: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise BadReply(f"{where} did not answer with a list of models but with {body[:80]!r}") from None
    error = reported_error(where, listed) if isinstance(listed, dict) else None
    if error is not None:
        raise error
    entries = listed.get("data", listed.get("models")) if isinstance(listed, dict) else listed
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadReply(f"{where} did not answer with a list of models but with {body[:80]!r}")
    ids = [entry.get("id", entry.get("model")) for entry in entries if entry.get("owned_by") != OURS]
    if not all(isinstance(name, str) and name for name in ids):
        raise BadReply(f"{where} lists models without an id")
    return [str(name) for name in ids]
