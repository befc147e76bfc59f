"""The day from the top down: strokes, hours, and of the hour that it is, blocks of minutes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from agents.generative_prompts import DAY, HOUR_BY_HOUR, MINUTES, Block, Blocks, Day, Hours, Stroke
from agents.memory.prompts import numbered
from agents.structured import ask_json
from backends.base import Message

if TYPE_CHECKING:
    from datetime import datetime

    from agents.run import Run

_STEP = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?: \(\d+ min\))? ")


def heading(now: datetime, what: str) -> str:
    """With which a plan begins in memory, by which it is found again."""
    hour = f" from {now:%H}:00" if what == "minutes" else ""
    return f"Plan for {now:%Y-%m-%d}{hour} ({what}): "


def written(now: datetime, what: str, steps: Iterable[Stroke]) -> str:
    told = [f"{s.start} ({s.minutes} min) {s.what}" if isinstance(s, Block) else f"{s.start} {s.what}" for s in steps]
    return heading(now, what) + "; ".join(" ".join(one.replace(";", ",").split()) for one in told)


def known(texts: Iterable[str], now: datetime, what: str) -> str:
    """The plan among these memories; empty: there is none yet."""
    return next((text for text in texts if text.startswith(heading(now, what))), "")


def steps_of(plan: str) -> list[str]:
    return plan.partition("): ")[2].split("; ")


def doing(plan: str, now: datetime) -> str:
    """The step that is under way at this time; empty before the first."""
    latest = ""
    for step in steps_of(plan):
        at = _STEP.match(step)
        if at and int(at[1]) * 60 + int(at[2]) <= now.hour * 60 + now.minute:
            latest = step
    return latest


async def day(run: Run, name: str, now: datetime, memories: Sequence[str]) -> list[Stroke]:
    """Raises BadStructuredOutput, as all here."""
    prompt = DAY.format(name=name, date=f"{now:%A, %Y-%m-%d}", memories=numbered(list(memories)))
    found = await ask_json(run, _said(prompt), fits=Day, question=prompt, subject={"stage": "plan_day"})
    return found.steps


async def hours(run: Run, name: str, now: datetime, strokes: str) -> list[Stroke]:
    prompt = HOUR_BY_HOUR.format(name=name, date=f"{now:%Y-%m-%d}", day="\n".join(steps_of(strokes)))
    found = await ask_json(run, _said(prompt), fits=Hours, question=prompt, subject={"stage": "plan_hours"})
    return found.steps


async def minutes(run: Run, name: str, now: datetime, by_hour: str) -> list[Block]:
    """Of the hour that it is; empty if the model planned another."""
    prompt = MINUTES.format(name=name, date=f"{now:%Y-%m-%d}", hour=f"{now:%H}:00", hours="\n".join(steps_of(by_hour)))
    found = await ask_json(run, _said(prompt), fits=Blocks, question=prompt, subject={"stage": "plan_minutes"})
    return found.blocks if found.blocks[0].minute // 60 == now.hour else []


def _said(prompt: str) -> Message:
    return Message(role="user", content=prompt)
