"""Logs of tree-of-thought-llm's depth-first runs on mini crosswords (`infoss_dfs_prune.json`, MIT).

A log has for each game the states that were visited, in their order: the words so far, and how many clues the model
called sure, maybe and impossible. It has neither the texts of the model nor the clues; those of the twenty games are
read from the file beside it. So replies are rebuilt from what the log notes, no more: a state's proposals are the
words that were tried from it, in that order (what was proposed and not tried is not known), and a clue is called
impossible if no state that went on shows it with these letters, and a state that was given up does. That gives the
order and the prunes of the run, and not its counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from backends.base import Request
from backends.errors import BadSpec

PUZZLES = "mini0505_0_100_5.json"
NAMES = [f"{way}{place}" for way in "hv" for place in range(1, 6)]


class Game:
    def __init__(self, clues: Sequence[str], visits: Sequence[Mapping[str, Any]]) -> None:
        """Raises KeyError, TypeError, ValueError."""
        self._clues = dict(zip(NAMES, clues, strict=True))
        self._words: dict[frozenset[str], list[str]] = {frozenset(): []}
        """The words tried from a state, by its words, which may come in any order."""
        going_on, given_up = set[str](), set[str]()
        for visit in visits:
            *before, word = visit["actions"]
            tried = self._words.setdefault(frozenset(before), [])
            if word not in tried:
                tried.append(word)
            self._words.setdefault(frozenset(visit["actions"]), [])
            shown = given_up if visit["count"]["impossible"] else going_on
            shown.update(self._judged(visit["actions"]))
        self.impossible = given_up - going_on

    def about(self, question: str) -> bool:
        return all(f". {clue}" in question for clue in self._clues.values())

    def proposals(self, state: str) -> str | None:
        words = self._words.get(frozenset(state.split("\n")[:-1]))
        return None if words is None else "".join(f"{word} (certain)\n" for word in words)

    def _judged(self, words: Sequence[str]) -> Iterator[str]:
        """The clues of which two letters are known, with these: `An engine: m o t o r`."""
        letters: dict[tuple[int, int], str] = {}
        for word in words:
            letters |= zip(_cells(word[:2]), word[4:], strict=True)
        for name, clue in self._clues.items():
            there = [letters.get(cell, "_") for cell in _cells(name)]
            if there.count("_") <= 3:
                yield f"{clue}: {' '.join(there)}"


class DfsRecord:
    questions: Sequence[str] = ()

    def __init__(self, games: Sequence[Sequence[Mapping[str, Any]]], folder: Path) -> None:
        """Raises BadSpec."""
        path = folder / PUZZLES
        try:
            puzzles = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BadSpec(
                f"the record has no clues, and {str(path)!r}, which has them, cannot be read: {error}"
            ) from None
        try:
            self._games = [Game(puzzles[place][0], visits) for place, visits in enumerate(games)]
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise BadSpec(f"the record is no log of a search for crosswords: {error!r}") from None

    def knows(self, question: str) -> bool:
        return any(game.about(question) for game in self._games)

    def reply(self, request: Request) -> str | None:
        game = next((game for game in self._games if game.about(request.question)), None)
        match request.subject.get("stage"):
            case "propose" if game is not None:
                return game.proposals(request.subject["state"])
            case "value" if game is not None:
                asked = request.messages[-1].content.strip().rpartition("\n")[2]
                return "impossible" if asked in game.impossible else "maybe"
        return None


def is_dfs(data: Any) -> bool:
    first = next((game[0] for game in data if game), None) if isinstance(data, list) else None
    return isinstance(first, dict) and "actions" in first and "count" in first


def _cells(name: str) -> list[tuple[int, int]]:
    place = int(name[1]) - 1
    return [(place, other) if name[0] == "h" else (other, place) for other in range(5)]
