"""How a request wants its text sampled, in the words of one server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.base import Request
from backends.profiles import Parameter, Profile


def parameters(
    request: Request, profile: Profile, names: Mapping[Parameter, str | None]
) -> tuple[dict[str, Any], list[str]]:
    """The fields to send, and a warning for each that this server does not take.

    `names`: the wire format's names of the parameters; one that it does not have is None or not among them. The
    profile's go before them.
    """
    asked: dict[Parameter, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens or profile.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "logit_bias": None if request.logit_bias is None else dict(request.logit_bias),
        "reasoning_effort": request.reasoning_effort,
        "parallel_tool_calls": request.parallel_tool_calls if offers_tools(request) else None,
    }
    named = {**names, **profile.flags.names}
    given = {name: value for name, value in asked.items() if value is not None}
    warnings = [
        f"{profile.name!r} does not take {name!r}: it was left out" for name in given if named.get(name) is None
    ]
    return {sent: value for name, value in given.items() if (sent := named.get(name)) is not None}, warnings


def offers_tools(request: Request) -> bool:
    return bool(request.tools) and request.tool_choice != "none"
