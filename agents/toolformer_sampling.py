"""Toolformer's training data: where in a text a model would call a tool, which calls it would make, and which help.

Source: Schick et al. 2023, Toolformer (arXiv:2302.04761), section 2. P(x) is a prompt that asks for calls in a text x.
At each token i the model begins a call with probability p_i = p([ | P(x), x_<i); the k places with the highest p_i >
tau_s are taken, and at each m calls are sampled. The paper's settings are tau_s = 0.05, k = m = 5 and tau_f = 1; for
its calculator and its translation tau_s = 0, k = 20, m = 10 and tau_f = 0.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from math import exp
from typing import TYPE_CHECKING

from agents.toolformer_arguments import as_json
from agents.toolformer_filter import Candidate, Judged, augmented, cut, judge, kept, places
from agents.toolformer_marks import as_result, before
from agents.toolformer_prompt import asking_for_calls
from agents.toolformer_text import Call, find
from backends.base import Message, Request, Value, complete
from backends.scoring import Scored, total

if TYPE_CHECKING:
    from backends.base import Backend, ToolSpec

Perform = Callable[[str, str], Awaitable[str | None]]
"""Makes a call: the tool's name and its arguments as JSON; None: it failed."""
LONGEST_CALL = 64
"""Tokens of a sampled call."""


class Recipe(Value):
    tau_s: float = 0.05
    tau_f: float = 1.0
    k: int = 5
    m: int = 5
    temperature: float = 1.0
    """Of the samples."""
    seed: int = 0


OF_THE_PAPER = {name: Recipe(tau_s=0.0, tau_f=0.5, k=20, m=10) for name in ("calculator", "translate")}


class Taught(Value):
    text: str
    """With the calls that are kept."""
    kept: tuple[Judged, ...]
    judged: tuple[Judged, ...]
    counts: dict[str, int]
    """`places`, `sampled`, `readable`, `made`, `judged`, `kept`: what is left after each stage."""


async def taught(
    text: str, tools: Sequence[ToolSpec], backend: Backend, perform: Perform, recipes: dict[str, Recipe],
    prompt: Callable[[ToolSpec, str], str] = asking_for_calls,
) -> Taught:  # fmt: skip
    """Sample, make and filter calls of each tool. `recipes`: by the name of the tool. Raises BackendError; a backend
    has to score and to go on with a plain text."""
    scorer, counts = Scored(backend), Counter[str]()
    tokens = await cut(scorer, text)
    judged, chosen = list[Judged](), list[Judged]()
    for tool in tools:
        recipe = recipes[tool.name]
        candidates = list[Candidate]()
        asked = prompt(tool, text)
        for at, chance in await likely(scorer, asked, text, places(tokens), recipe):
            counts["places"] += 1
            calls = await _sampled(backend, tool, asked + text[:at] + before(text, at), recipe, counts)
            candidates += await _made(calls, tool, at, chance, perform)
        counts["made"] += len(candidates)
        of_tool = await judge(scorer, text, tokens, candidates)
        judged += of_tool
        chosen += kept(of_tool, recipe.tau_f)
    return _told(text, judged, chosen, counts)


async def given(
    text: str, calls: Sequence[tuple[int, str]], tools: Sequence[ToolSpec], backend: Backend, perform: Perform,
    recipes: dict[str, Recipe],
) -> Taught:  # fmt: skip
    """The same for calls that somebody else proposes, each with its place: the backend only has to score."""
    scorer, counts = Scored(backend), Counter(sampled=len(calls))
    tokens = await cut(scorer, text)
    judged, chosen = list[Judged](), list[Judged]()
    for tool in tools:
        candidates = list[Candidate]()
        for at, written in calls:
            if (call := read(written, tool.name)) is not None:
                counts["readable"] += 1
                candidates += await _made([(call, written.strip())], tool, at, None, perform)
        counts["made"] += len(candidates)
        of_tool = await judge(scorer, text, tokens, candidates)
        judged += of_tool
        chosen += kept(of_tool, recipes[tool.name].tau_f)
    return _told(text, judged, chosen, counts)


async def likely(
    scorer: Scored, asked: str, text: str, where: Sequence[int], recipe: Recipe
) -> list[tuple[int, float]]:
    """The places at which a call is most probable, in the order of the text, each with p_i."""
    found = []
    for at in where:
        chance = exp(total(await scorer.score(asked + text[:at], before(text, at))))
        if chance > recipe.tau_s:
            found.append((at, chance))
    return sorted(sorted(found, key=lambda one: (-one[1], one[0]))[: recipe.k])


def read(written: str, tool: str) -> Call | None:
    """`calculator(7 * 18.5)` as a call of the tool; None: it is none, or not one alone."""
    text = f"[{written.strip()}]"
    found = find(text, {}, lambda name: name.casefold() == tool.casefold())
    whole = isinstance(found, Call) and (found.start, found.form, found.rest) == (0, "bracket", len(text))
    return found if isinstance(found, Call) and whole and found.name.casefold() == tool.casefold() else None


async def _sampled(
    backend: Backend, tool: ToolSpec, begun: str, recipe: Recipe, counts: Counter[str]
) -> list[tuple[Call, str]]:
    """Different calls that can be read, with how they are written. `begun`: the prompt, up to the bracket."""
    found = dict[str, Call]()
    for number in range(recipe.m):
        request = Request(
            messages=(Message(role="user", content=begun),),
            plain=True,
            temperature=recipe.temperature,
            seed=recipe.seed + number,
            max_tokens=LONGEST_CALL,
            stop=("]", "→", "->", "\n"),
        )
        reply = await complete(backend.stream(request))
        counts["sampled"] += 1
        written = reply.message.content.strip()
        call = read(written, tool.name) if reply.finish == "stop" else None
        counts["readable"] += call is not None and written not in found
        if call is not None:
            found.setdefault(written, call)
    return [(call, written) for written, call in found.items()]


async def _made(
    calls: Sequence[tuple[Call, str]], tool: ToolSpec, at: int, chance: float | None, perform: Perform
) -> list[Candidate]:
    made = []
    for call, written in calls:
        said = await perform(tool.name, as_json(call, tool.parameters))
        if said is not None and (result := as_result(said)):
            made.append(Candidate(at=at, tool=tool.name, written=written, result=result, chance=chance))
    return made


def _told(text: str, judged: Sequence[Judged], chosen: Sequence[Judged], counts: Counter[str]) -> Taught:
    # Of two tools at one place the better one is kept.
    best = kept(chosen, float("-inf"))
    counts |= Counter(judged=len(judged), kept=len(best))
    names = ("places", "sampled", "readable", "made", "judged", "kept")
    told = {name: counts[name] for name in names}
    return Taught(text=augmented(text, best), kept=tuple(best), judged=tuple(judged), counts=told)
