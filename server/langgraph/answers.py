"""Which shape each route of the LangGraph API answers, for /openapi.json."""

from __future__ import annotations

from pydantic import BaseModel

from server.langgraph import more_shapes as more
from server.langgraph.shapes import AssistantObject, StateChanged, StateObject, ThreadObject, ThreadRun

ONE_ASSISTANT, ONE_THREAD = "/assistants/{assistant_id}", "/threads/{thread_id}"
ONE_RUN = f"{ONE_THREAD}/runs/{{run_id}}"
JSON_ANSWERS: dict[str, type[BaseModel]] = {
    "GET /info": more.ServerInfo,
    "GET /ok": more.ServerOk,
    "POST /assistants": AssistantObject,
    "POST /assistants/search": more.Listed,
    "POST /assistants/count": more.Count,
    f"GET {ONE_ASSISTANT}": AssistantObject,
    f"PATCH {ONE_ASSISTANT}": AssistantObject,
    f"POST {ONE_ASSISTANT}/versions": more.Versions,
    f"POST {ONE_ASSISTANT}/latest": AssistantObject,
    f"GET {ONE_ASSISTANT}/graph": more.GraphDrawing,
    f"GET {ONE_ASSISTANT}/schemas": more.GraphSchemas,
    f"GET {ONE_ASSISTANT}/subgraphs": more.Subgraphs,
    f"GET {ONE_ASSISTANT}/subgraphs/{{namespace}}": more.Subgraphs,
    "POST /threads": ThreadObject,
    "POST /threads/search": more.Listed,
    "POST /threads/count": more.Count,
    "POST /threads/prune": more.Pruned,
    f"GET {ONE_THREAD}": ThreadObject,
    f"PATCH {ONE_THREAD}": ThreadObject,
    f"POST {ONE_THREAD}/copy": ThreadObject,
    f"GET {ONE_THREAD}/state": StateObject,
    f"POST {ONE_THREAD}/state": StateChanged,
    f"GET {ONE_THREAD}/state/{{checkpoint_id}}": StateObject,
    f"POST {ONE_THREAD}/state/checkpoint": StateObject,
    f"POST {ONE_THREAD}/history": more.States,
    f"GET {ONE_THREAD}/history": more.States,
    f"POST {ONE_THREAD}/runs": ThreadRun,
    f"GET {ONE_THREAD}/runs": more.Listed,
    f"POST {ONE_THREAD}/runs/wait": more.Values,
    f"GET {ONE_RUN}": ThreadRun,
    f"GET {ONE_RUN}/join": more.Values,
    "POST /runs": ThreadRun,
    "POST /runs/wait": more.Values,
    "POST /runs/batch": more.Runs,
    "GET /store/items": more.StoreItem,
    "POST /store/items/search": more.StoreItems,
    "POST /store/namespaces": more.Namespaces,
}
ONLY_STREAMED = frozenset({f"POST {ONE_THREAD}/runs/stream", f"GET {ONE_RUN}/stream", "POST /runs/stream"})
REASONS = {
    "401": "The API key is missing or wrong.",
    "404": "What the request names does not exist.",
    "409": "It cannot be now: a thread is busy, an id is taken, a run is over.",
    "422": "Something in the request is wrong; `param` names it.",
    "501": "What is asked for is not supported; the message names it.",
    "default": "Any other error: too much at once, a backend that fails, a full disk.",
}
