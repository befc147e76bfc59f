"""Ids of items. A response names its items after its run, `msg_<run><place>`, so that they lead back to it."""

from __future__ import annotations

PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "reasoning": "rs_",
    "file_search_call": "fs_",
    "mcp_approval_request": "mcpr_",
}


def output_id(kind: str, response_id: str, place: int) -> str:
    return f"{PREFIXES[kind]}{response_id.removeprefix('resp_')}{place:04x}"


def input_id(kind: str, response_id: str, place: int) -> str:
    """Outputs are counted with four digits, inputs with five."""
    return f"{PREFIXES[kind]}{response_id.removeprefix('resp_')}{place:05x}"


def response_of(item_id: str) -> str:
    """The response that an item's id is named after; of other ids, one that does not exist."""
    return f"resp_{item_id.partition('_')[2][:32]}"
