"""The sources of an answer, each under the marker that cites it."""

from __future__ import annotations

import re
from typing import Any

from server.cli.output import one_line

MARKER = re.compile(r"\s*([\[【［][^\]】］]{1,40}[\]】］])")
QUOTE = 300
"""Characters of a quote that are shown; --json gives all of it."""


def sources(text: str, citations: list[dict[str, Any]]) -> list[str]:
    """A line per citation, under the marker that stands in the text at its index (code points)."""
    lines = []
    for citation in citations:
        marker = MARKER.match(text, citation["index"])
        label = marker[1] if marker else "[-]"
        quote = one_line(citation["quote"])
        shown = quote if len(quote) <= QUOTE else quote[: QUOTE - 1] + "…"
        place = f"{one_line(citation['filename'])}:{citation['start']}-{citation['end']}"
        lines.append(f"{label} {place}\n    “{shown}”")
    return list(dict.fromkeys(lines))
