"""`sandtable approve`: what a run waits to be told, and the answer with which it goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.options import Where, json_option, service_options
from server.cli.output import emit_json, note

if TYPE_CHECKING:
    from server.cli.api import Api


@click.command(short_help="Answer a run that waits for a person.")
@click.argument("run_id", metavar="RUN")
@click.option("--yes/--no", "approved", default=None, help="Agree, or refuse.")
@click.option("--edit", metavar="JSON", help="Agree, with these arguments instead.")
@click.option("--comment", help="A word to the model, which is told of a refusal.")
@json_option
@service_options
def approve(
    where: Where, run_id: str, approved: bool | None, edit: str | None, comment: str | None, as_json: bool
) -> None:
    """Answer a run that waits for a person.

    Without --yes, --no or --edit it shows what is asked and, at a terminal, asks you; with --json it prints the run and
    its questions. The run then goes on, and its answer is streamed.
    """
    asyncio.run(_approve(where, run_id, _decision(approved, edit, comment), as_json))


def _decision(approved: bool | None, edit: str | None, comment: str | None) -> dict[str, Any] | None:
    """Raises UsageError."""
    from server.cli.questions import json_object

    if edit is not None and approved is False:
        raise click.UsageError("--no refuses the call: leave out --edit.")
    if approved is None and edit is None:
        if comment is not None:
            raise click.UsageError("--comment goes with --yes, --no or --edit.")
        return None
    decision: dict[str, Any] = {"approved": approved is not False, "comment": comment or ""}
    return decision if edit is None else {**decision, "edit": json_object(edit)}


async def _approve(where: Where, run_id: str, decision: dict[str, Any] | None, as_json: bool) -> None:
    from server.cli.connection import connect
    from server.cli.questions import answer_at_the_terminal, at_a_terminal, go_on, show, waiting

    async with connect(where) as api:
        if as_json:
            emit_json(await _in_json(api, await waiting(api, run_id), decision))
            return
        if decision is None and at_a_terminal():
            await answer_at_the_terminal(api, run_id)
            return
        run = await waiting(api, run_id)
        show(run["questions"])
        if decision is None:
            note("\nAnswer with --yes, --no or --edit JSON.")
            return
        _check_one(run, decision)
        try:
            await go_on(api, run, {"answer": decision})
        except CommandFailed as error:
            if error.code == "run_interrupted" and error.about:
                show(error.about["questions"])
                note(f"\nIt waits again: `sandtable approve {error.about['run_id']}`.")
                return
            raise


async def _in_json(api: Api, run: dict[str, Any], decision: dict[str, Any] | None) -> dict[str, Any]:
    """The run that waits, or the one that went on, at its end; what it says is not streamed."""
    if decision is None:
        return run
    _check_one(run, decision)
    resumed = await api.call("POST", f"/v1/runs/{run['id']}/resume", json={"answer": decision})
    async with api.stream("GET", f"/v1/runs/{resumed['id']}/events", headers={"accept": "text/event-stream"}) as told:
        async for _ in api.pieces(told):
            pass
    return await api.call("GET", f"/v1/runs/{resumed['id']}")


def _check_one(run: dict[str, Any], decision: dict[str, Any]) -> None:
    """Raises UsageError."""
    if "edit" in decision and len(run["questions"]) > 1:
        raise click.UsageError(f"--edit is for one call, and the run asks about {len(run['questions'])}.")
