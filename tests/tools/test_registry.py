"""Registry files: our form in TOML and JSON, the published list as it is, what is refused and how it is told."""

import json
from collections import Counter

import pytest

from tools.errors import BadDocument
from tools.registry.base import ranked
from tools.registry.entry import Entry
from tools.registry.files import read_registry

TOML = """
[[experts]]
id = "org/translator"
tasks = ["translation"]
description = "Translates English into German."
downloads = 1200
url = "https://models.example/translate"
body = "inputs"

[[experts]]
id = "calculator"
tasks = ["arithmetic"]
tool = "calculator"

[[experts]]
id = "总结"
tasks = ["summarization", "translation"]
backend = "openai:gpt-4o-mini"
instructions = "用一句话总结。"
args = { text = "要总结的文字" }
"""


def test_toml_and_json_are_the_same_list(tmp_path):
    (tmp_path / "a.toml").write_text(TOML, encoding="utf-8")
    found = read_registry(tmp_path / "a.toml")
    assert [entry.id for entry in found] == ["org/translator", "calculator", "总结"]
    assert [entry.kind() for entry in found] == ["url", "tool", "backend"]
    assert [entry.id for entry in ranked(found, "translation")] == ["org/translator", "总结"]
    rows = [entry.model_dump(mode="json", exclude_defaults=True) for entry in found]
    for name, text in (("b.json", json.dumps(rows)), ("c.json", json.dumps({"experts": rows}))):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert read_registry(tmp_path / name) == found
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert read_registry(tmp_path / "d.jsonl") == found


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.toml", "experts = 1", "list of tables"),
        ("a.toml", "[[experts]]\nid = 'a'\ntasks = ['t']\n[other]\n", "nothing beside it"),
        ("a.toml", "[[experts", "cannot be read"),
        ("a.json", "[]", "lists no experts"),
        ("a.json", '[{"id": "a"}]', "expert 1: tasks: Field required"),
        ("a.json", '[{"id": "a", "tasks": ["t"], "tool": "x", "url": "http://x"}]', "'a' names tool and url"),
        ("a.json", '[{"id": "a", "tasks": ["t"]}, {"id": "a", "tasks": ["t"]}]', "two experts are called 'a'"),
        ("a.json", '[{"id": "a", "tasks": ["t"], "colour": "red"}]', "expert 1: colour: Extra inputs"),
        ("a.json", '[{"id": "a", "tasks": ["t"], "downloads": "many"}]', "expert 1: downloads"),
        ("a.json", '["a"]', "expert 1"),
        ("a.yaml", "a: 1", "a registry is a file .toml, .json or .jsonl"),
        ("nosuch.toml", None, "give the path of a registry file"),
    ],
)
def test_a_file_that_is_no_registry_is_refused_by_place(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadDocument, match=said):
        read_registry(tmp_path / name)


def test_ranks_are_by_downloads_then_likes_then_place():
    entries = [
        Entry(id=id, tasks=("t",), downloads=downloads, likes=likes)
        for id, downloads, likes in (("a", 1, 0), ("b", 5, 0), ("c", 5, 2), ("d", 5, 0), ("e", 9, 0))
    ]
    assert [entry.id for entry in ranked([*entries, Entry(id="x", tasks=("u",))], "t")] == ["e", "c", "b", "d", "a"]


def test_the_published_list_loads_as_it_is_and_is_ranked_as_the_paper_says(data_dir):
    path = data_dir / "hugginggpt" / "p0_models.jsonl"
    entries, rows = read_registry(path), [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(entries) == len(rows) == 673
    types = Counter(task for entry in entries for task in entry.tasks)
    assert len(types) == 24
    assert types == Counter(row["task"] for row in rows)
    for task in types:
        best = ranked(entries, task)[:5]
        most = sorted((row["downloads"] for row in rows if row["task"] == task), reverse=True)[:5]
        assert [entry.downloads for entry in best] == most
        assert all(len(entry.line(100)) <= 100 and "\n" not in entry.line(100) for entry in best)
    # The authors' code offers the first rows of the file instead.
    first = [entry.id for entry in entries if "summarization" in entry.tasks][:5]
    assert [entry.id for entry in ranked(entries, "summarization")[:5]] != first
