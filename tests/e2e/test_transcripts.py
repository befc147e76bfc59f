"""What the docs show of a demo is what it prints today."""

import pytest

from demos.catalog import DEMOS
from tests.e2e import transcripts
from tests.e2e.live import server


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with server(tmp_path_factory.mktemp("transcripts") / "data") as running:
        yield running.url


@pytest.mark.slow
@pytest.mark.parametrize("name", DEMOS)
def test_a_transcript_is_what_the_demo_prints(name, url):
    kept = (transcripts.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert transcripts.comparable(transcripts.page(name, url)) == transcripts.comparable(kept)


def test_every_demo_has_a_transcript_and_nothing_else_has():
    assert {path.stem for path in transcripts.FOLDER.glob("*")} == set(DEMOS)


def test_times_and_ids_may_differ_and_nothing_else():
    kept = "took 0.12 s, run 01a212cf-1036-7427-813c-51eba98c0d33: 4 of 4"
    again = "took 17 ms, run 01a212cf-1054-7034-a235-287bfaee23e8: 4 of 4"
    assert transcripts.comparable(kept) == transcripts.comparable(again)
    assert transcripts.comparable(kept) != transcripts.comparable(again.replace("4 of 4", "3 of 4"))
    table = "a   score\n────\nx   0.512\n\n0.36 euros"
    assert transcripts.comparable(table) == ["a score", "─", "x NUMBER", "", "0.36 euros"]
