"""Answers as SQuAD and HotpotQA compare them."""

import pytest

from agents.tasks.base import BadData, Item
from agents.tasks.closed_wiki import ClosedWiki, f1, normalised

TASK = ClosedWiki()


@pytest.mark.parametrize(
    ("answer", "gold", "exact", "shared"),
    [
        ("The Eiffel Tower.", "eiffel tower", 1.0, 1.0),
        ("Jonny\" Craig", "jonny craig", 1.0, 1.0),
        ("in Bath, Maine", "Bath, Maine", 0.0, 0.8),
        ("yes", "Yes", 1.0, 1.0),
        ("yes it is", "yes", 0.0, 0.0),
        ("no", "yes", 0.0, 0.0),
        ("北京市。", "北京市", 1.0, 1.0),
        ("北京", "北京市", 0.0, 0.8),
        ("", "x", 0.0, 0.0),
        ("the", "a", 1.0, 1.0),
    ],
)  # fmt: skip
def test_an_answer_is_compared_by_its_words(answer, gold, exact, shared):
    verdict = TASK.check(Item(id="1", question="?", gold=(gold,)), answer)
    assert (verdict.score, verdict.details["f1"]) == (exact, pytest.approx(shared))


def test_the_best_of_the_gold_answers_counts():
    assert TASK.check(Item(id="1", question="?", gold=("a b", "c")), "C!").score == 1.0


def test_normalisation_is_squads():
    assert normalised("  The  U.S.A. (an) answer-a ") == "usa answera"
    assert f1("a b b", "b b c") == pytest.approx(0.8)


def test_the_sample_of_hotpotqa(data_dir, tmp_path):
    items = TASK.items(data_dir / "hotpotqa-sample")
    assert len(items) == 60
    assert all(TASK.check(item, item.gold[0]).score == 1.0 for item in items)
    assert TASK.check(items[0], "something else").reason == "another answer"
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "q"}\n')
    with pytest.raises(BadData, match="line 1"):
        TASK.items(tmp_path)
    with pytest.raises(BadData, match=r"no queries\.jsonl"):
        TASK.items(tmp_path / "nowhere")
