"""Nearest neighbour: the answer of the stored question that is most like the one asked. No model is asked.

Source: Cover and Hart 1967, as the baseline "TFIDF nearest question" of the open Natural Questions. It is another thing
than kNN-LM, which mixes the odds of next tokens.

    find -> vote -> END
       |
       +--> abstain -> END      nothing is stored, nothing is near enough, or no neighbour has an answer

A pair is a file of the collection: its text is the question x', its attribute `answer` is y'. The score is that of the
search, or of one of its halves: the cosine of the vectors, or BM25. With k > 1 the answers of the k nearest vote; equal
after normalisation is equal, and of answers with equally many votes the nearer one wins.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import Field

from agents import abstention
from agents.answer_text import normalised
from agents.citation import Citation
from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from retrieval.base import Hit

ANSWER = "answer"
"""The attribute that holds y'."""
AT_LEAST = 50
"""Hits asked for: either half ranks anew what both found together, and some may be no pairs or be left out."""


class KnnOptions(Options):
    k: int = Field(1, ge=1, le=50, description="How many of the nearest stored questions vote.")
    similarity: Literal["search", "dense", "bm25"] = Field(
        "search",
        description="What makes questions near: the score of the collection's search, or one of its halves alone.",
    )
    threshold: float | None = Field(
        None, description="Questions with a lower score than this are no neighbours; with none left the run abstains."
    )
    vote: Literal["count", "score"] = Field(
        "count", description="What a neighbour's vote weighs: one each, or its score (never less than 0)."
    )
    leave_out: bool = Field(
        False,
        description="Take no neighbour whose question is the one asked, but for case, width, white space and final "
        "punctuation. An evaluation sets it, so that no question is answered by its own row.",
    )


class KnnState(State, total=False):
    neighbours: list[Hit]
    """At most k, nearest first; `score` is the similarity."""


async def find(state: KnnState, runtime: Runtime[Run]) -> KnnState:
    run = runtime.context
    options = run.options(KnnOptions)
    hits = await run.search(state["question"], max(AT_LEAST, 4 * options.k))
    rated = [hit.model_copy(update={"score": score}) for hit in hits if (score := _score(hit, options)) is not None]
    if hits and not rated:
        half = {"dense": "vectors", "bm25": "lexical half"}[options.similarity]
        run.warn("no_similarity", f"similarity={options.similarity!r}: the generation that was searched has no {half}")
    pairs = [hit for hit in rated if str(hit.attributes.get(ANSWER, "")).strip()]
    if rated and not pairs:
        run.warn("no_pairs", f"none of the {len(rated)} passages found has an attribute {ANSWER!r}: these are no pairs")
    asked = _same(state["question"])
    others = [hit for hit in pairs if not (options.leave_out and _same(hit.text) == asked)]
    near = [hit for hit in others if options.threshold is None or hit.score >= options.threshold]
    if others and not near:
        best = max(hit.score for hit in others)
        run.warn("too_far", f"the nearest stored question scores {best:.4f}, below the threshold {options.threshold}")
    return {"neighbours": _nearest(near, options.k)}


async def vote(state: KnnState, runtime: Runtime[Run]) -> KnnState:
    """The answer as its nearest voter has it."""
    run, weighed = runtime.context, runtime.context.options(KnnOptions).vote == "score"
    votes: defaultdict[str, float] = defaultdict(float)
    for hit in state["neighbours"]:
        votes[_answer_key(hit)] += max(0.0, hit.score) if weighed else 1.0
    # max keeps the first among equals, which is the nearer one.
    winner = max(votes, key=lambda key: votes[key])
    voters = [hit for hit in state["neighbours"] if _answer_key(hit) == winner]
    answer = str(voters[0].attributes[ANSWER])
    run.say(answer)
    return {"answer": answer, "citations": [_citation(hit, len(answer)) for hit in voters]}


async def abstain(state: KnnState, runtime: Runtime[Run]) -> KnnState:
    sentence = abstention.sentence(state["question"])
    runtime.context.say(sentence)
    runtime.context.warn("abstained", "no stored question is near enough to the one asked")
    return {"answer": sentence, "citations": []}


async def after_find(state: KnnState) -> Literal["vote", "abstain"]:
    return "vote" if state["neighbours"] else "abstain"


def _score(hit: Hit, options: KnnOptions) -> float | None:
    """None: the half that is asked for did not see it."""
    scores = {"search": hit.score, "dense": hit.stages.dense, "bm25": hit.stages.lexical}
    return scores[options.similarity]


def _nearest(hits: Sequence[Hit], k: int) -> list[Hit]:
    """The best chunk of each file stands for it; hits of one score keep the search's order."""
    files: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda hit: -hit.score):
        files.setdefault(hit.file_id, hit)
    return list(files.values())[:k]


def _same(question: str) -> str:
    text = " ".join(unicodedata.normalize("NFKC", question).casefold().split())
    while text and unicodedata.category(text[-1])[0] in "PZ":
        text = text[:-1]
    return text


def _answer_key(hit: Hit) -> str:
    return normalised(str(hit.attributes[ANSWER])) or str(hit.attributes[ANSWER])


def _citation(hit: Hit, index: int) -> Citation:
    return Citation(
        index=index,
        file_id=hit.file_id,
        filename=hit.filename,
        quote=hit.text,
        start=hit.start,
        end=hit.end,
        chunk_id=hit.chunk_id,
    )


graph = StateGraph(KnnState, context_schema=Run)
for node in (find, vote, abstain):
    graph.add_node(node)
graph.add_edge("__start__", "find")
graph.add_conditional_edges("find", after_find)

pipeline = Pipeline(
    name="knn",
    summary="Answer as the most similar of the stored questions was answered, by vote of the k nearest, or abstain.",
    source="Cover and Hart 1967, Nearest Neighbor Pattern Classification (doi:10.1109/TIT.1967.1053964)",
    options=KnnOptions,
    graph=graph,
    needs_collection=True,
    asks_model=False,
)
