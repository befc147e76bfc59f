"""Items that a single event of a run tells of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.events import Question
    from backends.base import ToolCall
    from retrieval.base import Hit


def result(hit: Hit) -> dict[str, Any]:
    return {
        "file_id": hit.file_id,
        "filename": hit.filename,
        "score": hit.score,
        "text": hit.text,
        "attributes": hit.attributes,
    }


def called(call: ToolCall, id: str) -> dict[str, Any]:
    wanted_back = {name: value for name, value in call.extra.items() if name == "extra_content"}
    return {
        "id": id,
        "type": "function_call",
        "status": "completed",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        **wanted_back,
    }


def asked(question: Question, id: str) -> dict[str, Any]:
    """What a run waits to be allowed, in the one form that OpenAI has for it: a call that wants approval."""
    value = question.value if isinstance(question.value, dict) else {"subject": str(question.value)}
    return {
        "id": id,
        "type": "mcp_approval_request",
        "server_label": "sandtable",
        "name": str(value.get("subject", "")),
        "arguments": json.dumps(value.get("details", {}), ensure_ascii=False),
        "question_id": question.id,
    }
