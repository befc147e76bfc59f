"""Items as they are kept and shown: the client's, with ids of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.errors import bad_request
from server.openai.chat_messages import image
from server.openai.responses.item_schema import (
    CallItem,
    CallOutputItem,
    MessageItem,
    OtherItem,
    QuestionItem,
    ReasoningItem,
    SearchItem,
)
from server.openai.responses.part_schema import InputFile, InputImage

if TYPE_CHECKING:
    from server.openai.responses.part_schema import Part

Kept = dict[str, Any]
Given = MessageItem | CallItem | CallOutputItem | ReasoningItem | SearchItem | QuestionItem | OtherItem


def kept(item: Given, id: str, where: str) -> Kept:
    """The item as the API shows it. Raises ApiError for a kind that nothing here could use."""
    if isinstance(item, OtherItem) and item.type == "mcp_approval_response":
        message = (
            f"{where} answers a run: send it to POST /v1/runs/RUN_ID/resume, with `sandtable.run_id` of the response."
        )
        raise bad_request(message, f"{where}.type", "unsupported_parameter")
    if isinstance(item, OtherItem):
        message = f"{where} is {item.type!r}, which no pipeline here makes or reads."
        raise bad_request(message, f"{where}.type", "unsupported_parameter")
    shown = item.model_dump(mode="json", exclude_none=True) | {"id": id, "status": "completed"}
    match item:
        case MessageItem():
            shown["content"] = _parts(item.content, item.role == "assistant", f"{where}.content")
        case CallOutputItem() if isinstance(item.output, list):
            shown["output"] = _parts(item.output, False, f"{where}.output")
        case ReasoningItem() | QuestionItem():
            shown.pop("status")
    return shown


def _parts(content: str | list[Part], said: bool, where: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [output_text(content) if said else {"type": "input_text", "text": content}]
    shown = []
    for n, part in enumerate(content):
        if isinstance(part, InputFile):
            message = f"{where}[{n}] is a file: put it into a vector store, and ask a pipeline that searches it."
            raise bad_request(message, f"{where}[{n}]", "unsupported_parameter")
        one = part.model_dump(mode="json", exclude_none=True)
        one |= {"annotations": one.get("annotations", [])} if part.type == "output_text" else {}
        if isinstance(part, InputImage):
            param = f"{where}[{n}].image_url"
            if not part.image_url:
                message = f"{param!r} is missing: an image is a data: or https: URL here, not a file's id."
                raise bad_request(message, param, "unsupported_parameter")
            image(part.image_url, part.detail, param)
            one |= {"detail": part.detail or "auto"}
        shown.append(one)
    return shown


def output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}
