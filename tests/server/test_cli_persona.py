"""`sandtable ask --persona` and `sandtable eval persona`."""

import json

import pytest

from tests.conftest import ROOT
from tests.server.command_line import CommandLine
from tests.server.test_personas import MARA


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", json.dumps(MARA, ensure_ascii=False)),
        ("a.toml", 'name = "Mara"\n[[limits]]\nabout = "London"\nwords = ["London"]\nreply = "I never left."'),
        ("a.yaml", 'name: Mara\nlimits:\n- {about: London, words: [London], reply: "I never left."}'),
    ],
)
def test_a_card_on_the_command_line(tmp_path, monkeypatch, capsys, name, text):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    (tmp_path / name).write_text(text)
    sandtable = CommandLine(capsys)
    assert "I never left." in sandtable.fine("ask", "London?", "-p", "chat", "--persona", name).out
    (tmp_path / "bad.toml").write_text("name = 1979-05-27")
    assert "is not TOML" in sandtable("ask", "?", "-p", "chat", "--persona", "bad.toml").err
    (tmp_path / "odd.json").write_text('{"name": "M", "mood": "x"}')
    odd = sandtable("ask", "?", "-p", "chat", "--persona", "odd.json")
    assert (odd.code, "sandtable.persona.mood" in odd.err) == (2, True)


SCRIPT = [
    {"match": "^What is your name", "told": "You are Iris Holm", "text": "Iris. Will you have a loaf?"},
    {"match": "^What do you do", "told": "You are Iris Holm", "text": "I bake."},
    {"match": "^Where were you born", "told": "island of Sund", "text": "On Sund."},
    {"match": "^Who taught you", "told": "old Ansel", "text": "Old Ansel."},
    {"match": "^When do you open", "told": "at six", "text": "At six."},
    {"match": "big city", "told": "never left Sund", "text": "I don't know. I never went."},
    {"match": ".", "text": "I am an assistant; it is crowded."},
]


@pytest.mark.slow
def test_a_persona_is_probed_at_once_and_after_fifty_turns(tmp_path, monkeypatch, capsys):
    """The script answers right only where the card is in the request."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    folder = ROOT / "demos" / "personas" / "iris"
    found = CommandLine(capsys).fine(
        "eval", "persona", "--data", folder, "-b", "scripted:script.json", "--json"
    ).json  # fmt: skip
    assert (found["items"], found["failed"]) == (32, 0)
    assert {name: metric["mean"] for name, metric in found["metrics"].items()} == {
        "score": 1.0, "attribute": 1.0, "limit": 1.0, "after_0": 1.0, "after_10": 1.0, "after_25": 1.0, "after_50": 1.0,
    }  # fmt: skip
    assert found["metrics"]["after_50"]["n"] == 8
    assert found["calls"] == 0.75  # Two probes of eight are beyond limits with words: nobody is asked.
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT[-1:]))
    wrong = CommandLine(capsys).fine(
        "eval", "persona", "--data", folder, "-b", "scripted:script.json", "--fresh", "--json"
    ).json  # fmt: skip
    assert (wrong["metrics"]["attribute"]["mean"], wrong["metrics"]["limit"]["sum"]) == (0.0, 8.0)
