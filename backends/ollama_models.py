"""What Ollama says of its models."""

from __future__ import annotations

import json
from typing import Any

from backends.base import Capability
from backends.exchange import accepted
from backends.http import Http
from backends.probe import Finding
from backends.profiles import Profile
from backends.secret import Secrets

NAMES: dict[Capability, str] = {"tools": "tools", "images": "vision"}


async def told(capability: Capability, profile: Profile, model: str) -> Finding | None:
    """What `/api/show` says about tools or images of a model; None: nothing (servers before 0.6.4, other capabilities).

    Raises BackendError when the server cannot be asked.
    """
    if capability not in NAMES or profile.base_url is None:
        return None
    http = Http(
        profile.base_url,
        profile.request_headers(),
        connect_timeout=profile.connect_timeout,
        read_timeout=profile.read_timeout,
    )
    with Secrets(profile.secrets()).hidden_in_errors():
        try:
            async with accepted(http, "api/show", {"model": model}) as reply:
                body = await reply.read()
        finally:
            await http.aclose()
    found = _capabilities(body)
    if found is None:
        return None
    works = NAMES[capability] in found
    return Finding(works=works, detail=f"Ollama says that the model can do: {', '.join(found) or 'nothing'}")


def _capabilities(body: bytes) -> list[str] | None:
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = said.get("capabilities") if isinstance(said, dict) else None
    return [str(name)[:40] for name in found] if isinstance(found, list) else None
