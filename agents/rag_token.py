"""RAG-Token: each token of the answer may come from another document, and which one is summed out token by token.

Source: Lewis et al. 2020, Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks (arXiv:2005.11401), section
2.5: an ordinary beam search whose next token has the probability sum_z p(z|x) p(y_i|x,z,y_<i).

    retrieve -> generate -> attribute -> END
        \\-> abstain -> END               nothing was found

The prior p(z|x) weighs the documents anew at every token; it is not made the posterior of the tokens before, which
would be RAG-Sequence. `attribute` scores the answer under each document, from which come its probability and each
document's share.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from operator import mul
from typing import Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents.marginal import NEVER, log_sum, token, token_posterior
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
from backends.base import Context, Hypothesis
from backends.errors import BadReply
from backends.scoring import scores_of
from retrieval.base import Hit


class TokenOptions(MarginalOptions):
    pass


class TokenState(MarginalState, total=False):
    hypotheses: list[Hypothesis]
    ended: bool


async def retrieve(state: TokenState, runtime: Runtime[Run]) -> TokenState:
    run = runtime.context
    return {"hits": await found(run, state["question"], run.options(TokenOptions))}


async def generate(state: TokenState, runtime: Runtime[Run]) -> TokenState:
    run, hits = runtime.context, state["hits"]
    options = run.options(TokenOptions)
    contexts = tuple(
        Context(messages=prompt(run, state, hit, abstain=options.abstain, whole=True), logweight=weight)
        for hit, weight in zip(hits, prior(hits, options), strict=True)
    )
    reply = await run.ask(
        *prompt(run, state, hits[0], abstain=options.abstain),
        question=state["question"],
        **{**GREEDY, "contexts": contexts, "beams": options.beams, "max_tokens": longest(run, options)},
    )
    if not reply.hypotheses:
        raise BadReply(f"the backend {run.deps.backend.name!r} was asked to search with beams, and gave no hypothesis")
    return {"hypotheses": list(reply.hypotheses), "ended": reply.finish == "stop"}


async def attribute(state: TokenState, runtime: Runtime[Run]) -> TokenState:
    run, hits = runtime.context, state["hits"]
    options = run.options(TokenOptions)
    before = prior(hits, options)
    best, *others = _answers(state["hypotheses"], state["ended"])
    scored = await asyncio.gather(*(_tokens(run, state, hit, [one.ids for one in best]) for hit in hits))
    rows = list(zip(*scored, strict=True))  # Of each hypothesis of the answer, by document.
    worth = [token(before, row) for row in rows]
    told = {
        "form": "token",
        "decoding": "beam",
        "temperature": options.score_temperature,
        "hypotheses": (
            weighed(best[0].text, log_sum(worth)),
            *(weighed(one[0].text, log_sum([same.logprob for same in one])) for one in others),
        ),
        "documents": shares(hits, [math.exp(p) for p in before], _shares(before, rows, worth)),
        "biases": (),
    }
    rest = tell(run, state, told, state["ended"])
    return {"answer": rest["answer"], "citations": rest["citations"]}


async def abstain(state: TokenState, runtime: Runtime[Run]) -> TokenState:
    rest = silent(runtime.context, state, "the search found nothing")
    return {"answer": rest["answer"], "citations": rest["citations"]}


async def after_retrieve(state: TokenState, runtime: Runtime[Run]) -> Literal["generate", "abstain"]:
    return "generate" if state["hits"] else "abstain"


def _answers(hypotheses: Sequence[Hypothesis], ended: bool) -> list[list[Hypothesis]]:
    """The hypotheses of each answer, the most probable answer first."""
    together: dict[object, list[Hypothesis]] = {}
    for one in hypotheses:
        together.setdefault(alike(one.text, ended, len(one.ids)), []).append(one)
    return sorted(together.values(), key=lambda group: -log_sum([one.logprob for one in group]))


def _shares(before: Sequence[float], rows: Sequence[Sequence[Sequence[float]]], worth: Sequence[float]) -> list[float]:
    """Each document's share in an answer: of its hypotheses' shares the mean, weighted by their probabilities."""
    whole, by_one = log_sum(worth), [token_posterior(before, row) for row in rows]
    if whole == NEVER:
        return by_one[0]
    weights = [math.exp(one - whole) for one in worth]
    return [math.fsum(map(mul, weights, column)) for column in zip(*by_one, strict=True)]


async def _tokens(run: Run, state: TokenState, hit: Hit, wanted: Sequence[tuple[int, ...]]) -> list[list[float]]:
    """log p(y_i|x,z,y_<i) by place, of each of the hypotheses."""
    keys = tuple(wanted)
    fixed = {**about(state, hit), **GREEDY, "continuations": keys, "max_tokens": None, "stop": ()}
    reply = await run.ask(*prompt(run, state, hit, abstain=run.options(TokenOptions).abstain), **fixed)
    return [[one.logprob for one in scores] for scores in scores_of(keys, reply, run.deps.backend.name)]


graph = StateGraph(TokenState, context_schema=Run)
for node in (retrieve, generate, attribute, abstain):
    graph.add_node(node)
graph.add_edge("__start__", "retrieve")
graph.add_conditional_edges("retrieve", after_retrieve)
graph.add_edge("generate", "attribute")

pipeline = Pipeline(
    name="rag_token",
    summary="Write an answer whose every token is mixed from what each passage alone would make it, with their shares.",
    source="Lewis et al. 2020, Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks (arXiv:2005.11401)",
    options=TokenOptions,
    graph=graph,
    needs_collection=True,
    needs=frozenset({"causal", "scoring"}),
)
