"""Passages swapped from index to index, to another embedder and back, under searches, additions and deletions."""

import pytest

from benchmarks.other_model import projected
from benchmarks.swap import swap
from tests.e2e.live import server


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
def test_a_collection_is_swapped_through_all_kinds_under_load_and_back(
    tmp_path, data_dir, pytestconfig, record_property
):
    folder = projected(tmp_path / "other-model")
    with server(tmp_path / "data") as live:
        done = swap(live.url, data_dir, pytestconfig.getoption("--passages"), folder, quiet_s=6)
    for step in done.steps:
        record_property(step.name, str(step))
    record_property("before", done.before)
    record_property("during", done.during)
    assert (done.failed, done.short) == (0, 0), "no search fails, and none comes back short"
    assert (done.lost, done.resurrected) == (0, 0), "every generation holds what is there, and nothing else"
    assert done.changes > 50
    assert done.gone > 10
    assert done.rollback_recall == 1.0
    recalls = {step.name: step.recall for step in done.steps if step.recall is not None}
    assert len(recalls) == 3
    assert min(recalls.values()) >= 0.95, recalls
