"""What a run may use, what it has used, and what that costs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from agents.errors import LimitReached
from backends.base import Completion, Request, Usage, Value
from retrieval.scripts import CJK

_DENSE = re.compile(rf"[{CJK}]")
CHARACTERS_PER_TOKEN = 4
"""Of text in Latin script; a CJK character counts as one token. Only for limits, where a backend reports no usage:
the rule of thumb of OpenAI's own help page. Usage that is shown is never estimated."""


class Price(Value):
    """Money for a million tokens, in whatever currency the table is kept."""

    input: float
    output: float
    cached_input: float | None = None
    """None: as `input`."""

    def of(self, usage: Usage) -> float:
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = usage.prompt_tokens - usage.cached_tokens
        return (fresh * self.input + usage.cached_tokens * cached + usage.completion_tokens * self.output) / 1e6


def price_of(prices: Mapping[str, Price], backend: str) -> Price | None:
    """The price of a backend's spec, by its name or the longest pattern (`ollama:*`) that fits; None: not listed."""
    if backend in prices:
        return prices[backend]
    fitting = [pattern for pattern in prices if fnmatchcase(backend, pattern)]
    return prices[max(fitting, key=len)] if fitting else None


class Limits(Value):
    """What one run may use. None: no limit. Reaching one ends the run with what it has."""

    model_calls: int | None = 100
    tool_calls: int | None = None
    tokens: int | None = None
    """Prompt and completion tokens of all calls."""
    cost: float | None = None
    seconds: float | None = None
    """Of work: the time that a run waits in the queue, or for a person, does not count."""
    steps: int | None = None
    """Rounds of the graph; steps that run side by side are one."""

    def within(self, most: Limits) -> Limits:
        """These limits, where `most` does not set a lower one."""
        ours, theirs = self.model_dump(), most.model_dump()
        chosen = {
            name: theirs[name] if value is None else value if theirs[name] is None else min(value, theirs[name])
            for name, value in ours.items()
        }
        return Limits(**chosen)


@dataclass
class Spent:
    usage: Usage | None = field(default_factory=Usage)
    """So far; None from the first call on whose backend did not say."""
    cost: float | None = 0.0
    """None from the first call on that has no price or no usage."""
    model_calls: int = 0
    tool_calls: int = 0
    tokens: int = 0
    """As far as limits go: estimated where a backend does not say."""
    seconds: float = 0.0
    """Before this attempt; the attempt's own time is the reader's to add."""
    steps: int = 0
    """Before this attempt."""

    def count_tool_call(self, limits: Limits) -> None:
        """Raises LimitReached."""
        if limits.tool_calls is not None and self.tool_calls >= limits.tool_calls:
            raise LimitReached(f"the run has used up its {limits.tool_calls} tool calls", "tool_calls")
        self.tool_calls += 1

    def count_model_call(self, limits: Limits) -> None:
        """Raises LimitReached."""
        if limits.model_calls is not None and self.model_calls >= limits.model_calls:
            raise LimitReached(f"the run has used up its {limits.model_calls} model calls", "model_calls")
        if limits.tokens is not None and self.tokens >= limits.tokens:
            raise LimitReached(f"the run has used up its {limits.tokens} tokens", "tokens")
        if limits.cost is not None and self.cost is not None and self.cost >= limits.cost:
            raise LimitReached(f"the run has used up its {limits.cost:g} of money", "cost")
        self.model_calls += 1

    def room(self, limits: Limits, request: Request, price: Price | None) -> tuple[int, str] | None:
        """The tokens that the answer may have at most, and the limit that says so; None if none does."""
        prompt = estimated_prompt(request) if limits.tokens is not None or limits.cost is not None else 0
        bounds: list[tuple[int, str]] = []
        if limits.tokens is not None:
            bounds.append((limits.tokens - self.tokens - prompt, "tokens"))
        if limits.cost is not None and self.cost is not None and price is not None and price.output > 0:
            left = limits.cost - self.cost - price.of(Usage(prompt_tokens=prompt))
            bounds.append((math.floor(left * 1e6 / price.output), "cost"))
        least = min(bounds, default=None)
        return None if least is None else (max(1, least[0]), least[1])

    def add(self, request: Request, completion: Completion, price: Price | None) -> None:
        """A reply from the cache used nothing: its usage is that of the first time."""
        if completion.cached:
            return
        usage = completion.usage
        self.usage = self.usage + usage if self.usage is not None and usage is not None else None
        known = self.cost is not None and usage is not None and price is not None
        self.cost = self.cost + price.of(usage) if known else None  # type: ignore[operator, union-attr, arg-type]
        if usage is None:
            self.tokens += estimated_prompt(request) + estimate(completion.message.content)
        else:
            self.tokens += usage.prompt_tokens + usage.completion_tokens


def estimate(text: str) -> int:
    """About how many tokens a text has."""
    dense = len(_DENSE.findall(text))
    return dense + math.ceil((len(text) - dense) / CHARACTERS_PER_TOKEN)


def estimated_prompt(request: Request) -> int:
    return sum(estimate(message.content) for message in request.messages)
