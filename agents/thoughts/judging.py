"""The two ways in which a model judges states: each by itself, or all against each other."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agents.run import Run
from agents.thoughts.base import Problem, Thought, choice
from backends.base import Message

LONGEST_LINE = 200
"""Characters that are kept of a reply's last line, which is where the judgement stands."""

Known = dict[str, list[str]]
"""The last lines of the replies to a prompt that was asked already, by the digest of the prompt."""


async def weighed(
    run: Run,
    problem: Problem,
    question: str,
    thoughts: Sequence[Thought],
    calls: int,
    temperature: float,
    known: Known,
) -> tuple[list[float], Known]:
    """The value of each thought, and what is known then. Each prompt is asked `calls` times, once in a search; an equal
    state later on in `thoughts` is worth 0."""
    prompts = [problem.judgements(question, thought.state) for thought in thoughts]
    new: dict[str, tuple[str, dict[str, str]]] = {}
    for thought, asked in zip(thoughts, prompts, strict=True):
        for place, prompt in enumerate(asked):
            about = {"stage": "value", "state": thought.state}
            if (key := _digest(prompt)) not in known and key not in new:
                new[key] = prompt, about | ({"judgement": str(place)} if len(asked) > 1 else {})
    told = await asyncio.gather(
        *(_replies(run, prompt, calls, temperature, question, about) for prompt, about in new.values())
    )
    known = known | {key: [_last_line(reply) for reply in said] for key, said in zip(new, told, strict=True)}
    seen: set[str] = set()
    values: list[float] = []
    for thought, asked in zip(thoughts, prompts, strict=True):
        lines = [line for prompt in asked for line in known[_digest(prompt)]]
        values.append(0.0 if thought.state in seen else problem.value(question, thought.state, lines))
        seen.add(thought.state)
    return values, known


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


def _digest(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()[:24]


def _last_line(reply: str) -> str:
    return reply.strip().rpartition("\n")[2].strip()[-LONGEST_LINE:]
