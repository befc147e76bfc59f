"""What a run that waits for a person asks: shown, answered at the terminal, sent, and the run followed to its end."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from server.cli.failure import CommandFailed
from server.cli.output import one_line, stderr_console

if TYPE_CHECKING:
    from server.cli.api import Api


def at_a_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


async def answer_at_the_terminal(api: Api, run_id: str) -> None:
    """Ask the person here until the run ends, and print its answer. Raises CommandFailed."""
    while True:
        run = await waiting(api, run_id)
        # On a thread: the service may be in this process, and goes on meanwhile.
        answers = await asyncio.to_thread(_ask_all, run["questions"])
        try:
            await go_on(api, run, {"answers": answers})
            return
        except CommandFailed as error:
            if error.code != "run_interrupted" or not error.about:
                raise
            run_id = error.about["run_id"]


async def waiting(api: Api, run_id: str) -> dict[str, Any]:
    """The run, which waits. Raises CommandFailed if it does not."""
    from urllib.parse import quote

    run = await api.call("GET", f"/v1/runs/{quote(run_id, safe='')}")
    if not run["questions"]:
        message = f"the run {run_id} waits for no answer: it is {run['status']!r}"
        raise CommandFailed(message, code="run_not_waiting", wrong_use=True)
    return run


async def go_on(api: Api, run: dict[str, Any], body: dict[str, Any]) -> str:
    """Send the answer and print what the run says from there on; returns the id of the run that went on. Raises
    CommandFailed, with the code `run_interrupted` if something is asked again."""
    from server.cli.answer import Answer
    from server.cli.following import chunks

    resumed = await api.call("POST", f"/v1/runs/{run['id']}/resume", json=body)
    answer = Answer()
    try:
        async with aclosing(chunks(api, resumed["id"], run["backend"])) as stream:
            async for chunk in stream:
                answer.take(chunk)
    except CommandFailed:
        answer.break_off()
        raise
    answer.finish()
    return str(resumed["id"])


def show(questions: list[dict[str, Any]]) -> None:
    """On stderr: stdout is for answers."""
    console = stderr_console()
    for asked in questions:
        subject, details = _parts(asked)
        console.print(f"\nWaits for a person: {one_line(subject)}", soft_wrap=True, style="bold")
        for name, value in details.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            console.print(f"  {name}: {one_line(text)}", soft_wrap=True)


def _ask_all(questions: list[dict[str, Any]]) -> dict[str, Any]:
    return {asked["id"]: ask(asked) for asked in questions}


def ask(asked: dict[str, Any]) -> dict[str, Any]:
    """Show one question and read its answer."""
    show([asked])
    _, details = _parts(asked)
    given = details.get("arguments")
    words = "[y]es, [n]o" + (", [e]dit the arguments" if given is not None else "")
    choices = click.Choice(["y", "n", *(["e"] if given is not None else [])], case_sensitive=False)
    chosen = click.prompt(f"Agree? {words}", type=choices, show_choices=False, err=True)
    if chosen == "n":
        return {
            "approved": False,
            "comment": click.prompt("Why (may be empty)", default="", show_default=False, err=True),
        }
    if chosen == "e":
        shown = json.dumps(given, ensure_ascii=False)
        return {"approved": True, "edit": click.prompt("Arguments", default=shown, value_proc=json_object, err=True)}
    return {"approved": True}


def json_object(text: str) -> dict[str, Any]:
    """Raises UsageError."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.UsageError(f"{text!r} is not a JSON object of arguments")
    return found


def _parts(asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What it is about, and the facts; a step may also ask in a form of its own."""
    value = asked["value"]
    if isinstance(value, dict) and isinstance(value.get("details"), dict):
        return str(value.get("subject", "")), value["details"]
    return json.dumps(value, ensure_ascii=False), {}
