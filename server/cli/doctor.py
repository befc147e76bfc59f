"""`sandtable doctor`: what the service needs, checked; every problem with its way out."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.options import config_option, data_dir_option, json_option, settings_for
from server.cli.output import emit_json, one_line, stdout_console

if TYPE_CHECKING:
    from server.cli.checks import Check

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command(short_help="Check what the service needs, and say what is missing.")
@click.option(
    "--prepare", is_flag=True, help="Make the embedder's runtime graph now, so that the first start is quick."
)
@data_dir_option
@config_option
@json_option
def doctor(prepare: bool, data_dir: Path | None, config: Path | None, as_json: bool) -> int:
    """Check what the service needs, and say what is missing.

    Keys are named, never shown. Exit code 1 if something must be put right.
    """
    found = checks(data_dir, config, prepare)
    broken = any(check.status == "fail" for check in found)
    if as_json:
        emit_json({"ok": not broken, "checks": [asdict(check) for check in found]})
    else:
        _show(found)
    return 1 if broken else 0


def checks(data_dir: Path | None, config: Path | None, prepare: bool) -> list[Check]:
    """All checks in their order. Raises CommandFailed when the settings cannot be read."""
    from server.cli.checks import machine_checks
    from server.cli.embedder_check import embedder
    from server.cli.mcp_checks import mcp_checks
    from server.cli.model_checks import backend_checks
    from server.cli.place_checks import data_directory, exposure
    from server.cli.sandbox_check import sandbox_check

    settings = settings_for(config, data_dir=data_dir)
    places = [data_directory(settings), exposure(settings)]
    found = [*machine_checks(), *places, asyncio.run(sandbox_check(settings)), embedder(settings, prepare)]
    return [*found, *asyncio.run(mcp_checks(settings)), *asyncio.run(backend_checks(settings))]


def _show(found: list[Check]) -> None:
    from rich.text import Text

    console = stdout_console()
    for check in found:
        head = (f"{check.status:4}", STYLES[check.status])
        console.print(Text.assemble(head, f"  {check.name:14} {one_line(check.detail)}"), soft_wrap=True)
        if check.way_out:
            console.print(Text(f"      {'':14} -> {check.way_out}"), soft_wrap=True)
