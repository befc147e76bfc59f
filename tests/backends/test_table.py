"""A table of probabilities as a model: what it says is known exactly, so it judges the search and the sampling."""

import itertools
import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.base import Context, Message, Request, complete
from backends.causal.backend import Causal
from backends.causal.beam import Search, Weighted
from backends.causal.sampling import Sampler
from backends.causal.table import Rule, Table, TableModel
from backends.errors import BadSpec, RequestRefused
from backends.load import load
from backends.scoring import Scored, total

COIN = Table(tokens=("0", "1"), rules=(Rule(after=(), next={"0": 0.6, "1": 0.4}), Rule(after=("0",), next={"1": 0.5})))


def backend(table=COIN):
    return Causal("table:test", lambda: TableModel(table))


def request(text="?", **fields):
    return Request(messages=(Message(role="user", content=text),), **fields)


async def test_scores_are_the_table():
    scores = await Scored(backend()).score("any", "01")
    assert [(token.token, token.logprob) for token in scores] == [("0", math.log(0.6)), ("1", math.log(0.5))]
    never = await Scored(backend()).score("any", "10")
    assert total(never) == -math.inf
    with pytest.raises(RequestRefused, match="no token for 'x'"):
        await Scored(backend()).score("any", "1x")


async def test_samples_fall_as_often_as_the_table_says():
    made = backend()
    texts = Counter([(await complete(made.stream(request(seed=seed)))).message.content for seed in range(600)])
    assert texts == {"0": pytest.approx(180, abs=50), "01": pytest.approx(180, abs=50), "1": pytest.approx(240, abs=50)}


def test_the_lowest_temperature_takes_the_best():
    import numpy as np

    rows = np.log([0.2, 0.5, 0.3]), np.array([-np.inf, -3.0, -2.0])
    assert [Sampler(request(temperature=1e-320)).choose(row) for row in rows] == [1, 2]


async def test_beams_find_the_most_probable_answer():
    found = await complete(backend().stream(request(beams=3)))
    assert [(h.text, round(math.exp(h.logprob), 12)) for h in found.hypotheses] == [("1", 0.4), ("01", 0.3), ("0", 0.3)]
    assert found.finish == "stop"
    stopped = await complete(backend().stream(request(beams=2, stop=("1",))))
    assert {h.text for h in stopped.hypotheses} == {"", "0"}


CHANCES = st.lists(st.integers(1, 20), min_size=3, max_size=3).map(lambda n: [x / sum(n) for x in n])
SOME = ((), (0,), (1,))


@given(st.lists(CHANCES, min_size=3, max_size=3), st.lists(CHANCES, min_size=3, max_size=3), st.floats(0.01, 0.99))
def test_a_wide_search_of_a_mixture_is_exhaustive(first, second, share):
    rules = tuple(
        Rule(prompt=name, after=tuple(str(t) for t in after), next=dict(zip("01", chances[:2], strict=True)))
        for name, rows in (("A", first), ("B", second))
        for after, chances in zip(SOME, rows, strict=True)
    )
    model = TableModel(Table(tokens=("0", "1"), rules=rules))
    weights = (math.log(share), math.log1p(-share))
    mixture = [Weighted((ord(name),), weight) for name, weight in zip("AB", weights, strict=True)]
    search = Search(model, mixture, beams=20, most=3, stops=lambda ids: False)
    while (found := search.step()) is None:
        pass
    pages = [dict(zip(SOME, rows, strict=True)) for rows in (first, second)]

    def chance(ids):
        odds = 1.0
        for place, token in enumerate(ids):
            rows = [page.get(ids[:place], [0.0, 0.0, 1.0]) for page in pages]
            odds *= share * rows[0][token] + (1 - share) * rows[1][token]
        return odds

    every = [(*ids, 2) for size in range(3) for ids in itertools.product((0, 1), repeat=size)]
    assert sum(map(chance, every)) == pytest.approx(1)
    assert {f.ids: math.exp(f.logprob) for f in found} == {ids: pytest.approx(chance(ids)) for ids in every}


async def test_a_mixture_is_searched_by_its_weights(tmp_path):
    rules = [
        {"prompt": "A", "after": [], "next": {"x": 1}},
        {"prompt": "B", "after": [], "next": {"y": 1}},
    ]
    file = tmp_path / "two.json"
    file.write_text(json.dumps({"tokens": ["x", "y"], "rules": rules}))
    contexts = tuple(
        Context(messages=(Message(role="user", content=name),), logweight=math.log(share))
        for name, share in (("A", 0.3), ("B", 0.7))
    )
    found = await complete(load(f"table:{file}", {}).stream(request(contexts=contexts, beams=2)))
    assert [(h.text, round(math.exp(h.logprob), 9)) for h in found.hypotheses] == [("y", 0.7), ("x", 0.3)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not one"),
        ('{"tokens": ["a", "a"], "rules": []}', "different"),
        ('{"tokens": ["a"], "rules": [{"next": {"b": 1}}]}', r"rules\[0\] names 'b'"),
        ('{"tokens": ["a"], "rules": [{"next": {"a": 1.5}}]}', "at most 1"),
        ('{"tokens": ["a"], "rules": [], "x": 1}', "x: "),
    ],
)
def test_a_bad_table_says_what_is_wrong(tmp_path, content, message):
    file = tmp_path / "bad.json"
    file.write_text(content)
    with pytest.raises(BadSpec, match=message):
        load(f"table:{file}", {})


def test_a_table_needs_a_file():
    with pytest.raises(BadSpec, match="table:FILE"):
        load("table", {})
    with pytest.raises(BadSpec, match="cannot be read"):
        load("table:/nowhere.json", {})
