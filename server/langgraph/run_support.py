"""What of a run's request there is not, refused by name."""

from __future__ import annotations

from typing import Any

from server.langgraph.route import not_supported
from server.langgraph.run_schema import RunCreate

UNSUPPORTED_MODES = frozenset({"events", "tasks", "debug", "tools", "lifecycle"})


NOT_HERE = {
    "webhook": "A webhook",
    "feedback_keys": "Feedback",
    "after_seconds": "A run that begins later",
    "langsmith_tracer": "Tracing to LangSmith",
}


def refuse_unsupported(body: RunCreate) -> None:
    """Raises ApiError (501) for the first field that asks for what there is not."""
    for name, what in NOT_HERE.items():
        if getattr(body, name):
            raise not_supported(what, name)
    check_modes(modes_of(body.stream_mode), "stream_mode")
    if body.on_completion == "delete":
        raise not_supported("'delete'", "on_completion", "delete the thread when you have read its run")
    if body.durability == "exit" or body.checkpoint_during is False:
        name = "durability" if body.durability else "checkpoint_during"
        raise not_supported(f"{body.durability or False!r}", name, "every step is stored before the next begins")
    if body.command is not None and body.command.graph is not None:
        raise not_supported("A command to another graph", "command.graph")


def modes_of(given: str | list[Any] | None) -> list[str]:
    listed = [given] if isinstance(given, str) else list(given or ())
    return list(dict.fromkeys(listed)) or ["values"]


def check_modes(modes: list[str], where: str) -> None:
    for mode in modes:
        if mode in UNSUPPORTED_MODES:
            raise not_supported(
                f"The stream mode {mode!r}", where, "use values, updates, messages, custom, checkpoints"
            )
