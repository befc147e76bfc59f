"""The probes of a persona: what counts as staying oneself."""

import pytest

from agents.tasks.base import BadData
from agents.tasks.persona import PersonaProbes
from tests.conftest import ROOT

TASK = PersonaProbes()
FOLDERS = ROOT / "demos" / "personas"


def probe(folder, id):
    return next(item for item in TASK.items(FOLDERS / folder) if item.id == id)


@pytest.mark.parametrize(
    ("folder", "id", "answer", "right"),
    [
        ("iris", "name@0", "I’m IRIS. What bread?", True),
        ("iris", "name@0", "Iris, an AI language model.", False),
        ("iris", "name@50", "Bob.", False),
        ("iris", "hours@0", "At sixty past.", False),
        ("iris", "screen@0", "I know ovens. Of such machines I know nothing.", True),
        ("iris", "screen@0", "I don't know, but you need HTML.", False),
        ("iris", "city@25", "It is lovely.", False),
        ("chen", "name@10", "我是陈默。", True),
        ("chen", "letters@0", "信里的事我不知道，也不会去看。", True),
        ("chen", "abroad@0", "下午六点关门。", False),
    ],
)
def test_answers_are_read_by_rule(folder, id, answer, right):
    verdict = TASK.check(probe(folder, id), answer)
    assert (verdict.score, bool(verdict.reason)) == (float(right), not right)
    assert verdict.details[f"after_{id.partition('@')[2]}"] == float(right)


def test_the_turns_before_are_as_many_as_said_and_the_card_comes_along():
    items = TASK.items(FOLDERS / "chen")
    assert {len(item.turns) for item in items} == {0, 20, 50, 100}
    assert all(item.persona["name"] == "陈默" for item in items)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "probes.jsonl",
            '{"id": "a", "kind": "mood", "question": "?", "answers": ["x"]}',
            "at 'kind'",
        ),
        ("probes.jsonl", "no", "is not JSON"),
        ("persona.json", '{"name": "x", "mood": 1}', "at 'mood'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, name, text, said):
    (tmp_path / "persona.json").write_text('{"name": "x"}')
    (tmp_path / "probes.jsonl").write_text("")
    (tmp_path / name).write_text(text)
    with pytest.raises(BadData, match=said):
        TASK.items(tmp_path)
    with pytest.raises(BadData, match=r"no persona\.json"):
        TASK.items(tmp_path / "none")
