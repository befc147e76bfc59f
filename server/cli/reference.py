"""The option tables of docs/cli.md, made from the commands themselves: `python -m server.cli.reference docs/cli.md`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from server.cli.main import COMMANDS, cli

SECTION = re.compile(r"(<!-- options of ([\w-]+) -->\n).*?(<!-- end of options -->)", re.DOTALL)


def fill(text: str) -> str:
    """The document with every table as the commands are now."""
    return SECTION.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", text)


def table(name: str) -> str:
    context = click.Context(cli, info_name="sandtable")
    command = cli.get_command(context, name)
    assert command is not None, f"there is no command {name!r}; there are {', '.join(COMMANDS)}"
    inner = click.Context(command, info_name=name, parent=context)
    usage = " ".join(["sandtable", name, *command.collect_usage_pieces(inner)])
    lines = ["", f"`{usage}`", "", "| option | meaning |", "|---|---|"]
    for option in (parameter for parameter in command.params if isinstance(parameter, click.Option)):
        names, meaning = option.get_help_record(inner) or ("", "")
        lines.append(f"| `{names}` | {' '.join(meaning.split())} |")
    return "\n".join((*lines, "", ""))


def main() -> None:
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
