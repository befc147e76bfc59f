"""Every demo by name: what it shows, and the function that shows it."""

from __future__ import annotations

from typing import NamedTuple


class Demo(NamedTuple):
    main: str
    """`module:function`, called as `function(base_url, api_key, backend, console) -> exit code`."""
    summary: str


DEMOS = {
    "rag": Demo("demos.rag:main", "Answers with checked citations from a small English and Chinese collection."),
    "rag_sequence": Demo(
        "demos.rag_sequence:main", "Passages summed out: what each answer is worth, and which passage carried it."
    ),
    "function_calling": Demo(
        "demos.function_calling:main", "A model that calls tools side by side, corrects itself, and waits for a person."
    ),
    "react": Demo(
        "demos.react:main",
        "Questions whose answer stands on no single page, looked up page by page, thought by thought.",
    ),
    "reflexion": Demo(
        "demos.reflexion:main", "An agent that fails, notes why, and does better on its next trial with its notes."
    ),
    "tot": Demo("demos.tot:main", "The Game of 24 by a tree of thoughts, drawn breadth first and depth first."),
    "llm_p": Demo(
        "demos.llm_p:main", "The world of blocks by LLM+P: words into PDDL, a planner's plan, checked step by step."
    ),
    "retro": Demo(
        "demos.retro:main", "A text written chunk by chunk, with new passages before each: RETRO's retrieval side."
    ),
    "moe": Demo("demos.moe:main", "A mixture of experts: a gate sends each question to one of three; who was called."),
    "mrkl": Demo(
        "demos.mrkl:main",
        "A router over tools, pipelines and the model, first without a model; the answer says who gave it.",
    ),
    "hugginggpt": Demo(
        "demos.hugginggpt:main",
        "Tasks that need each other's results, planned, given to experts, carried out at once; one fails, and why.",
    ),
    "toolformer": Demo(
        "demos.toolformer:main", "Tools called in the middle of a text, which goes on from what they say."
    ),
    "generative": Demo(
        "demos.generative:main",
        "Two people of a town over a day, in English and Chinese: what they remember, conclude, and will not say.",
    ),
    "persona": Demo(
        "demos.persona:main", "Two people on cards, in English and Chinese: who they stay, and what they will not say."
    ),
    "challenges": Demo(
        "demos.challenges:main",
        "Four checks on tiny data: how robust to prompts, what it costs, what is beyond its sources, what is kept.",
    ),
    "memory": Demo(
        "demos.memory:main", "What a chat remembers of people: kept, replaced, asked for a time, kept apart, forgotten."
    ),
    "research": Demo(
        "demos.research:main",
        "How a market grew, in English and Chinese: a plan that a person changes, figures, a chart, a cited report.",
    ),
    "swap": Demo("demos.swap:main", "Index, chunking and embedder swapped under searches, measured, and rolled back."),
}
DEFAULT = "rag"
