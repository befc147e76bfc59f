"""`sandtable ask --persona` and `sandtable eval persona`."""

import json

import pytest

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
