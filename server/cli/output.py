"""What goes to stdout and stderr. Text of documents and models is not trusted with the terminal."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE = 1_000

# Escape sequences could retitle, repaint or type into the terminal; line feed and tab are all that text needs.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """The text without control characters."""
    return CONTROL.sub("", text)


def one_line(text: str) -> str:
    return " ".join(plain(text).split())


def emit_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(document, ensure_ascii=not utf8, indent=2) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A remark beside the result: on stderr, so that stdout can be piped."""
    sys.stderr.write(plain(text) + "\n")
    sys.stderr.flush()


def stdout_console() -> Console:
    return _console(stderr=False)


def stderr_console() -> Console:
    return _console(stderr=True)


def print_table(table: Table) -> None:
    """On stdout. In a pipe it is as wide as it needs to be: an id that is cut in two is of no use to anybody."""
    console = stdout_console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)


def _console(*, stderr: bool) -> Console:
    """Text is printed as it is, in tables too: no [markup], no :emoji: names, no colour for what looks like a number.
    What is styled is a `rich.text.Text`, or has a style for the whole of it."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)
