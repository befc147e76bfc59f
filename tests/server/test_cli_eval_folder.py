"""`sandtable eval` on a small folder of the BEIR form."""

import json

import pytest

from tests.server.command_line import CommandLine

WORDS = ["fox", "ferry", "harbour", "plum", "saga", "winter", "火车", "港口"]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "160")
    folder = tmp_path / "mini"
    (folder / "qrels").mkdir(parents=True)
    corpus = [
        {"_id": f"d/{n}", "title": f"On {word}", "text": f"The {word} of part {n}."} for n, word in enumerate(WORDS)
    ]
    corpus.append({"_id": "empty", "text": " "})
    queries = [{"_id": f"q{n}", "text": f"part {n}: {word}"} for n, word in enumerate(WORDS)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    judged = "\n".join(f"q{n}\td/{n}\t1" for n in range(len(WORDS)))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}\nq0\tempty\t1\n")
    return CommandLine(capsys)


@pytest.mark.slow
def test_indexes_are_measured_side_by_side_and_again_without_new_work(sandtable, tmp_path):
    found = sandtable.fine("eval", "mini", "-i", "bm25", "-i", "hybrid", "--plot", "mini.svg", "--json").json
    assert (found["documents"], found["n_queries"], found["k"]) == (8, 8, 10)
    first, second = found["data"]
    assert first["judged"]["metrics"]["ndcg"]["mean"] == 1.0
    assert second["judged"]["versus_active"]["ndcg"]["mean"] <= 0
    drawn = (tmp_path / "mini.svg").read_text("utf-8")
    assert all(f"<!-- {name} -->" in drawn for name in ("recall@10", "nDCG@10", "search p50, ms"))
    again = sandtable.fine("eval", "mini", "-i", "bm25", "-i", "hybrid", "-n", "3", "--json").json
    assert [row["id"] for row in again["data"]] == [row["id"] for row in found["data"]]
    assert again["n_queries"] == 3
    alone = sandtable.fine("eval", "mini", "-i", "bm25", "-i", "hybrid", "-n", "1", "--json").json
    assert alone["data"][1]["judged"]["versus_active"]["ndcg"]["p_value"] == 1.0
    reranked = sandtable.fine("eval", "mini", "-i", "bm25", "--rerank", "neighbours", "--json").json["data"]
    assert [row["judged"]["rerank"] for row in reranked] == [None, "neighbours"]
    assert reranked[1]["judged"]["versus_plain"]["ndcg"]["p_value"] <= 1
    assert "neighbours" in sandtable.fine("eval", "mini", "-i", "bm25", "--rerank", "neighbours").out
    shown = sandtable.fine("eval", "mini", "-i", "bm25", "--plot", "mini.png").out
    assert "mini: 8 documents, 8 judged queries" in shown
    assert "1.000 [1.000, 1.000]" in shown
    assert (tmp_path / "mini.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_with_a_folder_is_told(sandtable, tmp_path):
    (tmp_path / "mini" / "corpus.jsonl").write_text('{"_id": "a", "text": "x"}\n{"_id": \n')
    assert "corpus.jsonl, line 2: not JSON" in sandtable("eval", "mini").err
    (tmp_path / "mini" / "corpus.jsonl").write_text('{"_id": "other", "text": "x"}\n')
    assert "no judgment of a query and a document" in sandtable("eval", "mini").err
    (tmp_path / "mini" / "qrels" / "test.tsv").write_text("q0\td/0\t1\nq1 d/1 1\n")
    assert "test.tsv, line 2" in sandtable("eval", "mini").err
    assert "has neither qrels/dev.tsv nor qrels.tsv" in sandtable("eval", "mini", "--split", "dev").err
    assert sandtable("eval", "nosuch").code == 2
    assert "there is no folder './nosuch'" in sandtable("eval", "./nosuch").err
    (tmp_path / "mini" / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq0\tnone\t1\n")
    assert (
        "no qrels/dev.tsv in 'mini': all of its qrels.tsv is taken" in sandtable("eval", "mini", "--split", "dev").err
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nowhere/x.png", "there is no folder 'nowhere'"),
        ("x.jpg", "ends in neither .png nor .svg"),
        ("folder.png", "'folder.png' cannot be written"),
    ],
)
def test_where_a_picture_cannot_go_is_told_before_anything_is_measured(sandtable, tmp_path, path, why):
    (tmp_path / "folder.png").mkdir()
    refused = sandtable("eval", "mini", "--plot", path, "--json")
    assert (refused.code, why in refused.json["error"]["message"]) == (2, True)
    assert not (tmp_path / ".sandtable").exists()


def test_what_else_is_wrong_is_told(sandtable):
    assert "-p does not go with a folder" in sandtable("eval", "mini", "-p", "rag").err
    assert "--rerank does not go with a task" in sandtable("eval", "game24", "--rerank", "neighbours").err
    assert "-i does not go with a task" in sandtable("eval", "game24", "-i", "flat").err
