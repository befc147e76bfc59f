"""What the routes of fine-tuning answer, as models for /openapi.json."""

from __future__ import annotations

from typing import Any, Literal

from server.shapes import Progress, Shape


class TrainingFault(Shape):
    code: str
    message: str
    param: str | None


class TrainingReport(Shape):
    """Ours beside OpenAI's fields; what is not known yet is null."""

    progress: Progress | None
    recipe: dict[str, Any]
    questions: dict[str, int] | None
    training: dict[str, Any] | None
    validation: dict[str, Any] | None
    measured: dict[str, Any] | None
    seconds: float | None


class TrainingJobObject(Shape):
    id: str
    object: Literal["fine_tuning.job"]
    model: str
    created_at: int
    finished_at: int | None
    estimated_finish: int | None
    fine_tuned_model: str | None
    organization_id: str
    result_files: list[str]
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    training_file: str
    validation_file: str | None
    hyperparameters: dict[str, Any]
    method: dict[str, Any]
    trained_tokens: int | None
    seed: int
    integrations: list[Any]
    metadata: dict[str, str] | None
    error: TrainingFault | None
    sandtable: TrainingReport


class TrainingEventObject(Shape):
    id: str
    object: Literal["fine_tuning.job.event"]
    created_at: int
    level: Literal["info", "warn", "error"]
    type: Literal["message", "metrics"]
    message: str
    data: dict[str, Any]


class TrainingCheckpointObject(Shape):
    id: str
    object: Literal["fine_tuning.job.checkpoint"]
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    step_number: int
    metrics: dict[str, Any]
