"""Long tables through the loading process: time and memory against the bare reader of each format.

The bare reader gives values and forgets them. Ours also decides on dialect, header and blocks, shows cells as a
spreadsheet does, and hands the text over from another process.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import Report
from retrieval.loaders.isolated import IsolatedLoader

ROWS = 100_000
WORDS = [
    "lamp",
    "posts",
    "sockets",
    "kilowatts",
    "charging",
    "station",
    "tariff",
    "night",
    "council",
    "fitted",
    "order",
]
HEADER = ["id", "city", "date", "count", "price", "note", "sku"]


def rows(count: int) -> list[list[Any]]:
    chance = random.Random(1)
    return [
        [n, f"City {chance.randrange(5000)}", f"2022-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
         chance.randrange(10, 9999), round(chance.random() * 1000, 2), " ".join(chance.choices(WORDS, k=6)),
         f"SKU-{chance.randrange(10**8):08}"]
        for n in range(count)
    ]  # fmt: skip


def made(folder: Path, table: list[list[Any]]) -> dict[str, Path]:
    import openpyxl

    files = {kind: folder / f"table.{kind}" for kind in ("csv", "jsonl", "json", "xlsx")}
    with files["csv"].open("w", newline="") as out:
        csv.writer(out).writerows([HEADER, *table])
    records = [dict(zip(HEADER, row, strict=True)) for row in table]
    files["jsonl"].write_text("\n".join(map(json.dumps, records)))
    files["json"].write_text(json.dumps(records))
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Data")
    for row in [HEADER, *table]:
        sheet.append(row)
    book.save(files["xlsx"])
    return files


def _csv(path: Path) -> None:
    with path.open(newline="") as file:
        for _ in csv.reader(file):
            pass


def _jsonl(path: Path) -> None:
    for line in path.read_text().splitlines():
        json.loads(line)


def _json(path: Path) -> None:
    json.loads(path.read_text())


def _xlsx(path: Path) -> None:
    import openpyxl

    for sheet in openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets:
        for _ in sheet.iter_rows(values_only=True):
            pass


BARE: dict[str, Callable[[Path], None]] = {"csv": _csv, "jsonl": _jsonl, "json": _json, "xlsx": _xlsx}


async def loaded(path: Path) -> tuple[float, int, int]:
    """CPU seconds of the process, its start included; characters of text; and the most memory of it in MB. Linux."""
    loader = IsolatedLoader(timeout_s=300)
    try:
        parsed = await loader.load(path, path.name)
        assert loader._worker is not None
        process = Path(f"/proc/{loader._worker.pid}")
        ticks = sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:13]))
        peak = int((process / "status").read_text().partition("VmHWM:")[2].split()[0])
        return ticks / os.sysconf("SC_CLK_TCK"), len(parsed.text), peak // 1024
    finally:
        await loader.aclose()


def run() -> Report:
    shown, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        table = rows(ROWS)
        files = made(Path(folder), table)
        for kind, path in files.items():
            began = time.process_time()
            BARE[kind](path)
            bare = time.process_time() - began
            spent, characters, peak = asyncio.run(loaded(path))
            megabytes = path.stat().st_size / 1e6
            figures[kind] = {"s": spent, "bare_s": bare, "characters": characters, "peak_mb": peak}
            shown.append([kind, f"{megabytes:.1f}", f"{bare:.1f}", f"{spent:.1f}", f"{spent / bare:.1f} x", str(peak)])
    return Report(
        name="loaders",
        title="Long tables",
        method=f"{ROWS:,} rows of {len(HEADER)} columns, read in the process with limits, its start included; against "
        "the bare reader (csv, json, openpyxl), which keeps nothing. CPU seconds, so that other work does not count.",
        columns=["file", "MB", "bare reader, CPU s", "sandtable, CPU s", "ratio", "peak MB of the process"],
        rows=shown,
        figures=figures,
    )
