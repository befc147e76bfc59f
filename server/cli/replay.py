"""`sandtable replay`: a recorded run again, the same; or a fork of it, from a step on with other parts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from server.cli.failure import CommandFailed
from server.cli.key_values import key_values
from server.cli.options import Where, json_option, service_options, settings_for
from server.cli.output import emit_json, note

if TYPE_CHECKING:
    from server.cli.api import Api

OPTION = "option."


@click.command(short_help="Run a recorded run again, or fork it.")
@click.argument("what", metavar="RUN|FILE")
@click.option("--steps", is_flag=True, help="Only list the run's steps, as --from-step counts them.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Only save the run's cassette to a file.")
@click.option(
    "--with",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Fork: `backend=SPEC` or `option.KEY=VALUE`; repeatable.",
)
@click.option(
    "--from-step", type=click.IntRange(min=1), help="Fork: the first step that is live; before it, as recorded."
)
@json_option
@service_options
def replay(
    where: Where,
    what: str,
    steps: bool,
    save: Path | None,
    changes: tuple[str, ...],
    from_step: int | None,
    as_json: bool,
) -> int:
    """Run a recorded run again, or fork it.

    Without further options the pipeline's code runs again and is answered from the recording, RUN's or FILE's; nothing
    outside is asked. The exit code is 1 if anything else happens than was recorded.
    """
    forks = bool(changes) or from_step is not None
    if sum((steps, save is not None, forks)) > 1:
        raise click.UsageError("--steps, --save and a fork (--with, --from-step) are one at a time.")
    if Path(what).is_file():
        if forks or save is not None:
            raise click.UsageError(f"{what!r} is a file: a fork, and --save, need the run itself, by its id.")
        return asyncio.run(_of_file(where, Path(what), steps, as_json))
    body = {"with": _changes(changes)} if changes else {}
    return asyncio.run(
        _of_run(where, what, steps, save, body | ({"from_step": from_step} if from_step else {}), as_json)
    )


def _changes(given: tuple[str, ...]) -> dict[str, Any]:
    """Raises UsageError."""
    found: dict[str, Any] = {}
    for key, value in key_values(given, "--with").items():
        if key == "backend":
            found["backend"] = str(value)
        elif key.startswith(OPTION) and len(key) > len(OPTION):
            found.setdefault("options", {})[key.removeprefix(OPTION)] = value
        else:
            raise click.UsageError(f"--with takes backend=SPEC or option.KEY=VALUE; got {key!r}.")
    return found


async def _of_file(where: Where, path: Path, steps: bool, as_json: bool) -> int:
    from agents import catalog
    from server.cli.cassette_file import read, replayed
    from server.cli.replay_shown import show_outcome, show_steps

    settings = settings_for(where.config, data_dir=where.data_dir)
    catalog.offer(settings.pipelines)
    cassette = read(path)
    if steps:
        show_steps(cassette, as_json)
        return 0
    return show_outcome(cassette, await replayed(cassette), as_json)


async def _of_run(
    where: Where, run_id: str, steps: bool, save: Path | None, body: dict[str, Any], as_json: bool
) -> int:
    from agents.cassette import read_cassette
    from server.cli import cassette_file
    from server.cli.connection import connect
    from server.cli.replay_shown import show_outcome, show_steps

    async with connect(where) as api:
        try:
            if save is not None:
                saved = await cassette_file.save(api, run_id, save)
                emit_json(saved) if as_json else note(f"Saved {saved['bytes']:,} bytes to {str(save)!r}.")
                return 0
            if body:
                return await _fork(api, run_id, body, as_json)
            cassette = read_cassette(await cassette_file.fetch(api, run_id))
            if steps:
                show_steps(cassette, as_json)
                return 0
            again = await api.call("POST", f"/v1/runs/{quote(run_id, safe='')}/replay", json={})
            return show_outcome(cassette, again, as_json)
        except CommandFailed as error:
            error.wrong_use = error.status in (400, 404)
            if error.code == "not_found":
                error.message = f"there is no run {run_id!r} in {api.name}, and no file of that name"
            raise


async def _fork(api: Api, run_id: str, body: dict[str, Any], as_json: bool) -> int:
    from server.cli.replay_shown import show_fork

    queued = await api.call("POST", f"/v1/runs/{quote(run_id, safe='')}/replay", json=body)
    events = f"/v1/runs/{queued['id']}/events"
    async with api.stream("GET", events, headers={"accept": "text/event-stream"}) as told:
        async for _ in api.pieces(told):
            pass
    recorded = await api.call("GET", f"/v1/runs/{quote(run_id, safe='')}")
    fork = await api.call("GET", f"/v1/runs/{queued['id']}")
    if as_json:
        emit_json({"object": "run.fork", "from_step": queued["from_step"], "recorded": recorded, "fork": fork})
    else:
        show_fork(recorded, fork, queued["from_step"])
    return 0 if fork["status"] in ("success", "limited", "waiting") else 1
