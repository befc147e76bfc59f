"""RAG-Sequence: one document is taken to have said the whole answer, and which one is summed out.

Source: Lewis et al. 2020, Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks (arXiv:2005.11401), section
2.5: a beam search for each document; the union of what they found is the set of hypotheses; *Thorough* decoding scores
each hypothesis under each document, *Fast* takes a document that did not come to it to give it nought.

    retrieve -> propose -> weigh -> END
        \\-> abstain -> END               nothing was found

Hypotheses are token sequences with the token that ends them, and scores are not divided by length: both would make the
sum another thing than the probability of the answer. Those with the same text are one answer, as probable as they are
together. Where a backend only chats there are two other ways, each with its bias in the event and in the answer's
metadata: candidates are sampled instead of searched for, and if it scores nothing either, the option `sampled` counts
how often each document leads to each answer.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field

from agents.answer_text import normalised
from agents.marginal import NEVER, log_sum, posterior, sequence
from agents.marginal_rag import (
    GREEDY,
    MarginalOptions,
    MarginalState,
    about,
    alike,
    found,
    longest,
    prior,
    prompt,
    shares,
    silent,
    tell,
    weighed,
)
from agents.pipeline import Pipeline
from agents.run import Run
from agents.sample_seed import seed_of
from backends.base import Completion
from backends.capabilities import missing
from backends.scoring import scores_of, total
from retrieval.base import Hit

TEMPERATURE = 0.7


class SequenceOptions(MarginalOptions):
    decoding: Literal["thorough", "fast", "sampled"] = Field(
        "thorough",
        description="`thorough`: every hypothesis is scored under every passage; `fast`: a passage whose beams did not "
        "come to it gives it nought, which takes half the passes and never more than `thorough` says; `sampled`: for "
        "backends that score nothing, answers are counted over samples.",
    )
    samples: int = Field(
        1, ge=1, le=20, description="Answers sampled for each passage, where there are no beams; 1 is greedy."
    )

    def unused(self) -> frozenset[str]:
        return frozenset() if self.decoding == "sampled" else super().unused()


class Candidate(BaseModel):
    """An answer that the search, or the model, came to."""

    text: str
    ids: tuple[int, ...] | None = None
    """None: it is known as text only."""
    by: dict[int, float]
    """log p(y|x,z) by the place of the document, as far as known; when it was only sampled, its count."""
    ended: bool = True

    def key(self) -> str | tuple[int, ...]:
        return self.text if self.ids is None else self.ids


class SequenceState(MarginalState, total=False):
    candidates: list[Candidate]


async def retrieve(state: SequenceState, runtime: Runtime[Run]) -> SequenceState:
    run = runtime.context
    options, backend = run.options(SequenceOptions), run.deps.backend
    if options.decoding != "sampled" and not backend.capabilities.scoring:
        raise missing(backend.name, "scoring")
    return {"hits": await found(run, state["question"], options)}


async def propose(state: SequenceState, runtime: Runtime[Run]) -> SequenceState:
    run = runtime.context
    searched = await asyncio.gather(*(_proposed(run, state, hit) for hit in state["hits"]))
    union: dict[str | tuple[int, ...], Candidate] = {}
    for place, candidates in enumerate(searched):
        for candidate in candidates:
            key = normalised(candidate.text) if _counts(run) else candidate.key()
            kept = union.setdefault(key, candidate.model_copy(update={"by": {}}))
            kept.by[place] = kept.by.get(place, 0.0) + candidate.by[0] if _counts(run) else candidate.by[0]
    return {"candidates": list(union.values())}


async def weigh(state: SequenceState, runtime: Runtime[Run]) -> SequenceState:
    run = runtime.context
    options, hits = run.options(SequenceOptions), state["hits"]
    by_tokens = _counted(state, options) if _counts(run) else await _scored(run, state)
    answers, likelihood = _summed(state["candidates"], by_tokens)
    before = prior(hits, options)
    worth = [sequence(before, row) for row in likelihood]
    # A whole answer before a beginning of one, which is worth at least as much as what it would become.
    order = sorted(range(len(worth)), key=lambda n: (not answers[n].ended, -worth[n], answers[n].text))
    after = posterior(before, likelihood[order[0]]) if order else [math.exp(p) for p in before]
    told = {
        "form": "sequence",
        "decoding": options.decoding,
        "temperature": options.score_temperature,
        "hypotheses": tuple(weighed(answers[n].text, worth[n]) for n in order),
        "documents": shares(hits, [math.exp(p) for p in before], after),
        "biases": _biases(run),
    }
    rest = tell(run, state, told, not order or answers[order[0]].ended)
    return {"answer": rest["answer"], "citations": rest["citations"]}


async def abstain(state: SequenceState, runtime: Runtime[Run]) -> SequenceState:
    rest = silent(runtime.context, state, "the search found nothing")
    return {"answer": rest["answer"], "citations": rest["citations"]}


async def after_retrieve(state: SequenceState, runtime: Runtime[Run]) -> Literal["propose", "abstain"]:
    return "propose" if state["hits"] else "abstain"


async def _proposed(run: Run, state: SequenceState, hit: Hit) -> list[Candidate]:
    """What one document leads to; `by` has it under place 0."""
    options = run.options(SequenceOptions)
    messages = prompt(run, state, hit, abstain=options.abstain)
    common = {**about(state, hit), "max_tokens": longest(run, options)}
    if _searches(run):
        reply = await run.ask(*messages, **{**common, **GREEDY, "beams": options.beams})
        return [
            Candidate(text=one.text, ids=one.ids, by={0: one.logprob}, ended=reply.finish == "stop")
            for one in reply.hypotheses
        ]
    temperature = {"temperature": 0.0 if options.samples == 1 else TEMPERATURE}
    asked = (
        run.ask(*messages, **{**common, **temperature, **seed_of(run, sample)}) for sample in range(options.samples)
    )
    replies: list[Completion] = await asyncio.gather(*asked)
    texts = Counter(reply.message.content.strip() for reply in replies)
    if _counts(run):
        texts = _alike(texts)
    ended = all(reply.finish == "stop" for reply in replies)
    return [Candidate(text=text, by={0: float(count)}, ended=ended) for text, count in texts.items()]


def _alike(texts: Counter[str]) -> Counter[str]:
    """Answers that differ in case, white space or a final stop are one: the one that came first."""
    first: dict[str, str] = {}
    joined: Counter[str] = Counter()
    for text, count in texts.items():
        joined[first.setdefault(normalised(text), text)] += count
    return joined


def _summed(
    candidates: Sequence[Candidate], likelihood: Sequence[list[float]]
) -> tuple[list[Candidate], list[list[float]]]:
    """Answers, each by its first candidate, and their log p(y|x,z) by document: the sum over the candidates that are
    the same answer. In Fast decoding a candidate's nought stays one, so that it says no more than Thorough."""
    together: dict[object, list[int]] = {}
    for number, one in enumerate(candidates):
        together.setdefault(alike(one.text, one.ended, len(one.ids or ())), []).append(number)
    rows = [
        [log_sum(column) for column in zip(*(likelihood[number] for number in group), strict=True)]
        for group in together.values()
    ]
    return [candidates[group[0]] for group in together.values()], rows


