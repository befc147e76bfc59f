"""How much of a question's evidence a memory tells, by kind of memory and by what it keeps, beside BM25.

A conversation is remembered turn by turn, dated, through the memory that pipelines have; its questions come after the
last turn. No model is asked. Recall at 10 is the share of the turns of the evidence among the first ten turns that the
memory's records come from; BM25 ranks the turns themselves. `short` and `hybrid` tell the newest turns that fit into
their budget as well, however many these are. The differences from BM25 are tested by pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from agents.memory.archive import Archive
from agents.memory.drafting import stated
from agents.memory.recalling import Recalled, recall
from agents.memory.record import Draft, Owner
from agents.memory.remembering import remember
from agents.memory.settings import MemorySettings
from agents.memory.store import InMemory
from agents.spending import estimate as tokens
from agents.tasks.locomo import CATEGORIES
from retrieval.descriptions import ranked
from retrieval.evaluation import compare, estimate

if TYPE_CHECKING:
    from agents.memory.recalling import Kind
    from agents.tasks.locomo import Talk, Turn
    from retrieval.base import Embedder

K = 10
RECORDS = 4 * K
"""Looked at, as several may come from one turn."""
BASELINE = "bm25"
LIVES = Owner("eval", "user", "locomo")


class Side(NamedTuple):
    kind: Kind
    keeps: str
    """`messages`: each turn whole; `statements`: its sentences that ask nothing, as a service without a model keeps
    them; `facts`: the turns and what a model has drawn from them (LoCoMo's own observations)."""

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.keeps}"


SIDES = (
    Side("short", "messages"),
    Side("long", "messages"),
    Side("long", "statements"),
    Side("long", "facts"),
    Side("hybrid", "messages"),
    Side("hybrid", "statements"),
    Side("hybrid", "facts"),
    Side("stream", "messages"),
)


async def measured(talks: Sequence[Talk], embedder: Embedder, most: int | None = None) -> dict[str, Any]:
    """Recall at 10 of each side and of BM25, with 95 % intervals, over all questions and by category."""
    shares: dict[str, list[float]] = defaultdict(list)
    categories: list[int] = []
    for talk in talks:
        asked = talk.questions if most is None else talk.questions[: -(-most // len(talks))]
        categories += [question.category for question in asked]
        texts = [said(turn) for turn in talk.turns]
        for question in asked:
            found = [talk.turns[one.place].id for one in ranked(question.text, texts, None, "lexical")[:K]]
            shares[BASELINE].append(_share(question.evidence, found))
        for side in SIDES:
            shares[side.name] += await _recalls(side, talk, [(one.text, one.evidence) for one in asked], embedder)
    return {
        "questions": len(categories),
        "conversations": len(talks),
        "embedder": embedder.name,
        "k": K,
        "rows": [_row(name, mine, shares[BASELINE], categories) for name, mine in shares.items()],
    }


def said(turn: Turn) -> str:
    return f"{turn.speaker}: {turn.text}" + (f" [shares {turn.picture}]" if turn.picture else "")


def _row(name: str, mine: Sequence[float], bm25: Sequence[float], categories: Sequence[int]) -> dict[str, Any]:
    by = {
        told: estimate([share for share, one in zip(mine, categories, strict=True) if one == category]).model_dump()
        for category, told in CATEGORIES.items()
        if category in categories
    }
    versus = None if name == BASELINE else compare(mine, bm25).model_dump()
    return {"memory": name, "recall": estimate(mine).model_dump(), "by_category": by, "versus_bm25": versus}


async def _recalls(
    side: Side, talk: Talk, asked: Sequence[tuple[str, tuple[str, ...]]], embedder: Embedder
) -> list[float]:
    archive = Archive(InMemory(), lambda: embedder)
    drafts = _drafts(side, talk)
    written = await remember(archive, LIVES, [draft for draft, _ in drafts])
    sources: dict[int, list[str]] = defaultdict(list)
    for one, (_, ids) in zip(written, drafts, strict=True):
        sources[one.id] += ids
    newest = _newest(talk) if side.kind in ("short", "hybrid") else []
    shares = []
    for question, evidence in asked:
        found: list[Recalled] = []
        if side.kind != "short":
            now = _dated(talk.turns[-1], len(talk.turns))
            found = await recall(archive, LIVES, side.kind, question, RECORDS, now=now, touch=False)
        told = list(dict.fromkeys(id for one in found for id in sources[one.record.id]))[:K]
        shares.append(_share(evidence, [*told, *newest]))
    return shares


def _drafts(side: Side, talk: Talk) -> list[tuple[Draft, tuple[str, ...]]]:
    """Each with the turns that it comes from."""
    made: list[tuple[Draft, tuple[str, ...]]] = []
    for place, turn in enumerate(talk.turns):
        at = _dated(turn, place)
        if side.keeps == "statements":
            for one in stated(said(turn).removeprefix(f"{turn.speaker}: "), at):
                subject = f"{turn.speaker}: {one.subject}" if one.subject else ""
                update = {"text": f"{turn.speaker}: {one.text}", "subject": subject}
                made.append((one.model_copy(update=update), (turn.id,)))
        else:
            kind: Literal["fact", "observation"] = "observation" if side.kind == "stream" else "fact"
            made.append((Draft(text=said(turn), kind=kind, created_at=at), (turn.id,)))
    if side.keeps == "facts":
        times = {turn.id: _dated(turn, place) for place, turn in enumerate(talk.turns)}
        made += [
            (Draft(text=one.text, created_at=times[one.sources[0]]), one.sources) for one in talk.observations
        ]  # fmt: skip
    return made


def _dated(turn: Turn, place: int) -> datetime:
    """Turns of one session, which have one time, a second apart."""
    from datetime import UTC

    return (turn.at or datetime(2023, 1, 1, tzinfo=UTC)) + timedelta(seconds=place)


def _newest(talk: Talk) -> list[str]:
    """The turns that a history within the usual budget keeps whole."""
    left, kept = MemorySettings.model_validate({"kind": "short"}).budget // 2, []
    for turn in reversed(talk.turns):
        left -= tokens(said(turn))
        if left < 0:
            break
        kept.append(turn.id)
    return kept


def _share(evidence: Sequence[str], found: Sequence[str]) -> float:
    return len(set(evidence) & set(found)) / len(set(evidence))
