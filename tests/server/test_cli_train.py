"""`sandtable train-retriever` in process on a data directory."""

import json

import pytest

from server.cli.training_rows import rows_of
from tests.retrieval import tiny_encoder
from tests.server.command_line import CommandLine


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "rows.jsonl").write_text(tiny_encoder.lines(tiny_encoder.rows()), "utf-8")
    return CommandLine(capsys)


def test_a_folder_of_the_beir_form_becomes_rows(tmp_path):
    (tmp_path / "qrels").mkdir()
    corpus = [
        {"_id": "a", "title": "港口", "text": "渔船"},
        {"_id": "b", "text": "roads"},
        {"_id": "c", "text": "grid"},
    ]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), "utf-8")
    queries = [{"_id": "q1", "text": "boats?"}, {"_id": "q2", "text": "nothing right"}]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)), "utf-8")
    (tmp_path / "qrels" / "train.tsv").write_text("query\tdoc\tgrade\nq1\ta\t2\nq1\tb\t0\nq2\tc\t0\n", "utf-8")
    assert [json.loads(line) for line in rows_of(tmp_path, "train").decode().splitlines()] == [
        {"query": "boats?", "positives": ["港口\n\n渔船"], "negatives": ["roads"]},
        {"passage": "港口\n\n渔船"},
        {"passage": "roads"},
        {"passage": "grid"},
    ]


def test_wrong_use_is_told(sandtable):
    assert sandtable("train-retriever", "notes").code == 2
    assert sandtable("train-retriever", "notes", "rows.jsonl", "-c", "notes").code == 2
    assert sandtable("train-retriever", "notes", "--job", "ftjob-1").code == 2
    gone = sandtable("train-retriever", "notes", "gone.jsonl", "--json")
    assert (gone.code, "cannot be read" in gone.json["error"]["message"]) == (2, True)
    refused = sandtable("train-retriever", "notes", "rows.jsonl", "--base", "no/such", "--json")
    assert (refused.code, refused.json["error"]["param"]) == (1, "model")
    bounds = sandtable("train-retriever", "notes", "rows.jsonl", "--held", "0.9", "--json")
    assert bounds.json["error"]["param"] == "sandtable.held"
    assert sandtable("train-retriever", "--job", "ftjob-1", "--json").json["error"]["code"] == "not_found"


@pytest.mark.slow
def test_a_retriever_is_trained_followed_and_swapped_in(sandtable, tmp_path):
    base = tiny_encoder.make(tmp_path / "tiny")
    options = ["--base", str(base), "--epochs", "2", "--batch-size", "8", "--learning-rate", "0.002"]
    told = sandtable.fine("train-retriever", "notes", "rows.jsonl", *options)
    name = told.out.split()[1]
    assert name.startswith("ft:notes-")
    for part in ("MRR@10", "BM25", "hybrid, after", "gain", f"--embedder {name} --activate"):
        assert part in told.out
    assert "Step 0: average_rank" in told.err
    job = f"ftjob-{name.rpartition('-')[2]}"
    again = sandtable.fine("train-retriever", "--job", job, "--json").json
    assert (again["status"], again["fine_tuned_model"]) == ("succeeded", name)
    (tmp_path / "a.txt").write_text("note 1 . amber birch .")
    sandtable.fine("ingest", "a.txt", "-c", "notes")
    swapped = sandtable.fine("swap", "notes", "flat", "--embedder", name, "--activate", "--json").json
    assert (swapped["generation"]["status"], swapped["generation"]["spec"]["embedder"]) == ("active", name)
