"""`sandtable approve`, and `ask` where a person has to agree, from the shell's point of view."""

import codecs
import json
import os
import pty
import select
import subprocess
import sys
import time

import pytest

from tests.server.command_line import CommandLine
from tests.server.counted_tools import LEDGER, rows

PAY = [{"name": "pay", "arguments": {"to": "小红", "cents": 5}}]
SCRIPT = [
    {"match": "Pay", "results": 0, "tool_calls": PAY},
    {"match": "Pay", "results": 1, "text": "All is done."},
    {"match": "Twice", "results": 0, "tool_calls": PAY},
    {"match": "Twice", "results": 1, "tool_calls": PAY},
    {"match": "Twice", "results": 2, "text": "Twice done."},
]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    monkeypatch.setenv("SANDTABLE_BACKEND", "scripted:script.json")
    monkeypatch.setenv("SANDTABLE_TOOLS", '["tests.server.counted_tools:pay"]')
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger.sqlite3"))
    return CommandLine(capsys)


@pytest.fixture
def ledger(tmp_path):
    return str(tmp_path / "ledger.sqlite3")


def waiting(sandtable, question="Pay!"):
    result = sandtable("ask", question, "-p", "function_calling", "--json")
    assert (result.code, result.json["error"]["code"]) == (1, "run_interrupted")
    return result.json["error"]["sandtable"]["run_id"]


def test_where_nobody_sits_ask_says_how_to_answer(sandtable):
    result = sandtable("ask", "Pay!", "-p", "function_calling")
    assert (result.code, result.out) == (1, "")
    assert "Waits for a person: call pay" in result.err
    assert 'arguments: {"to": "小红", "cents": 5}' in result.err
    assert "`sandtable approve " in result.err


def test_what_is_asked_is_shown(sandtable, ledger):
    run_id = waiting(sandtable)
    shown = sandtable.fine("approve", run_id)
    assert shown.out == ""
    assert "Waits for a person: call pay" in shown.err
    assert "Answer with --yes, --no or --edit JSON." in shown.err
    found = sandtable.fine("approve", run_id, "--json").json
    assert (found["status"], found["questions"][0]["value"]["details"]["tool"]) == ("waiting", "pay")
    assert rows(ledger, "try") == []


def test_yes(sandtable, ledger):
    result = sandtable.fine("approve", waiting(sandtable), "--yes")
    assert result.out == "All is done.\n"
    assert rows(ledger, "try") == [("pay", "小红 5")]


def test_no_with_a_comment_as_json(sandtable, ledger):
    found = sandtable.fine("approve", waiting(sandtable), "--no", "--comment", "太多", "--json").json
    assert (found["status"], found["answer"]) == ("success", "All is done.")
    assert rows(ledger, "try") == []


def test_edit(sandtable, ledger):
    assert sandtable.fine("approve", waiting(sandtable), "--edit", '{"to": "小红", "cents": 1}').out == "All is done.\n"
    assert rows(ledger, "try") == [("pay", "小红 1")]


def test_a_run_that_waits_again_says_so(sandtable, ledger):
    first = sandtable.fine("approve", waiting(sandtable, "Twice!"), "--yes")
    assert "It waits again: `sandtable approve " in first.err
    again = first.err.rpartition("sandtable approve ")[2].partition("`")[0]
    assert sandtable.fine("approve", again, "--yes").out == "Twice done.\n"
    assert rows(ledger, "try") == [("pay", "小红 5")] * 2


def test_wrong_use(sandtable):
    run_id = waiting(sandtable)
    assert sandtable("approve", run_id, "--no", "--edit", "{}").code == 2
    assert sandtable("approve", run_id, "--comment", "x").code == 2
    assert sandtable("approve", run_id, "--edit", "[]").code == 2
    unknown = sandtable("approve", "no-such-run", "--yes")
    assert (unknown.code, "No run with id 'no-such-run'" in unknown.err) == (1, True)
    sandtable.fine("approve", run_id, "--no")
    again = sandtable("approve", run_id, "--yes")
    assert (again.code, "waits for no answer" in again.err) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "keys", "done"),
    [
        (["Agree?"], ["y\n"], [("pay", "小红 5")]),
        (["Agree?", "Why"], ["n\n", "no\n"], []),
        (["Agree?", "Arguments"], ["e\n", '{"to": "Bo", "cents": 2}\n'], [("pay", "Bo 2")]),
    ],
)
def test_at_a_terminal_the_person_is_asked_at_once(sandtable, ledger, asked, keys, done):
    """The service is in the process of the command, and the prompt on a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "server.cli.main", "ask", "Pay!", "-p", "function_calling"]
    process = subprocess.Popen(command, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, text=True)
    os.close(theirs)
    decoder = codecs.getincrementaldecoder("utf-8")()
    shown, answers = "", iter(zip(asked, keys, strict=True))
    wanted, key = next(answers)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            shown += decoder.decode(os.read(ours, 4096))
        except OSError:
            break
        if wanted and wanted in shown:
            os.write(ours, key.encode())
            wanted, key = next(answers, ("", ""))
    out, _ = process.communicate(timeout=30)
    os.close(ours)
    assert (process.returncode, out) == (0, "All is done.\n"), shown
    assert "Waits for a person: call pay" in shown
    assert rows(ledger, "try") == done
