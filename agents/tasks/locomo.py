"""LoCoMo (Maharana et al. 2024, arXiv:2402.17753): long conversations of two people, and questions with evidence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from agents.tasks.base import BadData

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}


class Turn(NamedTuple):
    id: str
    speaker: str
    text: str
    picture: str
    """What the picture shows that came with it; "" for none."""
    at: datetime | None
    """When the session began; None where that cannot be read."""


class Question(NamedTuple):
    text: str
    category: int
    evidence: tuple[str, ...]
    """Ids of turns of the conversation; never none."""


class Observation(NamedTuple):
    """A fact that the set's authors had a model draw from turns."""

    text: str
    sources: tuple[str, ...]


class Talk(NamedTuple):
    name: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]
    observations: tuple[Observation, ...]


def talks(folder: Path) -> list[Talk]:
    """In the order of their names. Raises BadData."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(_talk(path.stem, json.loads(path.read_text("utf-8"))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadData(f"{str(path)!r} is no conversation of LoCoMo: {error!r}") from None
    if not any(talk.questions for talk in found):
        raise BadData(f"{str(folder)!r} has no conversations of LoCoMo (*.json with 'session_1', 'qa', ...)")
    return found


def _talk(name: str, data: Mapping[str, Any]) -> Talk:
    numbers = [n for n in range(1, len(data)) if data.get(f"session_{n}")]
    turns = tuple(turn for n in numbers for turn in _turns(data, n))
    known = {turn.id for turn in turns}
    questions = [
        Question(row["question"], row.get("category", 0), tuple(id for id in row["evidence"] if id in known))
        for row in data["qa"]
    ]
    observations = [one for n in numbers for one in _observations(data.get(f"session_{n}_observation") or {}, known)]
    return Talk(name, turns, tuple(one for one in questions if one.evidence), tuple(observations))


def _turns(data: Mapping[str, Any], number: int) -> Iterator[Turn]:
    at = _moment(data.get(f"session_{number}_date_time", ""))
    for row in data[f"session_{number}"]:
        yield Turn(row["dia_id"], row["speaker"], row["text"], row.get("blip_caption") or "", at)


def _moment(told: str) -> datetime | None:
    try:
        return datetime.strptime(told, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _observations(by_speaker: Mapping[str, Any], known: set[str]) -> Iterator[Observation]:
    for rows in by_speaker.values():
        for text, cited in rows:
            names = cited if isinstance(cited, list) else re.split(r"[,;]\s*", cited)
            if sources := tuple(id for id in names if id in known):
                yield Observation(text, sources)
