"""What all events of a trace have in common."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int
    """1, 2, 3, ... within a run, without gaps."""
    at: AwareDatetime
    """When it happened, UTC; the order is that of `seq`."""
    run_id: str
    node: str = ""
    """The step it belongs to, `outer/inner` for a nested graph; empty for the run as a whole."""
    task_id: str = ""
    """LangGraph's id of the step's execution. A step that runs again after a crash keeps it; empty where `node` is."""
