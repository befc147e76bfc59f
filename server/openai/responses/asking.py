"""What a response asks of its run, beside the conversation: tools, a schema, sampling, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.openai.chat_messages import named_schema
from server.openai.chat_schema import ObjectFormat
from server.openai.function_tools import chosen, specs
from server.openai.responses.schema import SchemaFormat
from server.openai.responses.tool_schema import AllowedChoice, FunctionTool, NamedChoice, SearchChoice
from server.openai.sandtable import RunLimits

if TYPE_CHECKING:
    from agents.run import Sampling
    from agents.wishes import Wishes
    from backends.base import ToolSpec
    from server.openai.responses.schema import CreateResponse

PARAMS = {
    "tools": "tools",
    "tool_choice": "tool_choice",
    "parallel_tool_calls": "parallel_tool_calls",
    "json_schema": "text.format",
    "logprobs": "include",
    "images": "input",
}
"""Wishes, and what a backend must be able to do, by the fields that ask for it."""
LOGPROBS = "message.output_text.logprobs"


def wishes_of(body: CreateResponse) -> Wishes:
    """Only what asks for something is set. Raises ApiError."""
    from agents.wishes import Wishes

    asked: dict[str, Any] = {}
    tools, choice = _functions(body)
    if tools and choice != "none":
        asked |= {"tools": tools, "tool_choice": choice}
        asked |= {"parallel_tool_calls": body.parallel_tool_calls} if body.parallel_tool_calls is not None else {}
    match body.text.format if body.text is not None else None:
        case ObjectFormat():
            asked["json_schema"] = {"type": "object"}
        case SchemaFormat() as asked_for:
            schema = named_schema(asked_for.schema_, asked_for.name, asked_for.description, "text.format.schema")
            asked["json_schema"] = schema
        case _:
            pass
    if LOGPROBS in (body.include or ()):
        asked["logprobs"] = body.top_logprobs or 0
    return Wishes(**asked)


def _functions(body: CreateResponse) -> tuple[tuple[ToolSpec, ...], str]:
    given = [(f"tools[{n}]", tool) for n, tool in enumerate(body.tools or ()) if isinstance(tool, FunctionTool)]
    offered = specs(given)
    match body.tool_choice:
        case NamedChoice(name=name):
            return chosen(offered, name)
        case AllowedChoice() as allowed:
            names = [tool.name for tool in allowed.tools if isinstance(tool, NamedChoice)]
            return chosen(offered, allowed.mode if names else "auto", names)
        case SearchChoice():
            return (), "none"
        case "required" if not offered and body.tools:
            return (), "auto"  # The tool that is there searches in any case.
        case word:
            return chosen(offered, word or "auto")


def sampling_of(body: CreateResponse) -> Sampling:
    from agents.run import Sampling

    return Sampling(
        temperature=body.temperature,
        top_p=body.top_p,
        max_tokens=body.max_output_tokens,
        reasoning_effort=body.reasoning.effort if body.reasoning is not None else None,
    )


def limits_of(body: CreateResponse) -> RunLimits | None:
    """The request's own limits, `max_tool_calls` among them."""
    wanted = body.sandtable.limits if body.sandtable is not None else None
    if body.max_tool_calls is None:
        return wanted
    given = wanted or RunLimits()
    least = min(filter(None, (given.tool_calls, body.max_tool_calls)))
    return given.model_copy(update={"tool_calls": least})
