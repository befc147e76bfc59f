"""The plan of a piece of research, and a person's part in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.approval import Approval

if TYPE_CHECKING:
    from agents.run import Run

SUBJECT = "the research plan"


class ResearchPlan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: tuple[str, ...] = Field(
        min_length=1, max_length=10, description="What has to be found out in the documents, in the report's order."
    )
    figures: str = Field(default="", description="What has to be computed from tables; empty: nothing.")
    chart: str = Field(default="", description="What chart to draw of these figures; empty: none.")

    def steps(self) -> tuple[str, ...]:
        """As lines for a reader."""
        asked = tuple(f"find out: {question}" for question in self.questions)
        computed = (f"compute: {self.figures}",) if self.figures else ()
        return asked + computed + ((f"draw: {self.chart}",) if self.chart else ())


async def reviewed(run: Run, plan: ResearchPlan) -> tuple[ResearchPlan, Approval]:
    """The plan as a person agreed to it, changed perhaps, and what the person said.

    A change names the fields to change; one that makes no plan is asked about again. Raises GraphInterrupt while
    nobody has answered.
    """
    details: dict[str, Any] = plan.model_dump(mode="json")
    while True:
        approval = await run.approve(SUBJECT, details)
        if not approval.approved or approval.edit is None:
            return plan, approval
        try:
            return changed(plan, approval.edit), approval
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            details = {**plan.model_dump(mode="json"), "problem": f"the changed plan does not fit: {wrong}"}


def changed(plan: ResearchPlan, edit: Mapping[str, Any]) -> ResearchPlan:
    """Raises ValidationError."""
    return ResearchPlan.model_validate({**plan.model_dump(), **edit})
