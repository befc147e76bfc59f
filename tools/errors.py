"""What can go wrong with a tool, by who is told.

ToolError          told to the model, which can react to it
+-- BadArguments   the arguments do not fit the tool's schema; nothing was called
BadTool            told to the developer: a function that cannot be a tool, or a name that stands for none
+-- BadDocument    told to whoever runs the service: an OpenAPI document, or its setting, that no tools come of
"""

from __future__ import annotations

from typing import Literal

Fault = Literal["unknown_tool", "bad_arguments", "denied", "refused", "timed_out", "broken"]
"""Why a call came to nothing: no such tool; arguments that do not fit; a person said no; a ToolError; too slow; any
other exception, which is a bug of the tool."""


class ToolError(Exception): ...


class BadArguments(ToolError): ...


class BadTool(Exception): ...


class BadDocument(BadTool): ...
