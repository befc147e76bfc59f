"""Toolformer's filter: its numbers by hand with a table of probabilities, its laws, and what is left of each stage."""

import json
import math
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from agents.toolformer_filter import (
    WEIGHTS,
    Candidate,
    Judged,
    ahead,
    augmented,
    cut,
    judge,
    kept,
    loss,
    places,
)
from agents.toolformer_prompt import asking_for_calls, bare
from agents.toolformer_sampling import OF_THE_PAPER, Recipe, given, read, taught
from backends.base import TokenLogprob
from backends.errors import CapabilityMissing
from backends.extractive import Extractive
from backends.lifetime import close
from backends.load import load
from backends.profiles import Profile
from backends.scoring import Scored
from tests.fake_scoring import odds
from tests.fake_scoring import scores as served_scores
from tests.fake_upstream import FakeUpstream
from tools import catalog
from tools.base import tool

TEXT = "ab is 742"


@tool(read_only=True)
def look(key: str) -> str:
    """Look a key up."""
    return {"ab": "742", "cd": "111"}[key]


def digits(prompt, first, second, third):
    return [
        {"prompt": prompt, "after": [], "next": {" 7": first}},
        {"prompt": prompt, "after": [" 7"], "next": {"4": second}},
        {"prompt": prompt, "after": [" 7", "4"], "next": {"2": third}},
    ]


