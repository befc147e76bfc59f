"""`sandtable swap` in process on a data directory."""

import pytest

from server.cli.options import Where
from server.cli.swap import Swap
from tests.server.command_line import CommandLine


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "120")
    for n, word in enumerate(("fox", "ferry", "火车")):
        (tmp_path / f"{n}.txt").write_text(f"The {word} of note {n} is seen at eight in the morning.\n")
    line = CommandLine(capsys)
    line.fine("ingest", "0.txt", "1.txt", "2.txt", "-c", "notes")
    return line


@pytest.mark.slow
def test_a_swap_shows_both_sides_and_the_way_back(sandtable):
    shown = sandtable.fine("swap", "notes", "hnsw").out
    for part in ("before: auto", "after: hnsw", "recall@10 against exact", "search p50, ms", "bytes a vector"):
        assert part in shown
    made = shown.rpartition("to search with it: sandtable swap notes ")[2].split()[0]
    activated = sandtable.fine("swap", "notes", made, "--activate", "--json").json
    assert activated["generation"]["id"] == made
    assert (activated["generation"]["status"], activated["before"]["status"]) == ("active", "active")
    back = sandtable.fine("swap", "notes", activated["before"]["id"], "--activate").out
    assert "the way back: sandtable swap notes" in back
    assert sandtable.fine("search", "morning ferry", "-c", "notes", "--json").json["generation"] != made


def test_a_target_is_a_gate(sandtable):
    found = sandtable.fine("swap", "notes", "hybrid(ivf,bm25)", "--target-recall", "0.95", "--activate", "--json").json
    assert found["generation"]["status"] == "active"
    assert found["generation"]["metrics"]["recall_at_10"] == 1.0
    assert found["generation"]["notes"] == ["ivf trains on at least 156 vectors, there are 3: exact search"]


def test_what_goes_wrong_is_told(sandtable):
    failed = sandtable("swap", "notes", "magic", "--json")
    assert (failed.code, failed.json["error"]["param"]) == (1, "index")
    assert "no collection 'nosuch'" in sandtable("swap", "nosuch", "hnsw").err
    missing = sandtable("swap", "notes", "flat", "--embedder", "/no/such/model", "--json")
    assert (missing.code, missing.json["error"]["code"]) == (1, "embedder_missing")
    assert sandtable("swap", "notes", "hnsw", "--force").code == 2
    assert sandtable("swap", "notes", "hnsw", "--target-recall", "1.2").code == 2
    assert sandtable("swap", "notes", "gen_none", "--activate", "--json").json["error"]["code"] == "not_found"


@pytest.mark.slow
def test_chunks_are_cut_anew_and_gates_are_named(sandtable):
    cut = sandtable.fine("swap", "notes", "bm25", "--chunk-tokens", "200", "--chunk-overlap", "20", "--json").json
    sizes = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 20}
    assert cut["generation"]["spec"]["chunking"] == {"type": "static", "static": sizes}
    slow = sandtable("swap", "notes", "flat", "--max-p99-ms", "0.000001", "--activate", "--json").json["error"]
    assert slow["code"] == "gate_failed"
    assert slow["sandtable"]["generation"]["metrics"]["p99_ms"] > 0.000001
    assert slow["sandtable"]["before"]["status"] == "active"
    unjudged = sandtable("swap", "notes", "flat", "--no-worse-ndcg", "--json").json["error"]
    assert (unjudged["param"], unjudged["code"]) == ("gate.no_worse_ndcg", "no_judgments")
    assert sandtable("swap", "notes", "flat", "--chunk-overlap", "20").code == 2
    assert "at most half" in sandtable("swap", "notes", "flat", "--chunk-tokens", "100", "--chunk-overlap", "99").err
    assert "--min-recall is for" in sandtable("swap", "notes", "gen_x", "--min-recall", "0.9").err


@pytest.mark.slow
def test_one_that_misses_its_gate_is_shown_beside_what_serves(sandtable):
    refused = sandtable("swap", "notes", "flat", "--max-p99-ms", "0.000001", "--activate")
    assert refused.code == 1
    for part in ("before: auto", "after: flat", "search p99, ms", "all the same: sandtable swap notes gen_"):
        assert part in refused.out
    assert "does not pass its gate: p99_ms is" in refused.err
    made = refused.out.rpartition("swap notes ")[2].split()[0]
    assert refused.out.rstrip().endswith(f"{made} --activate --force")
    assert "activated by force" in sandtable.fine("swap", "notes", made, "--activate", "--force").out


@pytest.mark.parametrize(("url", "who"), [("http://127.0.0.1:1", "the service"), (None, "the next command or service")])
def test_a_swap_that_is_stopped_says_what_goes_on(url, who):
    begun = Swap("notes", {"index": "flat"}, activate=False, force=False, quiet=True)
    where = Where(url, None, None, None)
    assert begun.how_to_go_on(where) == "stopped"
    begun.building = "gen_1"
    told = begun.how_to_go_on(where)
    assert who in told
    assert told.endswith("with building gen_1: `sandtable generations cancel notes gen_1` ends it")


@pytest.mark.slow
def test_generations_are_listed_and_deleted(sandtable):
    made = sandtable.fine("swap", "notes", "bm25", "--json").json["generation"]["id"]
    listed = sandtable.fine("generations", "list", "notes", "--json").json["data"]
    assert [one["id"] == made for one in listed] == [True, False]
    shown = sandtable.fine("generations", "list", "notes").out
    assert "bm25" in shown
    assert made in shown
    assert "active" in shown
    assert (
        sandtable("generations", "cancel", "notes", made, "--json").json["error"]["code"] == "generation_not_building"
    )
    assert "is deleted" in sandtable.fine("generations", "delete", "notes", made).err
    active = listed[1]["id"]
    assert sandtable("generations", "delete", "notes", active, "--json").json["error"]["code"] == "generation_active"
    assert sandtable("generations", "delete", "notes").code == 2
    assert sandtable("generations", "list", "notes", active).code == 2
