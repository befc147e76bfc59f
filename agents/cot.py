"""Chain of thought: the model reasons before it answers; with n > 1 it does so n times, and the answers vote.

Sources: Wei et al. 2022 (arXiv:2201.11903), few-shot: worked examples, greedy, the answer read after `The answer is`;
Kojima et al. 2022 (arXiv:2205.11916), zero-shot: one call that reasons, a second that names the answer; Wang et al.
2022 (arXiv:2203.11171), self-consistency: n samples at T = 0.7, the answer that most of them give.

    think -> conclude -> vote -> END
      few-shot: conclude reads the answers out of the texts; zero-shot: it asks for each

Answers are compared after normalisation (case, white space, final stop, thousands separators, 18.0 = 18). Of answers
with equally many votes the one that was given first wins: Wang et al. leave ties open, and any other rule would depend
on chance. A text without an answer has no vote. The examples are our own, in the form of Wei et al.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import BaseModel, ConfigDict, Field

from agents.answer_text import after_marker, normalised
from agents.events import Thought
from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from agents.sample_seed import seed_of
from backends.base import Message

TEMPERATURE = 0.7


class Example(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    reasoning: str
    answer: str


class CotOptions(Options):
    mode: Literal["few_shot", "zero_shot"] = Field(
        "few_shot", description="With worked examples before the question, or with a request to reason alone."
    )
    examples: tuple[Example, ...] = Field(
        (), max_length=50, description="Worked examples of your own, in place of the built-in ones (few-shot)."
    )
    n: int = Field(
        1,
        ge=1,
        le=100,
        description="Samples that vote (self-consistency). With 1 the text is greedy (temperature 0), else at 0.7, "
        "whatever temperature the request names.",
    )


class CotState(State, total=False):
    texts: list[str]
    """The reasoning of each sample."""
    answers: list[str]
    """What each concludes; empty: nothing."""
    finalists: list[str]
    """The different answers, most votes first."""


async def think(state: CotState, runtime: Runtime[Run]) -> CotState:
    run, options = runtime.context, runtime.context.options(CotOptions)
    if options.mode == "zero_shot":
        prompt = ZERO_SHOT.format(question=state["question"])
    else:
        shown = "\n\n".join(FORM.format(**example.model_dump()) for example in options.examples or EXAMPLES)
        prompt = FEW_SHOT.format(examples=shown, question=state["question"])
    texts = await asyncio.gather(*(_said(run, state, prompt, "think", n) for n in range(options.n)))
    for text in texts:
        run.emit(Thought, text=text.strip())
    return {"texts": list(texts)}


async def conclude(state: CotState, runtime: Runtime[Run]) -> CotState:
    run = runtime.context
    if run.options(CotOptions).mode == "few_shot":
        return {"answers": [after_marker(text) for text in state["texts"]]}
    prompts = [CONCLUDE.format(question=state["question"], reasoning=text.strip()) for text in state["texts"]]
    named = await asyncio.gather(*(_said(run, state, prompt, "conclude", n) for n, prompt in enumerate(prompts)))
    return {"answers": [after_marker(text) or text.strip() for text in named]}


async def vote(state: CotState, runtime: Runtime[Run]) -> CotState:
    run = runtime.context
    given = [answer for answer in state["answers"] if normalised(answer)]
    votes = Counter(normalised(answer) for answer in given)
    # most_common keeps the order of first appearance among equals.
    finalists = [next(a for a in given if normalised(a) == winner) for winner, _ in votes.most_common()]
    if len(finalists) > 1 and votes.most_common(2)[0][1] == votes.most_common(2)[1][1]:
        run.warn("tie", f"the votes are tied at {votes.most_common(1)[0][1]}: the answer given first is taken")
    if not finalists:
        run.warn("no_answer", "no text comes to an answer; the last one is given as it is")
        finalists = [state["texts"][-1].strip()]
    return {"answer": finalists[0], "finalists": finalists}


async def _said(run: Run, state: CotState, prompt: str, stage: str, sample: int) -> str:
    several = run.options(CotOptions).n > 1
    completion = await run.ask(
        *state["history"],
        Message(role="user", content=prompt),
        question=state["question"],
        subject={"stage": stage, "sample": str(sample)},
        temperature=TEMPERATURE if several and stage == "think" else 0.0,
        **seed_of(run, sample),
    )
    return completion.message.content


FORM = "Q: {question}\nA: {reasoning} The answer is {answer}."
FEW_SHOT = (
    "Answer the last question as the others are answered: reason first, in the question's language, and end with `The "
    "answer is ...`.\n\n{examples}\n\nQ: {question}\nA:"
)
ZERO_SHOT = "Q: {question}\nA: Let us reason step by step."
CONCLUDE = "Q: {question}\nA: {reasoning}\n\nSo, in as few words or figures as can be, the answer is"

EXAMPLES = (
    Example(
        question="A ferry carries 12 cars on each trip and makes 5 trips a day. It is full on all but one trip, on "
        "which it carries 7. How many cars does it carry in a day?",
        reasoning="Four trips are full, 4 x 12 = 48 cars. The other one carries 7. Together 48 + 7 = 55.",
        answer="55",
    ),
    Example(
        question="Lin bought 3 notebooks at 4 euros each and a pen at 2.50 euros, and paid with a 20 euro note. How "
        "much change did she get?",
        reasoning="The notebooks cost 3 x 4 = 12 euros, with the pen 12 + 2.50 = 14.50. That leaves 20 - 14.50 = 5.50.",
        answer="5.50",
    ),
    Example(
        question="Does a stone that sinks in fresh water float in the Dead Sea?",
        reasoning="The Dead Sea's water weighs about 1.24 kilograms a litre, most stones 2.5 or more. A body floats "
        "only if it weighs less than the water it displaces, so a stone sinks there too.",
        answer="no",
    ),
    Example(
        question="一列火车早上8点40分出发，路上走了3小时35分，几点到达？",
        reasoning="8点40分加3小时是11点40分，再加35分是12点15分。",
        answer="12点15分",
    ),
    Example(
        question="A wall of 24 square metres needs two coats of paint, and a tin covers 16 square metres. How many "
        "tins have to be bought?",
        reasoning="Two coats are 2 x 24 = 48 square metres. 48 / 16 = 3, so three tins are just enough.",
        answer="3",
    ),
)

graph = StateGraph(CotState, context_schema=Run)
for node in (think, conclude, vote):
    graph.add_node(node)
graph.add_edge("__start__", "think")
graph.add_edge("think", "conclude")
graph.add_edge("conclude", "vote")

pipeline = Pipeline(
    name="cot",
    summary="Reason before answering; with n > 1, several times, and take the answer that most come to.",
    source="Wei et al. 2022, Chain-of-Thought Prompting (arXiv:2201.11903); Wang et al. 2022, Self-Consistency "
    "(arXiv:2203.11171); Kojima et al. 2022 (arXiv:2205.11916)",
    options=CotOptions,
    graph=graph,
)
