"""What a person says to a step that asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.errors import BadAnswer
from agents.events import ApprovalAnswered, ApprovalAsked

if TYPE_CHECKING:
    from agents.run import Run

WORDS = {"yes": True, "y": True, "approve": True, "approved": True, "accept": True, "true": True, "ok": True}
WORDS |= {"no": False, "n": False, "deny": False, "denied": False, "reject": False, "false": False}
WORDS |= {"是": True, "同意": True, "批准": True, "否": False, "不": False, "拒绝": False}


class Approval(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    approved: bool
    comment: str = ""
    edit: Mapping[str, Any] | None = None
    """What to do instead, where the step that asked lets itself be changed."""


def answered(given: Any) -> Approval:
    """Read an answer: true or false, a word for either, or an object of Approval's fields. Raises BadAnswer."""
    if isinstance(given, str):
        given = WORDS.get(given.strip().lower(), given)
    if isinstance(given, bool):
        return Approval(approved=given)
    try:
        return Approval.model_validate(given)
    except ValidationError:
        raise BadAnswer(
            f"the answer {str(given)[:200]!r} is not understood: give true or false, or an object with 'approved' "
            "(true or false) and, if you like, 'comment' and 'edit'"
        ) from None


def ask_person(run: Run, subject: str, details: Mapping[str, Any]) -> Approval:
    """As `Run.approve`. Raises GraphInterrupt, BadAnswer."""
    from langgraph.errors import GraphInterrupt
    from langgraph.types import interrupt

    id = run.outlet.question_id()
    try:
        given = interrupt({"subject": subject, "details": dict(details)})
    except GraphInterrupt:
        run.emit(ApprovalAsked, id=id, subject=subject, details=dict(details))
        raise
    approval = answered(given)
    run.emit(ApprovalAnswered, id=id, approved=approval.approved, comment=approval.comment)
    return approval
