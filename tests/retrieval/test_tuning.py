"""Which effort is kept, of an index whose recall and time are known."""

from types import SimpleNamespace

from retrieval.indexes.plan import Knobs
from retrieval.pace import Pace
from retrieval.tuning import tune


class Known:
    """Of ten results an effort of 8 finds one more than `first`, and each doubling one more; its searches take
    `ms` for each 8 of effort, and exact ones `exact_ms`, by a clock of its own."""

    spec = SimpleNamespace(dense=None)

    def __init__(self, first=0, ms=1.0, most=4096, exact_ms=40.0):
        self.first, self.ms, self.most, self.exact_ms = first, ms, most, exact_ms
        self.knobs, self.tried, self.now = Knobs(), [], 0.0

    def looks(self):
        return 64, self.most

    def set_knobs(self, knobs):
        self.knobs = knobs
        if knobs.effort is not None:
            self.tried.append(knobs.effort)

    def search(self, query, vector, k, allow, *, exactly=False):
        effort = self.knobs.effort or 64
        self.now += (self.exact_ms if exactly else self.ms * effort / 8) / 1000
        right = k if exactly else min(k, self.first + effort.bit_length() - 3)
        return [SimpleNamespace(id=number) for number in range(right)]


def tuned(index, target):
    (note,) = tune(index, ["a", "b"], target, Pace(), lambda: index.now)
    return index.knobs.effort, note


def test_the_least_effort_that_reaches_the_target_is_kept():
    index = Known(first=6)
    assert tuned(index, 0.9) == (32, "target_recall 0.9: effort 32")
    assert index.tried[:4] == [8, 16, 32, 64]


def test_no_effort_is_kept_that_takes_longer_than_an_exact_search():
    index = Known(first=1, ms=2.0)
    effort, note = tuned(index, 0.99)
    assert effort == 128  # 32 ms; 256 would take 64 and is the last that is tried
    assert note == "target_recall 0.99 was not reached: 0.600 at most, by efforts quicker than exact search"
    assert max(index.tried) <= 256


def test_where_all_is_quick_an_exact_search_is_no_measure():
    assert tuned(Known(first=5, ms=0.3, exact_ms=0.1), 0.9)[0] == 64


def test_if_even_the_least_is_slower_it_is_kept_and_said():
    index = Known(first=9, ms=60.0)
    effort, note = tuned(index, 0.9)
    assert (effort, max(index.tried)) == (8, 8)
    assert note == "target_recall 0.9 was not tried: even effort 8 takes longer than an exact search"


def test_one_slow_moment_ends_nothing():
    class Hindered(Known):
        searches = 0

        def search(self, *args, exactly=False):
            self.searches += not exactly
            if self.searches in (3, 4):  # both of the second effort's first try
                self.now += 0.1
            return super().search(*args, exactly=exactly)

    assert tuned(Hindered(first=6), 0.9) == (32, "target_recall 0.9: effort 32")
