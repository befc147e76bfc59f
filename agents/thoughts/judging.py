"""The two ways in which a model judges states: each by itself, or all against each other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agents.run import Run
from agents.thoughts.base import Problem, Thought, choice
from backends.base import Message


async def weighed(
    run: Run, problem: Problem, question: str, thoughts: Sequence[Thought], calls: int, temperature: float
) -> list[float]:
    """The value of each thought, by `calls` calls; equal prompts are asked once, an equal state later on is worth 0."""
    prompts = [problem.judgement(question, thought.state) for thought in thoughts]
    first = {prompt: thought for prompt, thought in zip(reversed(prompts), reversed(thoughts), strict=True) if prompt}

    async def replies(prompt: str, thought: Thought) -> list[str]:
        return await _replies(run, prompt, calls, temperature, question, {"stage": "value", "state": thought.state})

    said = dict(zip(first, await asyncio.gather(*(replies(*asked) for asked in first.items())), strict=True))
    seen: set[str] = set()
    values: list[float] = []
    for thought, prompt in zip(thoughts, prompts, strict=True):
        new = thought.state not in seen
        seen.add(thought.state)
        values.append(problem.value(question, thought.state, said[prompt]) if prompt and new else 0.0)
    return values


async def voted(
    run: Run, problem: Problem, question: str, thoughts: Sequence[Thought], calls: int, temperature: float
) -> list[float]:
    """How many of `calls` votes each thought gets; equal states stand on the ballot once."""
    states = list(dict.fromkeys(thought.state for thought in thoughts))
    if len(states) < 2:
        return [1.0 if place == 0 else 0.0 for place in range(len(thoughts))]
    prompt = problem.ballot(question, states)
    said = await _replies(run, prompt, calls, temperature, question, {"stage": "vote"})
    votes = Counter(states[named - 1] for reply in said if (named := choice(reply, len(states))) is not None)
    return [float(votes.pop(thought.state, 0)) for thought in thoughts]


async def _replies(
    run: Run, prompt: str, calls: int, temperature: float, question: str, subject: dict[str, str]
) -> list[str]:
    asked = Message(role="user", content=prompt)
    named: dict[str, Any] = {"question": question, "temperature": temperature}
    subjects = ({**subject, "sample": str(sample)} for sample in range(calls))
    done = await asyncio.gather(*(run.ask(asked, subject=subject, **named) for subject in subjects))
    return [completion.message.content for completion in done]
