import pytest

from agents import catalog
from agents.knn import KnnOptions
from agents.run import Deps
from retrieval.base import StageScores
from tests.agents.fakes import Replies, Shelf, answer_tokens, hit, run, warnings

KNN = catalog.get("knn")


def shelf(*rows):
    """Rows of question, answer, dense score and lexical score, in the order of the search."""
    made = Shelf()
    for n, (question, answer, dense, lexical) in enumerate(rows, start=1):
        pair = hit(question, chunk_id=n)
        attributes = {} if answer is None else {"answer": answer}
        stages = StageScores(dense=dense, lexical=lexical)
        made.hits.append(pair.model_copy(update={"score": 1 - n / 10, "stages": stages, "attributes": attributes}))
    return made


ROWS = (
    ("How tall is the tower?", "330 metres", 0.9, 2.0),
    ("How tall is the spire?", "300 metres", 0.8, 9.0),
    ("How high is it?", "330  Metres.", 0.7, 1.0),
    ("Who built it?", None, 0.95, 8.0),
)


async def ask(question, rows, **options):
    backend = Replies()
    told = await run(KNN, Deps(backend=backend, retriever=shelf(*rows), options=KnnOptions(**options)), question)
    assert backend.requests == []
    assert answer_tokens(told) == told[-1].answer
    return told


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({}, "330 metres"),
        ({"similarity": "dense"}, "330 metres"),
        ({"similarity": "bm25"}, "300 metres"),
        ({"similarity": "bm25", "k": 3}, "330 metres"),
        ({"similarity": "bm25", "k": 3, "vote": "score"}, "300 metres"),
        ({"similarity": "dense", "k": 2}, "330 metres"),
    ],
)
async def test_the_nearest_answer_or_the_vote_of_the_k_nearest(options, answer):
    told = await ask("How tall?", ROWS, **options)
    assert told[-1].answer == answer
    assert warnings(told) == []


async def test_the_pairs_that_gave_the_answer_are_cited():
    told = await ask("How tall?", ROWS, k=3)
    assert [(c.quote, c.index) for c in told[-1].citations] == [(ROWS[0][0], 10), (ROWS[2][0], 10)]


@pytest.mark.parametrize("asked", ["How tall is the tower?", "how tall  is the TOWER", "Ｈow tall is the tower？"])
async def test_a_questions_own_row_is_left_out(asked):
    assert (await ask(asked, ROWS))[-1].answer == "330 metres"
    assert (await ask(asked, ROWS, leave_out=True))[-1].answer == "300 metres"


@pytest.mark.parametrize(
    ("rows", "options", "why"),
    [
        (ROWS, {"similarity": "dense", "threshold": 0.96}, "too_far"),
        (ROWS[3:], {}, "no_pairs"),
        ((("How?", "so", 0.5, None),), {"similarity": "bm25"}, "no_similarity"),
        ((("What?", "so", 0.5, None),), {"leave_out": True}, None),
        ((), {}, None),
    ],
)
async def test_it_abstains_and_says_why(rows, options, why):
    told = await ask("What?", rows, **options)
    assert told[-1].answer == "The sources searched do not answer this question."
    assert warnings(told) == [*([why] if why else []), "abstained"]
