"""`sandtable eval memory-recall` and `memory-scenarios`: what memory tells, beside BM25 and a plain vector store."""

import json

import pytest

from tests.server.command_line import CommandLine
from tests.server.test_cli_studies import talk


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "200")
    return CommandLine(capsys)


@pytest.mark.slow
def test_each_memory_tells_the_turns_that_it_should(sandtable, tmp_path):
    (tmp_path / "talks").mkdir()
    seen = {"Ann": [["Ann's parrot Coco flew out of the kitchen window.", "D1:3"]]}
    (tmp_path / "talks" / "1.json").write_text(json.dumps({**talk(), "session_1_observation": seen}))
    found = sandtable.fine("eval", "memory-recall", "--data", "talks", "--plot", "recall.png", "--json").json
    recall = {row["memory"]: row["recall"]["mean"] for row in found["rows"]}
    assert found["questions"] == 2
    assert recall["bm25"] == recall["long, messages"] == recall["long, statements"] == recall["long, facts"] == 1.0
    assert recall["short, messages"] == 0.5  # The bicycle is lately said; the parrot was long ago.
    assert recall["hybrid, messages"] == 1.0
    assert (tmp_path / "recall.png").stat().st_size > 5_000
    assert "long, facts" in sandtable.fine("eval", "memory-recall", "--data", "talks").out


@pytest.mark.slow
def test_long_memory_tells_more_of_the_evidence_than_bm25(sandtable, data_dir):
    found = sandtable.fine("eval", "memory-recall", "--data", data_dir / "locomo", "--json").json
    rows = {row["memory"]: row for row in found["rows"]}
    for name in ("long, messages", "long, statements", "long, facts", "hybrid, messages", "hybrid, facts"):
        assert rows[name]["recall"]["mean"] >= rows["bm25"]["recall"]["mean"] + 0.02, name
    assert set(rows["bm25"]["by_category"]) == {"multi-hop", "temporal", "open-domain", "single-hop", "adversarial"}


@pytest.mark.slow
def test_what_changed_is_not_told_as_if_it_still_held(sandtable, tmp_path):
    found = sandtable.fine("eval", "memory-scenarios", "--plot", "stale.png", "--json").json
    rows = {(row["store"], row["scenario"], row["about"]): row for row in found["rows"]}
    for scenario in ("overwrite", "conflict", "time", "forget", "near-duplicate"):
        ours, plain = (rows[store, scenario, "the user"] for store in ("long", "vectors"))
        assert (ours["right"], ours["stale"], ours["duplicate"]) == (1.0, 0.0, 0.0)
        assert plain["stale"] == 1.0 or plain["duplicate"] > 0
        assert rows["long", scenario, "things"]["duplicate"] == 0.0
    assert (tmp_path / "stale.png").stat().st_size > 5_000
    assert "near-duplicate" in sandtable.fine("eval", "memory-scenarios").out
