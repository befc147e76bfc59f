"""`sandtable toolformer-filter` from the shell's point of view, with a table of probabilities as the model."""

import json

import pytest

from tests.server.command_line import CommandLine

TOKENS = ["six", " is", " 6", " [", "[", "calculator(3+3)", "calculator(1+1)", "]"]
RULES = [
    {"prompt": "[calculator(3+3) → 6]\nsix is", "next": {" 6": 0.9}},
    {"prompt": "=six is [", "after": [], "next": {"calculator(3+3)": 0.6, "calculator(1+1)": 0.4}},
    {"prompt": "=six is [", "next": {"]": 1.0}},
    {"prompt": "=six is", "after": [], "next": {" [": 0.5, " 6": 0.5}},
    {"prompt": "calculator>", "next": {" is": 1.0}},
    {"prompt": "\nsix is", "next": {" 6": 0.01}},
]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "table.json").write_text(json.dumps({"tokens": TOKENS, "rules": RULES}), "utf-8")
    (tmp_path / "prompt.txt").write_text("{tool}> {text}\n=", "utf-8")
    return CommandLine(capsys)


def lines(path, *rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


USUAL = ("-b", "table:table.json", "-t", "calculator", "-o", "out.jsonl", "--prompt", "prompt.txt")


def test_texts_get_the_calls_that_help(sandtable, tmp_path):
    texts = lines(tmp_path / "texts.jsonl", {"text": "six is 6", "id": 7}, {"text": "six is"})
    told = sandtable.fine("toolformer-filter", texts, *USUAL, "-m", "30", "--json").json
    assert {name: told[name] for name in ("texts", "texts_kept", "sampled", "readable", "kept")} == {
        "texts": 2, "texts_kept": 1, "sampled": 30, "readable": 2, "kept": 1,
    }  # fmt: skip
    (kept,) = map(json.loads, (tmp_path / "out.jsonl").read_text("utf-8").splitlines())
    assert (kept["text"], kept["source"], kept["id"]) == ("six is [calculator(3+3) → 6] 6", "six is 6", 7)
    (call,) = kept["calls"]
    assert (call["at"], call["tool"], call["call"], call["result"], call["chance"]) == (
        6, "calculator", "calculator(3+3)", "6", pytest.approx(0.5),
    )  # fmt: skip
    # A third of ln 0.9 - ln 0.01.
    assert call["gain"] == pytest.approx(1.499936, abs=1e-5)


def test_proposed_calls_are_judged_and_what_is_wrong_is_named(sandtable, tmp_path):
    calls = [{"at": 6, "call": "calculator(3+3)"}, {"at": 6, "call": "calculator(1/0)"}, {"at": 6, "call": "hm"}]
    texts = lines(tmp_path / "texts.jsonl", {"text": "six is 6", "calls": calls})
    out = sandtable.fine("toolformer-filter", texts, *USUAL).out
    assert out == (
        "places 0, sampled 3, readable 2, made 1, judged 1, kept 1\n1 of 1 texts have calls that help: out.jsonl\n"
    )
    refused = sandtable("toolformer-filter", texts, *USUAL, "-b", "extractive")
    assert refused.code == 2
    assert "backend 'extractive' cannot score a given continuation (capability 'scoring')" in refused.err
    unknown = sandtable("toolformer-filter", texts, *USUAL, "-t", "abacus")
    assert (unknown.code, "there is no tool 'abacus'; there are calculator" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"text": " "}, 'line 1: it needs a "text"'),
        ({"text": "a", "calls": [{"at": 2, "call": "x()"}]}, 'line 1: each of "calls"'),
        ([], 'line 1: it needs a "text"'),
    ],
)
def test_a_line_that_cannot_be_read_is_named(sandtable, tmp_path, row, why):
    result = sandtable("toolformer-filter", lines(tmp_path / "texts.jsonl", row), *USUAL)
    assert result.code == 2
    assert why in result.err
    assert not (tmp_path / "out.jsonl").exists()