RULES = [
    # The filter's: the text on its line, after what stands before it.
    *digits("[look(ab) → 742]\nab is", 0.9, 0.8, 0.5),
    *digits("[look(ab)]\nab is", 0.2, 0.2, 0.2),
    *digits("[look(cd) → 111]\nab is", 0.1, 0.1, 0.1),
    *digits("[look(cd)]\nab is", 0.1, 0.1, 0.1),
    # The sampler's: its prompt ends with "=".
    {"prompt": "=ab is [", "after": [], "next": {"look(ab)": 0.7, "look(cd)": 0.2, "oh": 0.1}},
    {"prompt": "=ab is [", "after": None, "next": {"]": 1.0}},
    {"prompt": "=ab is 7", "after": None, "next": {"2": 1.0}},
    {"prompt": "=ab is", "after": [], "next": {" [": 0.3, " 7": 0.7}},
    {"prompt": "=ab", "after": [], "next": {" [": 0.04, " is": 0.96}},
    {"prompt": "=", "after": [], "next": {"ab": 1.0}},
    *digits("\nab is", 0.1, 0.1, 0.1),
]
TOKENS = ["ab", " is", " 7", "4", "2", " [", "[", "look(ab)", "look(cd)", "oh", "]"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    file = tmp_path_factory.mktemp("table") / "table.json"
    file.write_text(json.dumps({"tokens": TOKENS, "rules": RULES}), "utf-8")
    return load(f"table:{file}", {})


def by_hand(*chances):
    return -sum(w * math.log(chance) for w, chance in zip((1, 0.8, 0.6, 0.4, 0.2), chances, strict=False)) / 3


def candidate(written, result, at=5):
    return Candidate(at=at, tool="look", written=written, result=result)


async def perform(_name, arguments):
    return await look.run(look.check(arguments), None)


def scores(*logprobs):
    return [TokenLogprob(token="x", logprob=odds) for odds in logprobs]


def test_the_weights_are_the_papers():
    assert pytest.approx((1 / 3, 0.8 / 3, 0.2, 0.4 / 3, 0.2 / 3)) == WEIGHTS
    assert math.fsum(WEIGHTS) == pytest.approx(1)
    assert loss(scores(-1, -1, -1, -1, -1, -100)) == pytest.approx(1)
    assert loss(scores(-3)) == pytest.approx(1)


async def test_losses_are_those_computed_by_hand(table):
    scorer = Scored(table)
    tokens = await cut(scorer, TEXT)
    assert tokens == ["ab", " is", " 7", "4", "2"]
    assert places(tokens) == [0, 2, 5, 7, 8]
    (good, bad) = await judge(scorer, TEXT, tokens, [candidate("look(ab)", "742"), candidate("look(cd)", "111")])
    assert good.empty == bad.empty == pytest.approx(by_hand(0.1, 0.1, 0.1)) == pytest.approx(1.842068, abs=1e-6)
    assert good.call == pytest.approx(by_hand(0.2, 0.2, 0.2)) == pytest.approx(1.287550, abs=1e-6)
    assert good.result == pytest.approx(by_hand(0.9, 0.8, 0.5)) == pytest.approx(0.233255, abs=1e-6)
    assert good.gain == pytest.approx(1.054296, abs=1e-6)
    assert bad.gain == pytest.approx(0)
    assert kept([bad, good], 1.0) == [good]
    assert kept([bad, good], 1.1) == []


async def test_a_text_is_taught_from_its_places_to_what_is_kept(table):
    asked = []

    def prompt(of, text):
        asked.append((of.name, text))
        return "="

    recipe = Recipe(m=40, tau_s=0.05)
    found = await taught(TEXT, [look.spec], table, perform, {"look": recipe}, prompt)
    assert asked == [("look", TEXT)]
    assert found.text == "ab is [look(ab) → 742] 742"
    assert [one.candidate for one in found.kept] == [candidate("look(ab)", "742").model_copy(update={"chance": 0.3})]
    # One place of the two is probable enough; of 40 samples three kinds, one of them no call.
    assert found.counts == {"places": 1, "sampled": 40, "readable": 2, "made": 2, "judged": 2, "kept": 1}
    recipe = Recipe(m=40, tau_s=0.03, k=1)
    assert (await taught(TEXT, [look.spec], table, perform, {"look": recipe}, prompt)).counts["places"] == 1
    recipe = Recipe(m=1, tau_s=0.5)
    assert (await taught(TEXT, [look.spec], table, perform, {"look": recipe}, prompt)).text == TEXT


async def test_calls_that_somebody_proposes_are_filtered_alike(table):
    calls = [(5, "look(ab)"), (5, "look(cd)"), (5, "look(zz)"), (5, "oh dear"), (9, "look(ab)")]

    async def careful(name, arguments):
        return None if "zz" in arguments else await perform(name, arguments)

    found = await given(TEXT, calls, [look.spec], table, careful, {"look": Recipe()})
    assert found.text == "ab is [look(ab) → 742] 742"
    assert found.counts == {"places": 0, "sampled": 5, "readable": 4, "made": 3, "judged": 2, "kept": 1}


async def test_a_backend_that_cannot_score_is_refused_by_name():
    async def quote(question, sources):
        return ()

    with pytest.raises(CapabilityMissing, match="score a given continuation"):
        await given(TEXT, [(5, "look(ab)")], [look.spec], Extractive(quote), perform, {"look": Recipe()})


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ("look(ab)", "ab"), (" Look( ab ) ", "ab"), ("look(ab) and", None), ("see look(ab)", None), ("look(ab", None),
        ("other(ab)", None), ("look([f(1)])", "[f(1)]"), ("look(ab)][look(cd)", None), ("", None),
    ],
)  # fmt: skip
def test_a_sample_is_read_as_one_call_or_none(written, arguments):
    found = read(written, "look")
    assert (None if found is None else found.whole) == arguments


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("ab is 742", 5, "ab is [c → r] 742"),
        ("ab is 742", 6, "ab is [c → r] 742"),
        ("ab is 742", 0, "[c → r] ab is 742"),
        ("一共3欧元", 2, "一共[c → r]3欧元"),
        ("ab\nis", 3, "ab\n[c → r] is"),
    ],
)
def test_a_call_is_put_between_words(text, at, expected):
    one = Judged(candidate=Candidate(at=at, tool="c", written="c", result="r"), empty=1, call=1, result=0)
    assert augmented(text, [one]) == expected


