import json
import random

import pytest

from agents.support import figures, prepare, supporting


def read(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("name", "least"), [("xquad-en", 0.86), ("xquad-zh", 0.75)])
def test_own_passages_bear_claims_out_and_others_do_not(data_dir, name: str, least: float):
    """A loose claim is a question joined with its answer; the other passage is of the same article."""
    folder = data_dir / name
    corpus = {row["_id"]: row for row in read(folder / "corpus.jsonl")}
    gold = dict(line.split("\t")[:2] for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:])
    chance = random.Random(0)
    queries = chance.sample(read(folder / "queries.jsonl"), 200)
    own = other = holding = 0
    for query in queries:
        claim = query["text"].rstrip("?？") + " " + query["answers"][0]
        passage = corpus[gold[query["_id"]]]
        siblings = [row for row in corpus.values() if row["title"] == passage["title"] and row is not passage]
        other += supporting(claim, "", prepare(chance.choice(siblings)["text"])) is not None
        if (span := supporting(claim, "", prepare(passage["text"]))) is not None:
            own += 1
            holding += query["answers"][0] in passage["text"][span.start : span.end]
    assert own / len(queries) >= least
    assert holding / own >= 0.93
    assert other / len(queries) <= 0.04


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234.50 and 1234.5", {"1234.5"}),
        ("３．５％ or 3,5", {"3.5"}),
        ("12,345,678 in 2019", {"12345678", "2019"}),
        ("100 or 1000", {"100", "1000"}),
        ("version 1.2.10", {"1.2.10"}),
        ("none", set()),
    ],
)
def test_figures_are_compared_by_value(text: str, found: set[str]):
    assert figures(text) == found


def test_a_claim_over_two_sentences_is_borne_out_by_both():
    text = "It opened in 1889. Visitors came at once. It is 330 metres tall. Much else could be said of it."
    span = supporting("Opened in 1889, it is 330 metres tall", "", prepare(text))
    assert span is not None
    assert text[span.start : span.end] == "It opened in 1889. Visitors came at once. It is 330 metres tall."


def test_sentences_too_far_apart_do_not_support_together():
    text = "It opened in 1889. " + "Visitors came at once. " * 3 + "It is 330 metres tall."
    assert supporting("Opened in 1889, it is 330 metres tall", "", prepare(text)) is None
