"""Which effort is kept, of an index whose recall and time are known."""

import time
from types import SimpleNamespace

import pytest

from retrieval.indexes.plan import Knobs
from retrieval.pace import Pace
from retrieval.tuning import tune

EXACT_MS = 40


class Known:
    """Of ten results an effort of 8 finds one more than `first`, and each doubling one more; its searches take
    `ms` for each 8 of effort."""

    spec = SimpleNamespace(dense=None)

    def __init__(self, first=0, ms=1.0, most=4096):
        self.first, self.ms, self.most = first, ms, most
        self.knobs, self.tried = Knobs(), []

    def looks(self):
        return 64, self.most

    def set_knobs(self, knobs):
        self.knobs = knobs
        if knobs.effort is not None:
            self.tried.append(knobs.effort)

    def search(self, query, vector, k, allow, *, exactly=False):
        effort = self.knobs.effort or 64
        time.sleep((EXACT_MS if exactly else self.ms * effort / 8) / 1000)
        right = k if exactly else min(k, self.first + effort.bit_length() - 3)
        return [SimpleNamespace(id=number) for number in range(right)]


def tuned(index, target):
    (note,) = tune(index, ["a", "b"], target, Pace())
    return index.knobs.effort, note


def test_the_least_effort_that_reaches_the_target_is_kept():
    index = Known(first=6)
    assert tuned(index, 0.9) == (32, "target_recall 0.9: effort 32")
    assert index.tried[:4] == [8, 16, 32, 64]


def test_no_effort_is_kept_that_takes_longer_than_an_exact_search():
    index = Known(first=1, ms=2.0)
    effort, note = tuned(index, 0.99)
    assert effort == 128  # 32 ms; 256 would take 64 and is the last that is tried
    assert note == "target_recall 0.99 was not reached by searches quicker than exact ones: 0.600 at most"
    assert max(index.tried) <= 256


def test_where_all_is_quick_an_exact_search_is_no_measure(monkeypatch):
    monkeypatch.setattr(f"{__name__}.EXACT_MS", 0.1)
    assert tuned(Known(first=5, ms=0.3), 0.9)[0] == 64


@pytest.mark.parametrize("index", [Known(first=9, most=8), Known(first=0, ms=50.0, most=8)], ids=["enough", "slow"])
def test_one_effort_is_better_than_none(index):
    assert tuned(index, 0.9)[0] == 8
