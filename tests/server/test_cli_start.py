"""What holds before any command runs: the cost of help, the guard, wrong use."""

import json
import os
import resource
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

import pytest

from server.cli.main import COMMANDS, cli
from server.cli.output import plain
from server.cli.reference import fill
from server.import_guard import PACKAGES, ROOT, problems
from tests.server.command_line import CommandLine


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


def test_help_is_cheap():
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    done = subprocess.run([sys.executable, "-m", "server.cli.main", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert spent() - before < 0.5
    assert done.returncode == 0
    told = " ".join(done.stdout.split())  # A narrow screen breaks long ones.
    assert [name for name, entry in COMMANDS.items() if f"{name} {entry.summary}" not in told] == []


def test_help_loads_click_and_nothing_else():
    code = (
        "import sys; from server.cli.main import run; run(['--help'])\n"
        "heavy = {'rich', 'httpx', 'fastapi', 'pydantic', 'uvicorn', 'sqlalchemy', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name):
    command = cli.get_command(None, name)
    assert command.name == name
    assert command.short_help == COMMANDS[name].summary
    assert command.help.startswith(COMMANDS[name].summary)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_answer_in_json(name):
    assert any(option.name == "as_json" for option in cli.get_command(None, name).params)


def test_the_tables_of_the_docs_are_those_of_the_commands():
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert fill(text) == text
    assert all(f"<!-- options of {name} -->" in text for name in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["search", "question"],
        ["search", "question", "-c", "notes", "-k", "0"],
        ["search", "question", "-c", "notes", "-k", "51"],
        ["search", "question", "-c", "notes", "--url", "127.0.0.1:8321"],
        ["ingest", "missing.txt", "-c", "notes"],
        ["ingest", ".", "-c", "notes", "-a", "colour"],
        ["ingest", ".", "-c", "notes", "-a", "path=x"],
        ["ingest", ".", "-c", "notes", "-a", 'tags=["a"]'],
        ["ask", "question", "-o", "=3"],
        ["ask", " "],
        ["search", "a\udcff", "-c", "notes"],
        ["ask", "question", "-o", "k=3", "-o", "k=4"],
        ["serve", "--port", "70000"],
        ["demo", "nope"],
    ],
)
def test_wrong_use_is_told_apart_from_failure(sandtable, arguments):
    result = sandtable(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "Error: " in result.err
    assert "Traceback" not in result.err
    result = sandtable(*arguments, "--json")
    assert (result.code, result.err) == (2, "")
    assert result.json["error"]["type"] == "usage_error"


def test_json_after_two_dashes_is_a_question(sandtable):
    result = sandtable("search", "--", "--json")
    assert result.code == 2
    assert "--collection" in result.err


def test_our_packages_pass_the_guard():
    assert problems() == []


def test_a_foreign_package_of_our_name_ends_every_command(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("raise SystemExit('imported')")
    # Where an installed package lies: before the path of an editable install.
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv[1:] = sys.argv[1:]; "
    code += "from server.cli.main import main; main()"
    command = [sys.executable, "-c", code, "pipelines", "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "import_clash"
    assert str(tmp_path / "agents") in error["message"]


def test_the_guard_sees_merged_and_missing_packages(tmp_path):
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("from elsewhere import Runner\n" if name == "agents" else "")

    def find(name):
        return None if name == "tools" else ModuleSpec(name, None, origin=str(tmp_path / name / "__init__.py"))

    merged, missing = problems(find, tmp_path)
    assert "'agents'" in merged
    assert "'tools' is missing" in missing
    assert find_spec("agents").origin == str(ROOT / "agents" / "__init__.py")


def test_a_text_cannot_steer_the_terminal():
    assert plain("a\x1b]0;title\x07b\x9b31m\r\tc\nd\x7f 电🚗") == "a]0;titleb31m\tc\nd 电🚗"
