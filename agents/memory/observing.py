"""The stream of memory of any pipeline: what was said is weighed, and reflected on when enough has happened.

Source: Park et al. 2023 (arXiv:2304.03442), sections 4.1 and 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.events import Reflection
from agents.memory import calls
from agents.memory.quiet import quiet, writes
from agents.memory.rating import ratings
from agents.memory.record import Draft
from agents.memory.reflection import insights, salient
from backends.errors import BadStructuredOutput

if TYPE_CHECKING:
    from agents.memory.settings import MemorySettings
    from agents.run import Run

LONGEST = 2_000
"""Characters of an observation."""
LATEST, QUESTIONS, INSIGHTS, RECALLED = 100, 3, 5, 30
"""As the paper: a reflection begins from the 100 latest memories, asks 3 questions, and draws 5 insights for each."""
NAME = "the user"


async def observe(run: Run, settings: MemorySettings, question: str, answer: str) -> None:
    """Raises BackendError, LimitReached."""
    said = [f"The user said: {question}"[:LONGEST]]
    if answer:
        said.append(f"The user was answered: {answer}"[:LONGEST])
    await _keep(run, said, [()] * len(said), "observation")
    diary = await calls.diary(run, LATEST)
    if diary.unreflected <= settings.reflect_at or not writes(run):
        return
    try:
        for asked in await salient(quiet(run), NAME, diary.latest, QUESTIONS):
            await _infer(run, settings, asked)
    except BadStructuredOutput as error:
        run.warn("no_reflection", f"the model's reflection cannot be read, it is left for the next time: {error}")


async def _infer(run: Run, settings: MemorySettings, question: str) -> None:
    """Raises BadStructuredOutput."""
    found = await calls.recalled(run, settings, question, k=RECALLED)
    grounded = await insights(quiet(run), NAME, question, [one.record.text for one in found], INSIGHTS)
    sources = [tuple(found[place].record.id for place in one.because_of) for one in grounded]
    await _keep(run, [one.text for one in grounded], sources, "reflection")
    for one, ids in zip(grounded, sources, strict=True):
        run.emit(Reflection, text=one.text, because_of=ids)


async def _keep(run: Run, texts: list[str], sources: list[tuple[int, ...]], kind: str) -> None:
    if not texts:
        return
    drafts = [
        Draft.model_validate(
            {"text": text, "kind": kind, "importance": importance, "created_at": run.began, "sources": ids}
        )
        for text, ids, importance in zip(texts, sources, await ratings(quiet(run), NAME, texts), strict=True)
    ]
    await calls.remembered(run, drafts)
