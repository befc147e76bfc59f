"""Keeping keys out of messages: servers repeat what they were sent, and their error text goes to users and traces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from backends.errors import BackendError

HIDDEN = "[hidden]"

# What a key looks like when the server has altered ours (shortened, masked with stars): sk-..., gsk_..., Bearer ...
LOOKS_LIKE_KEY = re.compile(r"\b(?:sk|gsk|pk|rk|xai|hf)[-_][\w*.…-]{6,}|(?<=Bearer )\S{6,}", re.IGNORECASE)


@dataclass(frozen=True)
class Secrets:
    """The strings that must not be shown. Its own repr does not show them either."""

    values: tuple[str, ...] = field(repr=False, default=())

    def hide(self, text: str) -> str:
        for value in sorted(self.values, key=len, reverse=True):
            # Shorter values are placeholders like "x" or "none": blotting them out would garble every message.
            if len(value) >= 6:
                text = text.replace(value, HIDDEN)
        return LOOKS_LIKE_KEY.sub(HIDDEN, text)

    @contextmanager
    def hidden_in_errors(self) -> Iterator[None]:
        """Errors that leave the block carry no secret in message or code."""
        try:
            yield
        except BackendError as error:
            error.args = tuple(self.hide(str(part)) for part in error.args)
            error.code = self.hide(error.code) if error.code else error.code
            raise
