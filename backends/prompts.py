"""What a model is told where a server cannot hold it to something."""

from __future__ import annotations

SCHEMA_PROMPT = "Answer with one JSON object and nothing else. It must fit this JSON schema:\n{schema}"
