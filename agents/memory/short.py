"""Compaction: the newest turns stay whole, the older ones become a summary, within a budget of tokens.

A summary is kept with the conversation's other records, by what it stands for, so that a turn summarises only what has
become old since. When the history is over the budget, it is cut to half of it, so that this is not at every turn.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.errors import LimitReached
from agents.memory.calls import once, owner_of
from agents.memory.prompts import SUMMARY
from agents.memory.quiet import quiet, writes
from agents.memory.quotes import quoted
from agents.memory.record import Draft
from agents.memory.remembering import remember
from agents.memory.told import HistoryCompacted
from agents.spending import estimate
from backends.base import Message
from backends.errors import BackendError

if TYPE_CHECKING:
    from typing import Literal

    from agents.run import Run

    By = Literal["model", "quotes", "before"]

SHARE = 4
"""The summary has one part in so many of the budget, the turns kept whole up to two when it is cut."""
PIECE = 3_000
"""Tokens of older turns that one call of the model summarises; more are summarised piece by piece."""


class Compacted(NamedTuple):
    summary: str
    kept: list[Message]


async def compact(run: Run, history: Sequence[Message], budget: int) -> Compacted:
    """What the model is told of the turns before. Unchanged as long as it fits."""
    before = tokens(history)
    if before <= budget:
        return Compacted("", list(history))
    covered, summary = await _known(run, history)
    by: By = "before"
    if estimate(summary) + tokens(history[covered:]) > budget:
        cut = max(covered, place_to_cut(history, budget // 2))
        if cut > covered:
            summary, by = await _summarised(run, summary, history[covered:cut], budget // SHARE)
            covered = cut
            await _keep(run, history[:covered], summary)
    kept = list(history[covered:])
    after = estimate(summary) + tokens(kept)
    about = {"summarised": covered, "kept": len(kept), "tokens_before": before, "tokens_after": after}
    run.emit(HistoryCompacted, **about, summary=summary, by=by)
    return Compacted(summary, kept)


def tokens(messages: Sequence[Message]) -> int:
    return sum(estimate(_text(message)) for message in messages)


def place_to_cut(history: Sequence[Message], budget: int) -> int:
    """Where the newest whole turns begin that fit: a turn begins with a message of the user."""
    cut = len(history)
    for place in range(len(history) - 1, -1, -1):
        budget -= estimate(_text(history[place]))
        if budget < 0:
            break
        if history[place].role == "user":
            cut = place
    return cut


async def _known(run: Run, history: Sequence[Message]) -> tuple[int, str]:
    """The longest beginning of the history that there is a summary of, and that."""
    archive, owner = run.deps.memory.archive, owner_of(run)

    async def perform(_: str) -> list[Any]:
        shelf = await archive.shelf(owner)
        async with shelf.lock:
            known = {r.subject: r.text for r in shelf.records.values() if r.kind == "summary" and not r.forgotten}
        names = _names(history) if known else []
        found = [(place, known[name]) for place, name in enumerate(names, start=1) if name in known]
        return list(found[-1]) if found else [0, ""]

    covered, summary = await once(run, "summary", {"of": _name(history)}, perform)
    return covered, summary


async def _keep(run: Run, covered: Sequence[Message], summary: str) -> None:
    archive, owner, name = run.deps.memory.archive, owner_of(run), _name(covered)
    draft = Draft(text=summary, kind="summary", subject=name, created_at=run.began)

    async def perform(key: str) -> list[int]:
        return [one.id for one in await remember(archive, owner, [draft], key)]

    await once(run, "summarised", {"of": name, "summary": summary}, perform)


async def _summarised(run: Run, before: str, older: Sequence[Message], budget: int) -> tuple[str, By]:
    pieces = _pieces(older)
    if writes(run) and _affordable(run, len(pieces)):
        try:
            summary = before
            for piece in pieces:
                summary = await _asked(run, summary, piece, budget)
            return summary, "model"
        except (BackendError, LimitReached) as error:
            run.warn("memory_summary", f"older turns are quoted, the model could not summarise them: {error}")
    return quoted(before, older, budget), "quotes"


async def _asked(run: Run, before: str, piece: Sequence[Message], budget: int) -> str:
    talk = "\n".join(f"{message.role}: {_text(message)}" for message in piece)
    prompt = SUMMARY.format(words=max(30, budget * 3 // 4), before=before or "-", talk=talk)
    reply = await quiet(run).ask(
        Message(role="user", content=prompt), question=prompt, subject={"stage": "summary"}, **PLAINLY
    )
    return _clipped(" ".join(reply.message.content.split("\n")).strip() or before, budget)


PLAINLY: dict[str, Any] = {"temperature": 0.0, "stop": (), "logit_bias": None, "max_tokens": None}
"""The caller's sampling is for the answer."""


def _affordable(run: Run, calls: int) -> bool:
    """Whether one call of the model is left for the answer."""
    most = run.deps.limits.model_calls
    return most is None or run.spent.model_calls + calls < most


def _pieces(older: Sequence[Message]) -> list[list[Message]]:
    found: list[list[Message]] = [[]]
    for message in older:
        if found[-1] and tokens([*found[-1], message]) > PIECE:
            found.append([])
        found[-1].append(message)
    return found


def _clipped(text: str, budget: int) -> str:
    while estimate(text) > budget:
        text = text[: int(len(text) * min(0.95, budget / estimate(text)))].rstrip()
    return text


def _text(message: Message) -> str:
    calls = "".join(f" [{call.name} {call.arguments}]" for call in message.tool_calls)
    return f"{message.content}{calls}"


def _name(messages: Sequence[Message]) -> str:
    return _names(messages)[-1]


def _names(messages: Sequence[Message]) -> list[str]:
    """Of every beginning of them: by what a summary is kept."""
    digest, found = sha256(), list[str]()
    for message in messages:
        digest.update(json.dumps([message.role, _text(message)], ensure_ascii=False).encode())
        found.append(digest.hexdigest()[:32])
    return found
