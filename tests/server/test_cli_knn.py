"""Pairs of question and answer, from a file to an answer and to a score."""

import json

import pytest

from tests.server.command_line import CommandLine

PAIRS = [
    {"id": "a", "question": "How tall is the Eiffel Tower?", "answer": "330 metres"},
    {"id": "b", "question": "What is the height of the Eiffel Tower in Paris?", "answers": ["330 metres", "330 m"]},
    {"id": "c", "question": "法国的首都是哪里？", "answer": "巴黎"},
    {"id": "d", "question": "Which river runs through Vienna?", "answer": "the Danube"},
]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, PAIRS)))
    return CommandLine(capsys)


@pytest.mark.slow
def test_pairs_are_stored_asked_and_scored_without_their_own_row(sandtable, tmp_path):
    put = ("ingest", "pairs.jsonl", "--pairs", "-c", "faq", "--json")
    first = sandtable.fine(*put).json
    assert [(file["path"], file["result"]) for file in first["files"]][:2] == [
        ("pairs.jsonl/a.txt", "added"),
        ("pairs.jsonl/b.txt", "added"),
    ]
    assert sandtable.fine(*put).json["counts"] == {"added": 0, "replaced": 0, "unchanged": 4, "failed": 0}
    reply = sandtable.fine("ask", "法国首都在哪里", "-p", "knn", "-c", "faq", "-o", "similarity=bm25", "--json").json
    assert reply["choices"][0]["message"]["content"] == "巴黎"
    assert reply["choices"][0]["message"]["annotations"][0]["quote"] == PAIRS[2]["question"]

    folder = tmp_path / "task"
    folder.mkdir()
    rows = [{"_id": p["id"], "text": p["question"], "answers": p.get("answers") or [p["answer"]]} for p in PAIRS]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    scored = ("eval", "closed-wiki", "--data", folder, "-p", "knn", "-c", "faq", "-o", "similarity=dense", "--json")
    found = sandtable.fine(*scored).json
    assert found["options"] == {"leave_out": True, "similarity": "dense"}
    # The two about the tower find each other; the other two have no row but their own.
    assert (found["metrics"]["score"]["sum"], found["calls"]) == (2.0, 0.0)


def test_a_table_of_pairs(sandtable, tmp_path):
    (tmp_path / "faq.csv").write_text("Question;Answer\nHow tall?;330 m\nHow old?;135 years\n")
    found = sandtable.fine("ingest", "faq.csv", "--pairs", "-c", "faq", "--json").json
    assert found["counts"]["added"] == 2
    assert [file["name"] for file in found["files"]] == ["faq.csv/1.txt", "faq.csv/2.txt"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"question": "How?"}', "row 1: it has no 'answer'"),
        ("a.jsonl", '{"question": "How?", "answer": "so"}\n{', "row 2: it is not valid JSON"),
        ("a.jsonl", "[1]", "row 1: it is no object"),
        ("a.jsonl", json.dumps({"question": "How?", "answer": "so" * 300}), "600 characters, an attribute takes 512"),
        ("a.jsonl", '{"id": 1, "question": "a", "answer": "b"}\n' * 2, "row 2: its id is that of an earlier row"),
        ("a.csv", "question;answer\n;so\nb;so\n", "row 1: it has no 'question'"),
        ("a.md", "How? So.", "pairs are read from .csv, .tsv and .jsonl"),
    ],
)
def test_what_is_no_pair_is_named(sandtable, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    refused = sandtable("ingest", name, "--pairs", "-c", "faq")
    assert refused.code == 2
    assert said in refused.err