def test_the_prompt_shows_a_text_without_and_with_its_calls():
    told = asking_for_calls(catalog.get("calculator").spec, "Two and two is 4.")
    assert "Input: Seven tickets at 18.50 euros each cost 129.50 euros.\nOutput:\nSeven tickets" in told
    assert "cost [calculator(7 * 18.50)] 129.50 euros." in told
    assert told.endswith("\n\nInput: Two and two is 4.\nOutput:\n")
    assert bare("It is [a(1) → 2] 2, [b(3)] 3.") == "It is 2, 3."
    assert OF_THE_PAPER["calculator"] == Recipe(tau_s=0, tau_f=0.5, k=20, m=10)


LOGS = st.lists(st.floats(-30, 0), min_size=1, max_size=8)


@for_all(LOGS, st.floats(0.001, 5), st.integers(0, 7))
def test_a_surer_token_never_raises_the_loss(logs, more, place):
    surer = [min(0.0, log + more) if n == place else log for n, log in enumerate(logs)]
    assert loss(scores(*surer)) <= loss(scores(*logs)) + 1e-12
    assert loss(scores(*logs)) <= max(-log for log in logs) + 1e-9


JUDGED = st.builds(
    lambda at, empty, call, result: Judged(
        candidate=Candidate(at=at, tool="t", written=f"t({at})", result="r"), empty=empty, call=call, result=result
    ),
    st.integers(0, 5), *(st.floats(0, 9) | st.just(math.inf) for _ in range(3)),
)  # fmt: skip


@for_all(st.lists(JUDGED, max_size=12), st.floats(-2, 5), st.floats(0, 3))
def test_what_is_kept_is_better_than_either_without_it(judged, tau, more):
    chosen = kept(judged, tau)
    for one in chosen:
        assert one.empty - one.result >= tau
        assert one.call - one.result >= tau
        assert all(other.gain <= one.gain for other in judged if other.candidate.at == one.candidate.at)
    ats = [one.candidate.at for one in chosen]
    assert ats == sorted(set(ats))
    assert {one.candidate.at for one in kept(judged, tau + more)} <= set(ats)


@for_all(st.lists(st.text("ab \n好,", min_size=1, max_size=4), min_size=1, max_size=12), st.data())
def test_calls_taken_out_again_leave_the_text(tokens, data):
    text = "".join(tokens)
    where = places(tokens)
    assert all(text.startswith("".join(tokens[:n])) for n in range(len(tokens)))
    for at in where:
        following = ahead(text, tokens, at)
        assert text[at:].startswith(following)
        assert following
        assert len(following) >= min(len(text) - at, 5)
    at = data.draw(st.sampled_from(where))
    one = Judged(candidate=Candidate(at=at, tool="c", written="c(1)", result="r"), empty=1, call=1, result=0)
    assert augmented(text, [one]).replace("[c(1) → r]", "").replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("form", ["prompt_logprobs", "echo"])
async def test_a_server_that_scores_judges_and_one_that_cannot_go_on_samples_nothing(form):
    server = FakeUpstream()
    server.answers["m"] = partial(served_scores, forms=(form,))
    profile = Profile.model_validate({"name": "fake", "base_url": await server.start(), "retries": 0})
    backend = load("fake:m", {"fake": profile})
    try:
        found = await given(
            "a是742", [(2, "look(ab)"), (0, "look(ab)")], [look.spec], backend, perform, {"look": Recipe()}
        )
        # By its odds a character rests on the one before alone: no call helps, and each loss is that of "742".
        assert [one.gain for one in found.judged] == pytest.approx([0, 0])
        odds_of = [odds(a, b) for a, b in pairwise("是742")]
        assert found.judged[0].empty == pytest.approx(loss(scores(*odds_of)))
        with pytest.raises(CapabilityMissing, match="bare language model"):
            await taught("a是742", [look.spec], backend, perform, {"look": Recipe(tau_s=0)})
    finally:
        await close(backend)
        await server.stop()
