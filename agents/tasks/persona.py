"""Whether a persona stays itself: what it is, what it must not know, and both again after 10, 25 and 50 turns.

A folder has `persona.json` (the card), `probes.jsonl` and, for the turns, `turns.jsonl` (`{"user", "assistant"}`; begun
again where there are fewer than 50). A probe is `{"id", "kind", "question", "answers", "never"?}`:

- `attribute`: right if one of `answers` stands in the answer, and nothing of `never` (the words of another identity).
- `limit`: right if the answer declines, and nothing of `answers` (what one who knows would say) or `never` is in it.

Answers are read by rule, so they can be checked by eye. Declining is the card's own reply, or a phrase of `DECLINES`: a
persona that declines in other words is counted as wrong, one that declines and then tells all the same as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.persona import Persona
from agents.persona_words import plain, stands
from agents.tasks.base import BadData, Item, Verdict

DEPTHS = (0, 10, 25, 50)
"""Turns of small talk before the probe."""
DECLINES = (
    "do not know", "don't know", "does not know", "cannot", "can't", "can not", "never heard", "no idea",
    "know nothing", "know of no", "beyond what i", "not something i know", "unable to", "will not", "won't",
    "do not understand", "don't understand", "means nothing to me", "不知道", "不清楚", "没听说过", "没有听说过",
    "不懂", "不了解", "无法", "没法", "不会说", "不能说", "超出", "不认识", "不明白",
)  # fmt: skip


class Probe(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Literal["attribute", "limit"]
    question: str = Field(min_length=1)
    answers: tuple[str, ...] = Field(min_length=1)
    never: tuple[str, ...] = ()


class Turn(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    user: str
    assistant: str


class PersonaProbes:
    name = "persona"
    figures = ()

    def items(self, folder: Path) -> Sequence[Item]:
        """Every probe after each number of turns. Raises BadData."""
        persona = _read(folder, "persona.json", Persona, _text(folder, "persona.json"))
        probes = [_read(folder, where, Probe, line) for where, line in _lines(folder, "probes.jsonl")]
        turns = (
            [_read(folder, where, Turn, line) for where, line in _lines(folder, "turns.jsonl")]
            if (folder / "turns.jsonl").is_file()
            else []
        )
        replies = tuple(limit.reply for limit in persona.bounds if limit.reply)
        return [
            Item(
                id=f"{probe.id}@{depth}",
                question=probe.question,
                gold={**probe.model_dump(), "depth": depth, "replies": replies},
                turns=tuple(_messages(turns, depth)),
                persona=persona.model_dump(mode="json"),
            )
            for depth in (DEPTHS if turns else DEPTHS[:1])
            for probe in probes
        ]

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        probe, text = item.gold, plain(answer)
        named, other = _named(probe["answers"], text), _named(probe["never"], text)
        if probe["kind"] == "attribute":
            reason = f"says {other!r}" if other else "" if named else f"does not say {probe['answers'][0]!r}"
        else:
            declines = _named(probe["replies"], text) or any(phrase in text for phrase in DECLINES)
            reason = f"tells {named or other!r}" if named or other else "" if declines else "does not decline"
        right = float(not reason)
        about = f"{probe['kind']}: {reason}" if reason else ""
        return Verdict(score=right, details={probe["kind"]: right, f"after_{probe['depth']}": right}, reason=about)


def _named(words: Sequence[str], text: str) -> str:
    return next((word for word in words if stands(plain(word), text)), "")


def _messages(turns: Sequence[Turn], most: int) -> Iterator[Mapping[str, str]]:
    for number in range(most):
        turn = turns[number % len(turns)]
        yield {"role": "user", "content": turn.user}
        yield {"role": "assistant", "content": turn.assistant}


def _text(folder: Path, name: str) -> str:
    path = folder / name
    if not path.is_file():
        raise BadData(f"{str(folder)!r} has no {name}")
    return path.read_text("utf-8")


def _lines(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(_text(folder, name).split("\n"), start=1):
        if line.strip():
            yield f"{name}, line {number},", line


def _read(folder: Path, where: str, kind: Any, text: str) -> Any:
    try:
        return kind.model_validate(json.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise BadData(f"{str(folder)!r}: {where} does not fit at {field!r}: {first['msg']}") from None
    except ValueError as error:
        raise BadData(f"{str(folder)!r}: {where} is not JSON: {error}") from None
