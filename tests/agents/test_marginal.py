"""RAG-Sequence and RAG-Token, as pipelines, held to the laws of their formulas with a table of probabilities."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import catalog
from agents.marginal import NEVER, log_prior, log_sum, posterior, sequence, token, token_posterior
from agents.run import Deps, RunInput, Sampling
from backends.base import Capabilities
from backends.causal.table import Rule, Table
from tests.agents.fakes import Replies, Shelf, answer_tokens, run, said, warnings
from tests.agents.two_documents import AFTER_0, AFTER_1, FIRST, PRIOR, backend, shelf, table

SEQUENCE, TOKEN = catalog.get("rag_sequence"), catalog.get("rag_token")
ANSWERS = ("00", "01", "10", "11")


async def told(pipeline, *, of=None, prior=PRIOR, sampling=None, **options):
    given = Deps(
        backend=backend(of or table()),
        retriever=shelf(prior),
        options=pipeline.options(**{"beams": 16, **options}),
        sampling=sampling or Sampling(),
    )
    events = await run(pipeline, given)
    assert events[-1].type == "run_finished", events[-1]
    return next(event for event in events if event.type == "marginalised"), events


def odds(event):
    return {one.text: 0.0 if one.logprob is None else math.exp(one.logprob) for one in event.hypotheses}


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [(SEQUENCE, (0.1260, 0.4940, 0.1260, 0.2540)), (TOKEN, (0.2604, 0.3596, 0.1596, 0.2204))],
    ids=["sequence", "token"],
)
async def test_the_worked_example_to_four_digits(pipeline, expected):
    event, events = await told(pipeline)
    found = odds(event)
    assert {y: round(p, 4) for y, p in found.items()} == dict(zip(ANSWERS, expected, strict=True))
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    assert event.biases == ()
    assert event.hypotheses[0].text == events[-1].answer == answer_tokens(events) == "01"


async def test_the_answer_says_which_passage_carried_it():
    event, events = await told(SEQUENCE)
    first, second = 0.6 * 0.9 * 0.9, 0.4 * 0.2 * 0.1
    shares = [first / (first + second), second / (first + second)]
    assert [share.posterior for share in event.documents] == pytest.approx(shares, abs=1e-12)
    assert [share.prior for share in event.documents] == pytest.approx(PRIOR)
    assert [c.file_id for c in events[-1].citations] == ["file-1"]
    assert events[-1].citations[0].quote == "text of alpha"


async def test_a_share_of_a_token_answer_is_the_mean_over_its_tokens():
    event, _ = await told(TOKEN)
    places = [(0.6 * 0.9, 0.4 * 0.2), (0.6 * 0.9, 0.4 * 0.1)]
    shares = [sum(place[z] / sum(place) for place in places) / 2 for z in (0, 1)]
    # The end comes for sure under both, so that its share is the prior.
    shares = [(2 * share + p) / 3 for share, p in zip(shares, PRIOR, strict=True)]
    assert [share.posterior for share in event.documents] == pytest.approx(shares, abs=1e-12)


LETTERS = Table(
    tokens=("a", "aa", "b"),
    rules=(
        Rule(prompt="alpha", after=(), next={"a": 0.4, "aa": 0.3, "b": 0.3}),
        Rule(prompt="alpha", after=("a",), next={"a": 0.5}),
        Rule(prompt="beta", after=(), next={"a": 0.7, "b": 0.3}),
        Rule(prompt="beta", after=("a",), next={"a": 0.2, "b": 0.6}),
    ),
)
"""Where no rule fits, the answer ends: `aa` comes as one token and as two."""


@pytest.mark.parametrize(
    ("pipeline", "options", "whole"),
    [
        (SEQUENCE, {}, 0.6 * (0.4 * 0.5 + 0.3) + 0.4 * 0.7 * 0.2),
        (SEQUENCE, {"decoding": "fast"}, 0.6 * (0.4 * 0.5 + 0.3) + 0.4 * 0.7 * 0.2),
        (TOKEN, {}, (0.6 * 0.4 + 0.4 * 0.7) * (0.6 * 0.5 + 0.4 * 0.2) + 0.6 * 0.3),
    ],
    ids=["thorough", "fast", "token"],
)
async def test_one_text_by_several_tokens_is_one_answer(pipeline, options, whole):
    event, events = await told(pipeline, of=LETTERS, **options)
    found = odds(event)
    assert len(found) == len(event.hypotheses)
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    assert found["aa"] == pytest.approx(whole, abs=1e-12)
    # With 0.3 in all b is more probable than either way to write aa, and less than both together.
    assert (events[-1].answer, found["b"]) == ("aa", pytest.approx(0.3))
    if pipeline is SEQUENCE:
        assert event.documents[0].posterior == pytest.approx(0.6 * (0.4 * 0.5 + 0.3) / whole, abs=1e-12)


@pytest.mark.parametrize("pipeline", [SEQUENCE, TOKEN], ids=["sequence", "token"])
async def test_what_a_stop_sequence_leaves_alike_is_one_answer(pipeline):
    event, events = await told(pipeline, sampling=Sampling(stop=("0", "1")))
    assert odds(event) == pytest.approx({"": 1.0})
    assert [share.posterior for share in event.documents] == pytest.approx(PRIOR)
    assert events[-1].answer == ""


async def test_fast_says_no_more_of_a_text_of_several_tokens():
    fast, thorough = [odds((await told(SEQUENCE, of=LETTERS, decoding=d, beams=1))[0]) for d in ("fast", "thorough")]
    assert fast.keys() == thorough.keys()
    assert all(fast[y] <= thorough[y] + 1e-12 for y in fast)


def test_a_prior_is_sure_at_the_lowest_temperature():
    assert [math.exp(p) for p in log_prior([0.3, 0.7, 0.1], 1e-320)] == [0.0, 1.0, 0.0]
    assert log_prior([]) == []
    with pytest.raises(ValueError, match="score_temperature"):
        SEQUENCE.options(score_temperature=1e-7)


async def test_one_token_makes_both_forms_equal():
    """Identity (a); the answer's end is certain under both documents."""
    single = table(FIRST, ((0, 0), (0, 0)), ((0, 0), (0, 0)))
    both = [odds((await told(pipeline, of=single))[0]) for pipeline in (SEQUENCE, TOKEN)]
    assert both[0] == pytest.approx(both[1], abs=1e-12)
    assert both[0] == pytest.approx({"0": 0.62, "1": 0.38})


