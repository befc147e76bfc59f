"""The pages of docs/transcripts: what each demo prints. `python -m tests.e2e.transcripts NAME...` writes them."""

import re
import sys
import tempfile
from importlib import import_module
from io import StringIO
from pathlib import Path

from rich.console import Console

from demos.catalog import DEMOS
from tests.conftest import ROOT
from tests.e2e.live import server

FOLDER = ROOT / "docs" / "transcripts"
WIDTH = 100
VARYING = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"file-[0-9a-f]{24}"), "FILE"),
    (re.compile(r"\d+ colours"), "MANY colours"),
    (re.compile(r"\d[\d.,]* (m?s|seconds)\b"), "TIME"),
    (re.compile(r"\d+ searches"), "MANY searches"),
    (re.compile(r"\b0\.\d{3}\b"), "NUMBER"),
)
"""What two runs of a demo may differ in: ids, times, how often another thread got its turn meanwhile, and the last
digit of a score on another processor."""
DECIMAL = re.compile(r"\d+\.\d+")
RULE = re.compile(r"─+")
BLANKS = re.compile(r"\s+")


def page(name: str, url: str) -> str:
    """Run the demo against the service at `url`. Raises AssertionError if it fails."""
    module, _, attribute = DEMOS[name].main.partition(":")
    output = StringIO()
    code = getattr(import_module(module), attribute)(url, None, None, Console(file=output, width=WIDTH))
    told = "\n".join(line.rstrip() for line in output.getvalue().strip("\n").splitlines())
    assert code == 0, told
    return (
        f"# `sandtable demo {name}`\n\n{DEMOS[name].summary}\n\nThis page is what the demo printed; a test runs it "
        "again and compares, times and ids aside.\nAfter a change of the demo: "
        f"`python -m tests.e2e.transcripts {name}`.\n\n````text\n{told}\n````\n"
    )


def comparable(text: str) -> list[str]:
    """The lines of a page without what may differ from run to run; of tables only what is no measured figure."""
    lines, in_table = [], False
    for line in text.splitlines():
        in_table = bool(line.strip()) and (in_table or bool(RULE.search(line)))
        for pattern, word in VARYING:
            line = pattern.sub(word, line)
        line = RULE.sub("─", DECIMAL.sub("NUMBER", line) if in_table else line)
        lines.append(BLANKS.sub(" ", line).strip())
    return lines


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "data") as running:
        for name in names or DEMOS:
            (FOLDER / f"{name}.md").write_text(page(name, running.url), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
