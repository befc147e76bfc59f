"""Run benchmarks and write their tables: python -m benchmarks [NAME ...] [--size N] [--write docs/results.md]"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from benchmarks.harness import Report

BENCHMARKS: Mapping[str, str] = {
    "encoder": "benchmarks.encoder",
    "ann": "benchmarks.ann",
    "swap": "benchmarks.swap",
    "peers": "benchmarks.peers",
    "ingest": "benchmarks.ingest",
    "loaders": "benchmarks.loaders",
    "overhead": "benchmarks.overhead",
    "streams": "benchmarks.streams",
    "steps": "benchmarks.steps",
    "tot": "benchmarks.tot",
    "breadth": "benchmarks.breadth",
    "tools": "benchmarks.tool_calls",
    "sandbox": "benchmarks.sandbox",
    "start": "benchmarks.start",
    "quality": "benchmarks.quality",
    "abstention": "benchmarks.abstention",
    "planner": "benchmarks.planner",
    "train": "benchmarks.train",
    "memory": "benchmarks.memory",
}
NEED_DATA = frozenset({"ann", "swap", "peers", "ingest", "quality", "abstention", "planner", "train"})
SIZED = frozenset({"ann", "swap", "peers"})
MARK = "<!-- {name} -->"


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}"


def write(path: Path, reports: list[Report]) -> None:
    """Replace each report's section of the page, and leave the others as they are."""
    text = path.read_text("utf-8") if path.is_file() else "# Results\n"
    for report in reports:
        mark = MARK.format(name=report.name)
        section = f"{mark}\n{report.markdown()}\nMeasured on {machine()}.\n{mark}"
        parts = text.split(mark)
        text = (
            mark.join([parts[0], "", parts[2]]).replace(mark * 2, section)
            if len(parts) == 3
            else f"{text}\n{section}\n"
        )
        if report.pictures is not None:
            report.pictures(path.parent)
    path.write_text(text, "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="default: all")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of BEIR-shaped data sets")
    parser.add_argument(
        "--size", type=int, help="passages of `swap` and `peers`, vectors of `ann`; default: as the page has it"
    )
    parser.add_argument("--write", type=Path, help="the page whose sections are renewed")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    given = parser.parse_args()
    reports = []
    for name in given.names or BENCHMARKS:
        run: Callable[..., Report] = import_module(BENCHMARKS[name]).run
        sized = {"size": given.size} if given.size is not None and name in SIZED else {}
        report = run(given.data, **sized) if name in NEED_DATA else run()
        reports.append(report)
        print(json.dumps(report.figures) if given.json else report.markdown(), flush=True)
        if given.write:
            write(given.write, [report])


if __name__ == "__main__":
    main()
