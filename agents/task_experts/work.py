"""From a kind of expert to what carries out its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.task_experts.endpoint import of_endpoint
from agents.task_experts.model import of_model
from agents.task_experts.pipeline import of_pipeline
from agents.task_experts.tool import of_tool

if TYPE_CHECKING:
    from agents.task_experts.base import Expert
    from tools.registry.entry import Kind

EXPERTS: dict[Kind, Expert] = {"tool": of_tool, "pipeline": of_pipeline, "backend": of_model, "url": of_endpoint}