async def test_one_document_makes_both_the_plain_model():
    """Identity (b)."""
    of = table(FIRST[:1], AFTER_0[:1], AFTER_1[:1])
    plain = {a + b: FIRST[0][int(a)] * (AFTER_0, AFTER_1)[int(a)][0][int(b)] for a, b in ANSWERS}
    for pipeline in (SEQUENCE, TOKEN):
        event, _ = await told(pipeline, of=of, prior=(1.0,))
        assert odds(event) == pytest.approx(plain, abs=1e-12)
        assert event.documents[0].posterior == 1.0


ROW = st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(any).map(lambda n: (n[0] / sum(n), n[1] / sum(n)))
ROWS = st.lists(ROW, min_size=3, max_size=3)
PRIORS = st.lists(st.integers(1, 30), min_size=3, max_size=3).map(lambda n: [x / sum(n) for x in n])


def both_forms(prior, first, after):
    logs = [math.log(p) for p in prior]

    def under(z, y):
        chances = (first[z][y[0]], after[y[0]][z][y[1]])
        return [math.log(chance) if chance else NEVER for chance in chances]

    every = list(itertools.product((0, 1), repeat=2))
    rows = {y: [under(z, y) for z in range(len(prior))] for y in every}
    as_sequence = {y: math.exp(sequence(logs, [sum(row) for row in rows[y]])) for y in every}
    return as_sequence, {y: math.exp(token(logs, rows[y])) for y in every}


@given(PRIORS, ROWS, ROWS, ROWS)
def test_both_forms_are_distributions(prior, first, after_0, after_1):
    """Identity (c): over all answers of one length the sum is one."""
    for form in both_forms(prior, first, (after_0, after_1)):
        assert sum(form.values()) == pytest.approx(1, abs=1e-9)


def test_either_form_may_give_an_answer_more():
    """Identity (d)."""
    as_sequence, as_token = both_forms(PRIOR, FIRST, (AFTER_0, AFTER_1))
    assert as_sequence[0, 1] > as_token[0, 1]
    assert as_sequence[0, 0] < as_token[0, 0]


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(PRIORS, ROWS, ROWS, ROWS, st.integers(1, 4))
def test_fast_never_says_more_than_thorough(prior, first, after_0, after_1, beams):
    """Identity (e), by the pipeline itself; with beams for every answer both say the same."""
    import asyncio

    async def decoded(decoding, beams):
        of, pipeline = table(first, after_0, after_1), SEQUENCE
        options = pipeline.options(beams=beams, decoding=decoding)
        events = await run(pipeline, Deps(backend=backend(of), retriever=shelf(prior), options=options))
        return odds(next(event for event in events if event.type == "marginalised"))

    async def all_four():
        return [await decoded(d, n) for n in (beams, 16) for d in ("fast", "thorough")]

    fast, thorough, fast_wide, thorough_wide = asyncio.run(all_four())
    assert fast.keys() == thorough.keys()
    assert all(fast[y] <= thorough[y] + 1e-12 for y in fast)
    assert fast_wide == pytest.approx(thorough_wide, abs=1e-12)


