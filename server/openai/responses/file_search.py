"""The tool `file_search`: which collection a response searches, and how, as a pipeline takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import catalog
from server.errors import ApiError, bad_request
from server.openai.responses.tool_schema import AllowedChoice, FileSearchTool, NamedChoice, SearchChoice
from server.openai.sandtable import Extension
from server.openai.search import INDEX_ALONE

if TYPE_CHECKING:
    from server.openai.responses.schema import CreateResponse

OPTIONS = {
    "k": "max_num_results",
    "where": "filters",
    "min_score": "ranking_options.score_threshold",
    "rerank": "ranking_options.ranker",
}
"""Options of a pipeline that searches, by the fields of the tool that set them."""


def target_of(body: CreateResponse) -> tuple[str, Extension, dict[str, str]]:
    """The model and the extension with the tool's wishes in them, and for errors: their fields by those of the tool.

    `chat` with this tool is `rag`: the pipeline that searches and answers. Raises ApiError.
    """
    extension = body.sandtable or Extension()
    found = [(n, tool) for n, tool in enumerate(body.tools or ()) if isinstance(tool, FileSearchTool)]
    if not found and _chosen(body):
        message = "'tool_choice' names 'file_search', which is not among 'tools'."
        raise bad_request(message, "tool_choice", "invalid_value")
    if not found or not _wanted(body):
        return body.model, extension, {}
    place, tool = found[0]
    where = f"tools[{place}]"
    _refuse(tool, where, len(found))
    store = tool.vector_store_ids[0]
    name, _, named = body.model.partition(":")
    if name == "chat":
        name = "rag"
    if named not in ("", store) or extension.collection not in (None, store):
        message = (
            f"'{where}.vector_store_ids' names {store!r}, and 'model' or 'sandtable.collection' another collection."
        )
        raise bad_request(message, f"{where}.vector_store_ids", "conflicting_collection")
    options, fields = _options(tool, where, extension, name)
    made = extension.model_copy(update={"collection": store, "options": {**extension.options, **options}})
    return name, made, {"sandtable.collection": f"{where}.vector_store_ids[0]", **fields}


def _chosen(body: CreateResponse) -> bool:
    match body.tool_choice:
        case SearchChoice():
            return True
        case AllowedChoice(tools=tools):
            return any(isinstance(tool, SearchChoice) for tool in tools)
        case _:
            return False


def _wanted(body: CreateResponse) -> bool:
    """Whether the choice of tools leaves the search in."""
    match body.tool_choice:
        case "none" | NamedChoice():
            return False
        case AllowedChoice():
            return _chosen(body)
        case _:
            return True


def _refuse(tool: FileSearchTool, where: str, tools: int) -> None:
    if tools > 1 or len(tool.vector_store_ids) > 1:
        message = "One vector store is searched for a response; put the files into one, or ask for each."
        raise bad_request(message, f"{where}.vector_store_ids", "unsupported_parameter")
    if tool.ranking_options is not None and tool.ranking_options.hybrid_search is not None:
        param = f"{where}.ranking_options.hybrid_search"
        message = (
            f"{param!r} is not supported: how a store joins its searches is set by 'sandtable.index' at its making."
        )
        raise bad_request(message, param, "unsupported_parameter")


def _options(
    tool: FileSearchTool, where: str, extension: Extension, pipeline: str
) -> tuple[dict[str, Any], dict[str, str]]:
    ranking = tool.ranking_options
    asked = {
        "k": tool.max_num_results,
        "where": tool.filters,
        "min_score": ranking.score_threshold if ranking is not None else None,
        "rerank": ranking.ranker if ranking is not None and ranking.ranker not in INDEX_ALONE else None,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    for name in given:
        param = f"{where}.{OPTIONS[name]}"
        if name in extension.options:
            message = f"{param!r} and 'sandtable.options.{name}' say the same: send one of them."
            raise bad_request(message, param, "invalid_value")
        if name not in _taken(pipeline):
            message = f"The pipeline {pipeline!r} has no option {name!r}, which {param!r} would set."
            raise bad_request(message, param, "unsupported_parameter")
    return given, {f"sandtable.options.{name}": f"{where}.{OPTIONS[name]}" for name in given}


def _taken(pipeline: str) -> set[str]:
    return set(catalog.get(pipeline).options.model_fields) if pipeline in catalog.PIPELINES else set(OPTIONS)


def renamed(error: ApiError, fields: dict[str, str]) -> ApiError:
    """The error with the field that the client wrote."""
    param = error.param or ""
    known = next((name for name in fields if param == name or param.startswith(f"{name}.")), None)
    if known is None:
        return error
    shown = fields[known] + param.removeprefix(known)
    message = error.message.replace(known, fields[known])
    return ApiError(error.status, message, param=shown, code=error.code, type=error.type, headers=error.headers)
