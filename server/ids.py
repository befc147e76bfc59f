"""Ids as OpenAI's clients expect them, and UUIDs (version 7, ordered by time) for runs and threads."""

from __future__ import annotations

import secrets


def new_id(prefix: str) -> str:
    """`file-…` for files, `vs_…` and the like for the rest: 96 random bits."""
    return f"{prefix}{secrets.token_hex(12)}"


def new_uuid() -> str:
    from uuid_utils import uuid7

    return str(uuid7())