@pytest.mark.slow
@given(PRIORS, st.lists(st.floats(-8, 0), min_size=3, max_size=3))
def test_the_gradient_moves_the_prior_to_the_documents_that_explain_the_answer(prior, likelihood):
    """Identity (f): d log p(y|x) / d score of z = p(z|x,y) - p(z|x): positive where z explains y best."""
    scores = [math.log(p) for p in prior]
    shift = 1e-6
    after = posterior(log_prior(scores), likelihood)
    for z in range(3):
        up, down = ([s + sign * shift * (n == z) for n, s in enumerate(scores)] for sign in (1, -1))
        slope = (sequence(log_prior(up), likelihood) - sequence(log_prior(down), likelihood)) / (2 * shift)
        assert slope == pytest.approx(after[z] - prior[z], abs=1e-5)
        better = likelihood[z] - sequence(scores, likelihood)
        assert better * slope >= -1e-6


def test_log_space_holds_what_products_do_not():
    far = [-2000.0, -2001.0]
    assert log_sum(far) == pytest.approx(-2000 + math.log(1 + math.exp(-1)))
    assert log_sum([]) == log_sum([NEVER, NEVER]) == NEVER
    assert posterior([math.log(0.5)] * 2, far) == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.e)])
    assert posterior([math.log(0.3), math.log(0.7)], [NEVER, NEVER]) == pytest.approx([0.3, 0.7])
    assert token([math.log(0.3), math.log(0.7)], [[], []]) == 0.0
    assert token_posterior([math.log(0.3), math.log(0.7)], [[], []]) == pytest.approx([0.3, 0.7])


async def test_the_temperature_sharpens_the_prior():
    event, _ = await told(SEQUENCE, score_temperature=0.5)
    assert [share.prior for share in event.documents] == pytest.approx([0.36 / 0.52, 0.16 / 0.52])


@pytest.mark.parametrize("pipeline", [SEQUENCE, TOKEN], ids=["sequence", "token"])
async def test_a_backend_that_scores_nothing_is_told_how_to(pipeline):
    given = Deps(backend=Replies(said("x")), retriever=Shelf("a"), options=pipeline.options())
    end = (await run(pipeline, given))[-1]
    assert (end.type, end.error_type) == ("run_failed", "CapabilityMissing")
    assert "hf:MODEL_OR_PATH" in end.message
    assert any(f"'{name}'" in end.message for name in ("scoring", "causal"))


async def marginal(replies, capabilities, **options):
    given = Deps(
        backend=Replies(*replies, capabilities=capabilities),
        retriever=Shelf("one", "two", "three"),
        options=SEQUENCE.options(**options),
    )
    events = await run(SEQUENCE, given)
    return next(event for event in events if event.type == "marginalised"), events


async def test_without_scoring_samples_are_counted_and_it_says_so():
    replies = [said("Paris"), said("Rome"), said("paris."), said("Rome"), said("Paris"), said("Oslo")]
    event, events = await marginal(replies, Capabilities(), decoding="sampled", samples=2)
    assert odds(event) == pytest.approx({"Paris": 0.5, "Rome": 1 / 3, "Oslo": 1 / 6}, abs=1e-9)
    assert "not computed" in event.biases[0]
    assert "bias" in warnings(events)
    assert sum(share.posterior for share in event.documents) == pytest.approx(1)


async def test_with_scoring_alone_sampled_candidates_are_scored_and_it_says_so():
    event, _ = await marginal([said("Paris"), said("Oslo"), said("Rome is")], Capabilities(scoring=True))
    assert odds(event) == pytest.approx({"Oslo": math.exp(-2), "Paris": math.exp(-2.5), "Rome is": math.exp(-3.5)})
    assert "candidates were sampled" in event.biases[0]
    fast, _ = await marginal(
        [said("Paris"), said("Oslo"), said("Rome is")], Capabilities(scoring=True), decoding="fast"
    )
    assert odds(fast) == pytest.approx({y: p / 3 for y, p in odds(event).items()})


async def test_most_passages_not_knowing_is_an_answer():
    event, events = await marginal(
        [said("NO_ANSWER"), said("NO_ANSWER"), said("x")], Capabilities(), decoding="sampled"
    )
    assert event.hypotheses[0].text == "NO_ANSWER"
    assert events[-1].answer == "The sources searched do not answer this question."
    assert events[-1].citations == ()


@pytest.mark.parametrize("pipeline", [SEQUENCE, TOKEN], ids=["sequence", "token"])
async def test_nothing_found_asks_no_model(pipeline):
    given = Deps(backend=backend(table()), retriever=Shelf(), options=pipeline.options())
    events = await run(pipeline, given, RunInput(question="什么？"))
    assert events[-1].answer == "所检索的资料没有回答这个问题。"
    assert not [event for event in events if event.type == "llm_called"]
