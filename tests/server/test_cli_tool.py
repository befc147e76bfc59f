"""`sandtable tool` from the shell's point of view."""

import pytest

from tests.server.command_line import CommandLine
from tools.toolbox import Toolbox


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "100")
    return CommandLine(capsys)


def test_a_call_prints_what_a_model_would_be_told(sandtable):
    assert sandtable.fine("tool", "calculator", '{"expression": "３×４"}').out == "12\n"
    assert sandtable.fine("tool", "calculator", '{"expression": "2**7"}', "--json").json["output"] == "128"


def test_without_a_name_the_tools_are_listed(sandtable):
    out = sandtable.fine("tool").out
    assert "calculator (reads only)\n" in out
    assert "  expression (string): For example" in out
    assert [tool["name"] for tool in sandtable.fine("tool", "--json").json["data"]] == list(Toolbox())


def test_what_goes_wrong_has_its_exit_code(sandtable):
    wrong = sandtable("tool", "calculator", '{"expresion": "1"}')
    assert (wrong.code, wrong.out) == (2, "")
    assert "there is no argument 'expresion'; calculator takes expression" in wrong.err
    refused = sandtable("tool", "calculator", '{"expression": "1/0"}', "--json")
    assert refused.code == 1
    assert refused.json["error"]["code"] == "refused"
    assert "division by zero" in refused.json["error"]["message"]
    unknown = sandtable("tool", "calculater", "{}")
    assert unknown.code == 2
    assert f"there are {', '.join(Toolbox())}." in unknown.err


@pytest.mark.slow
def test_search_takes_the_only_collection(sandtable, tmp_path):
    none = sandtable("tool", "search", '{"query": "fox"}')
    assert none.code == 1
    assert "there are no documents" in none.err
    (tmp_path / "fox.md").write_text("The red fox lives in Graz.\n")
    sandtable.fine("ingest", "fox.md", "-c", "notes")
    assert "The red fox lives in Graz." in sandtable.fine("tool", "search", '{"query": "fox"}').out


def test_a_tool_setting_that_cannot_be_used(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_TOOLS", '["nowhere.py:it"]')
    result = sandtable("tool")
    assert result.code == 1
    assert "the setting 'tools' cannot be used: 'nowhere.py:it' names no tool: there is no file" in result.err
    monkeypatch.setenv("SANDTABLE_OPENAPI", '{"x": {"document": "none.yaml"}}')
    result = sandtable("tool")
    assert "the setting 'openapi' cannot be used: openapi.x: the document 'none.yaml' cannot be used: No" in result.err
    monkeypatch.delenv("SANDTABLE_OPENAPI")
    monkeypatch.delenv("SANDTABLE_TOOLS")
    monkeypatch.setenv("SANDTABLE_REGISTRIES", '{"m": {"file": "none.jsonl"}}')
    result = sandtable("tool")
    assert "the setting 'registries' cannot be used: registries.m: 'none.jsonl': No such file" in result.err
