"""`sandtable pipelines`: what there is to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from server.cli.option_types import type_of
from server.cli.options import json_option
from server.cli.output import emit_json, stdout_console

if TYPE_CHECKING:
    from agents.pipeline import Options


@click.command(short_help="List the pipelines and their options.")
@json_option
def pipelines(as_json: bool) -> None:
    """List the pipelines and their options."""
    found = catalogue()
    if as_json:
        emit_json({"pipelines": found})
    else:
        _show(found)


def catalogue() -> list[dict[str, Any]]:
    """Every pipeline as JSON: its options are a JSON schema, the one that requests are checked against."""
    from agents import catalog

    return [
        {
            "name": pipeline.name,
            "summary": pipeline.summary,
            "source": pipeline.source,
            "needs_collection": pipeline.needs_collection,
            "asks_model": pipeline.asks_model,
            "needs": sorted(pipeline.needs),
            "options": _schema(pipeline.options),
        }
        for pipeline in (catalog.get(name) for name in catalog.PIPELINES)
    ]


def _schema(options: type[Options]) -> dict[str, Any]:
    """Without the description on top, which is the class's own and speaks to programmers."""
    return {key: value for key, value in options.model_json_schema().items() if key != "description"}


def _show(found: list[dict[str, Any]]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    console = stdout_console()
    for pipeline in found:
        console.print(Text.assemble((pipeline["name"], "bold"), f"  {pipeline['summary']}"))
        console.print(Padding(Text(needs(pipeline)), (0, 0, 0, 4)))
        for name, schema in pipeline["options"].get("properties", {}).items():
            head = (f"-o {name}={_default(schema)}", "cyan")
            line = Text.assemble(head, f"  {type_of(schema)}. {schema.get('description', '')}")
            console.print(Padding(line, (0, 0, 0, 4)))
        console.print()


def needs(pipeline: dict[str, Any]) -> str:
    origin = [] if pipeline["source"] == "-" else [pipeline["source"]]
    collection = ["Needs a collection"] if pipeline["needs_collection"] else []
    model = [] if pipeline["asks_model"] else ["Asks no model"]
    backend = [f"Needs a backend with {need}" for need in pipeline["needs"]]
    return "".join(f"{part}. " for part in (*origin, *collection, *model, *backend)) or "Needs nothing but a backend."


def _default(schema: dict[str, Any]) -> str:
    import json

    return json.dumps(schema["default"], ensure_ascii=False) if "default" in schema else ""
