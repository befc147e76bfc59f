"""The identities of RAG's two forms with a transformer of random weights, by the pipelines and by its distributions."""

import math

import pytest

from agents import catalog
from agents.marginal import log_prior, posterior, sequence, token
from agents.run import Deps
from backends.base import Message, Request, complete
from backends.causal.hf_load import load_hf
from backends.load import load
from tests.agents.fakes import Shelf, run
from tests.tiny_model import save_tiny

SEQUENCE, TOKEN = catalog.get("rag_sequence"), catalog.get("rag_token")
TEXTS = ("The tower is 330 metres tall.", "巴黎是法国的首都。", "Hello, world.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def backend(folder):
    return load(f"hf:{folder}", {})


@pytest.fixture(scope="module")
def pages(folder):
    """By document: log p(first token), and log p(second | first) with a row for each first."""
    model = load_hf(str(folder), "cpu")
    prompts = [model.prompt((Message(role="user", content=text),), plain=False) for text in TEXTS]
    firsts = [model.next(prompt, [()])[0] for prompt in prompts]
    every = [(n,) for n in range(len(firsts[0]))]
    return firsts, [model.next(prompt, every) for prompt in prompts]


def shelf(*scores):
    made = Shelf(*TEXTS[: len(scores)])
    made.hits = [hit.model_copy(update={"score": score}) for hit, score in zip(made.hits, scores, strict=True)]
    return made


async def told(pipeline, backend, *scores, **options):
    options = {"beams": 3, "max_tokens": 4, **options}
    events = await run(pipeline, Deps(backend=backend, retriever=shelf(*scores), options=pipeline.options(**options)))
    assert events[-1].type == "run_finished", events[-1]
    return next(event for event in events if event.type == "marginalised"), events


PRIOR = log_prior([0.3, 1.1, -0.4])


def test_one_token_makes_both_forms_equal(pages):
    for logs in zip(*pages[0], strict=True):
        assert sequence(PRIOR, logs) == pytest.approx(token(PRIOR, [[log] for log in logs]), abs=1e-5)


def test_one_document_makes_both_the_plain_model(pages):
    log = list(pages[0][0][:50])
    assert [sequence([0.0], [one]) for one in log] == pytest.approx(log, abs=1e-5)
    pairs = [[float(pages[0][0][n]), float(pages[1][0][n][7])] for n in range(50)]
    assert [token([0.0], [pair]) for pair in pairs] == pytest.approx([sum(pair) for pair in pairs], abs=1e-5)


def test_all_answers_of_two_tokens_sum_to_one(pages):
    """All 320 x 320 of them."""
    firsts, seconds = pages
    size, documents = len(firsts[0]), range(len(TEXTS))
    as_sequence, as_token = [], []
    for a in range(size):
        for b in range(size):
            rows = [(float(firsts[z][a]), float(seconds[z][a][b])) for z in documents]
            as_sequence.append(sum(math.exp(p + x + y) for p, (x, y) in zip(PRIOR, rows, strict=True)))
            if b < 3:  # The rest by the sum over the second token, which factors out.
                exact = math.exp(sequence(PRIOR, [x + y for x, y in rows]))
                assert as_sequence[-1] == pytest.approx(exact, abs=1e-12)
        as_token.append(
            math.exp(sequence(PRIOR, [float(firsts[z][a]) for z in documents]))
            * sum(math.exp(sequence(PRIOR, [float(seconds[z][a][b]) for z in documents])) for b in range(size))
        )
    assert math.fsum(as_sequence) == pytest.approx(1, abs=1e-5)
    assert math.fsum(as_token) == pytest.approx(1, abs=1e-5)


def test_either_form_may_give_an_answer_more(pages):
    firsts, seconds = pages
    differences = []
    for a in range(40):
        rows = [[float(firsts[z][a]), float(seconds[z][a][a])] for z in range(len(TEXTS))]
        differences.append(sequence(PRIOR, [sum(row) for row in rows]) - token(PRIOR, rows))
    assert min(differences) < -1e-3 < 1e-3 < max(differences)


def test_the_gradient_is_what_autograd_says(pages):
    import torch

    for a in (3, 100, 300):
        logs = [float(page[a]) for page in pages[0]]
        scores = torch.tensor([0.3, 1.1, -0.4], dtype=torch.float64, requires_grad=True)
        torch.logsumexp(torch.log_softmax(scores, 0) + torch.tensor(logs), 0).backward()
        after = posterior(PRIOR, logs)
        expected = [q - math.exp(p) for p, q in zip(PRIOR, after, strict=True)]
        assert scores.grad.tolist() == pytest.approx(expected, abs=1e-5)


async def test_the_pipelines_agree_with_each_other_on_one_document(backend):
    by_sequence, _ = await told(SEQUENCE, backend, 0.7)
    by_token, _ = await told(TOKEN, backend, 0.7)
    assert [h.text for h in by_sequence.hypotheses] == [h.text for h in by_token.hypotheses]
    logs = [h.logprob for h in by_sequence.hypotheses]
    assert logs == pytest.approx([h.logprob for h in by_token.hypotheses], abs=1e-5)


async def test_fast_never_says_more_than_thorough(backend):
    thorough, events = await told(SEQUENCE, backend, 0.3, 1.1, -0.4)
    fast, _ = await told(SEQUENCE, backend, 0.3, 1.1, -0.4, decoding="fast")
    by_text = {h.text: h.logprob for h in thorough.hypotheses}
    assert {h.text for h in fast.hypotheses} == by_text.keys()
    assert all(h.logprob <= by_text[h.text] + 1e-9 for h in fast.hypotheses)
    assert sum(share.posterior for share in thorough.documents) == pytest.approx(1)
    assert "fast decoding" in fast.biases[0]
    asked = [event for event in events if event.type == "llm_called"]
    assert len(asked) <= 2 * len(TEXTS)


async def test_what_thorough_sums_are_the_scores_of_each_document(backend):
    event, events = await told(SEQUENCE, backend, 0.3, 1.1, -0.4)
    searches = [e for e in events if e.type == "llm_called" and e.request.beams]
    best = event.hypotheses[0]
    ids = next(h.ids for e in searches for h in e.completion.hypotheses if h.text == best.text)
    logs = []
    for search in searches:
        request = Request(messages=search.request.messages, continuations=(ids,))
        logs.append(sum(one.logprob for one in (await complete(backend.stream(request))).scores[0]))
    before = [share.prior for share in event.documents]
    assert before == pytest.approx([math.exp(p) for p in PRIOR])
    assert best.logprob == pytest.approx(sequence(PRIOR, logs), abs=1e-5)
    assert [share.posterior for share in event.documents] == pytest.approx(posterior(PRIOR, logs), abs=1e-5)


async def test_a_mixture_has_the_probability_that_its_parts_say(backend):
    event, events = await told(TOKEN, backend, 0.3, 1.1, -0.4)
    searched = next(e for e in events if e.type == "llm_called" and e.request.contexts)
    assert event.hypotheses[0].logprob == pytest.approx(searched.completion.hypotheses[0].logprob, abs=1e-5)
