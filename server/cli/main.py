"""The `sandtable` command: checks the environment, runs a subcommand, turns what went wrong into an exit code."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Sequence

import click

from server.cli.commands import Commands, Entry
from server.cli.failure import CommandFailed
from server.cli.output import emit_json, note
from server.import_guard import problems

FAILED, WRONG_USE = 1, 2
SURROGATE = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes that are no UTF-8."""

COMMANDS = {
    "serve": Entry("server.cli.serve:serve", "Run the service; print its URL when it is ready."),
    "ingest": Entry("server.cli.ingest:ingest", "Put files and folders into a collection."),
    "search": Entry("server.cli.search:search", "Search a collection."),
    "swap": Entry("server.cli.swap:swap", "Give a collection another index or embedder while it serves."),
    "generations": Entry(
        "server.cli.generations:generations", "List, cancel or delete the generations of a collection."
    ),
    "ask": Entry("server.cli.ask:ask", "Ask a pipeline a question; show its sources."),
    "demo": Entry("server.cli.demo:demo", "Start a service of its own and show a pipeline at work."),
    "memory": Entry("server.cli.memory:memory", "List, correct, export or erase what is remembered."),
    "approve": Entry("server.cli.approve:approve", "Answer a run that waits for a person."),
    "replay": Entry("server.cli.replay:replay", "Run a recorded run again, or fork it."),
    "eval": Entry("server.cli.eval:evaluate", "Score a pipeline on a task, or retrieval on a folder."),
    "train-gate": Entry(
        "server.cli.train_gate:train_gate", "Train the gate of a mixture of experts from judged routes."
    ),
    "train-retriever": Entry(
        "server.cli.train_retriever:train_retriever",
        "Train an embedder on questions and the passages that answer them.",
    ),
    "toolformer-filter": Entry(
        "server.cli.toolformer_filter:toolformer_filter", "Put calls of tools into texts where they help a model."
    ),
    "plan": Entry("server.cli.plan:plan", "Plan for a PDDL domain and problem; check the plan."),
    "tool": Entry("server.cli.tool:tool", "Call a tool as an agent would; without NAME, list the tools."),
    "sandbox": Entry("server.cli.sandbox:sandbox", "Run code for services elsewhere, in this machine's sandbox."),
    "pipelines": Entry("server.cli.pipelines:pipelines", "List the pipelines and their options."),
    "doctor": Entry("server.cli.doctor:doctor", "Check what the service needs, and say what is missing."),
}


@click.group(cls=Commands, entries=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sandtable", message="sandtable %(version)s")
def cli() -> None:
    """Sandtable: retrieval and agent pipelines on your own documents.

    With --url a command talks to a running service; without it, it works in process on the data directory.
    """


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets a question mark instead of a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code: 0 fine, 2 wrong use, 1 failed."""
    as_json = "--json" in _before_dashes(arguments)
    try:
        if wrong := problems():
            raise CommandFailed("; ".join(wrong), type="environment_error", code="import_clash")
        _check_encoding(arguments)
        code = cli.main(list(arguments), "sandtable", standalone_mode=False)
    except click.UsageError as error:
        if as_json:
            emit_json(CommandFailed(error.format_message(), type="usage_error").body())
        else:
            error.show()
        return WRONG_USE
    except click.Abort:
        return _failed(CommandFailed("stopped", type="interrupted", code="interrupted"), as_json)
    except CommandFailed as error:
        return _failed(error, as_json)
    return code if isinstance(code, int) else 0


def _check_encoding(arguments: Sequence[str]) -> None:
    """Raises UsageError for an argument that is no UTF-8; the name of a file that is there may be any bytes."""
    for argument in arguments:
        if not argument.isascii() and SURROGATE.search(argument) and not os.path.lexists(argument):
            raise click.UsageError(f"the argument {argument!r} is not UTF-8 text: check the encoding of the terminal.")


def _before_dashes(arguments: Sequence[str]) -> Sequence[str]:
    """What may be options: a question after `--` may be anything."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _failed(error: CommandFailed, as_json: bool) -> int:
    if as_json:
        emit_json(error.body())
    else:
        note(f"Error: {error.text()}")
    return WRONG_USE if error.wrong_use else FAILED


if __name__ == "__main__":
    main()