def _counted(state: SequenceState, options: SequenceOptions) -> list[list[float]]:
    places = range(len(state["hits"]))
    return [
        [math.log(one.by[place] / options.samples) if place in one.by else NEVER for place in places]
        for one in state["candidates"]
    ]


async def _scored(run: Run, state: SequenceState) -> list[list[float]]:
    """log p(y|x,z) by candidate and document: what is known from the search, the rest by scoring, or nought if fast."""
    candidates, places = state["candidates"], range(len(state["hits"]))
    known = {
        (n, place): one.by[place]
        for n, one in enumerate(candidates)
        for place in places
        if place in one.by and one.ids is not None
    }
    fast = run.options(SequenceOptions).decoding == "fast"
    wanted = [
        [
            n
            for n, one in enumerate(candidates)
            if (n, place) not in known and (not fast or place in one.by) and one.key()
        ]
        for place in places
    ]
    for place, rows in enumerate(
        await asyncio.gather(*(_scores(run, state, place, wanted[place]) for place in places))
    ):
        known |= {(n, place): score for n, score in rows.items()}
    # An empty text is the beginning of every answer, which makes it none: it stays at nought.
    return [[known.get((n, place), NEVER) for place in places] for n in range(len(candidates))]


async def _scores(run: Run, state: SequenceState, place: int, wanted: list[int]) -> dict[int, float]:
    if not wanted:
        return {}
    hit, options = state["hits"][place], run.options(SequenceOptions)
    keys = tuple(state["candidates"][n].key() for n in wanted)
    fixed = {**about(state, hit), **GREEDY, "continuations": keys, "max_tokens": None, "stop": ()}
    reply = await run.ask(*prompt(run, state, hit, abstain=options.abstain), **fixed)
    request_scores = scores_of(keys, reply, run.deps.backend.name)
    return {n: total(scores) for n, scores in zip(wanted, request_scores, strict=True)}


def _searches(run: Run) -> bool:
    return run.deps.backend.capabilities.causal and not _counts(run)


def _counts(run: Run) -> bool:
    return run.options(SequenceOptions).decoding == "sampled"


def _biases(run: Run) -> tuple[str, ...]:
    options = run.options(SequenceOptions)
    if _counts(run):
        return (
            f"p(y|x,z) is the share of {options.samples} sampled answer(s) for each passage, not computed: an answer "
            "that was not sampled counts as impossible, and the same answer in other words as another one",
        )
    if not _searches(run):
        return (
            "the candidates were sampled, not searched for with beams, and are scored as text, without the token that "
            "ends them: a better answer may have been missed, and short ones are favoured",
        )
    if options.decoding == "fast":
        return ("fast decoding: a passage whose beams did not come to an answer counts nothing for it",)
    return ()


graph = StateGraph(SequenceState, context_schema=Run)
for node in (retrieve, propose, weigh, abstain):
    graph.add_node(node)
graph.add_edge("__start__", "retrieve")
graph.add_conditional_edges("retrieve", after_retrieve)
graph.add_edge("propose", "weigh")

pipeline = Pipeline(
    name="rag_sequence",
    summary="Answer from each passage alone, and take the answer most probable over all, with each one's share.",
    source="Lewis et al. 2020, Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks (arXiv:2005.11401)",
    options=SequenceOptions,
    graph=graph,
    needs_collection=True,
)
