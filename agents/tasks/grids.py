"""The board of a 5 x 5 mini crossword: five words across, h1 to h5, and five down, v1 to v5."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIZE = 5
EMPTY = "_"
NAMES = tuple(f"{way}{place}" for way in "hv" for place in range(1, SIZE + 1))
CLUE = re.compile(r"^[ \t]*([hv][1-5])\.[ \t]*(\S.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Board:
    letters: str = EMPTY * SIZE * SIZE
    """Upper case, row by row; `_` where none stands."""

    def word(self, name: str) -> str:
        return "".join(self.letters[cell] for cell in _cells(name))

    def takes(self, name: str, word: str) -> bool:
        """Whether the word changes no letter that stands."""
        return all(there in (EMPTY, new) for there, new in zip(self.word(name), word.upper(), strict=True))

    def filled(self, name: str, word: str) -> Board:
        letters = list(self.letters)
        for cell, letter in zip(_cells(name), word.upper(), strict=True):
            letters[cell] = letter
        return Board("".join(letters))


def _cells(name: str) -> range:
    place = int(name[1]) - 1
    return range(place * SIZE, (place + 1) * SIZE) if name[0] == "h" else range(place, SIZE * SIZE, SIZE)


def rows(board: Board) -> list[str]:
    return [board.letters[start : start + SIZE] for start in range(0, SIZE * SIZE, SIZE)]


def rendered(board: Board) -> str:
    """Five lines, `A G E N D`."""
    return "\n".join(" ".join(row) for row in rows(board))


def clues_of(question: str) -> dict[str, str]:
    """By name, `h1` to `v5`; each stands on a line of its own."""
    return {name.lower(): clue for name, clue in CLUE.findall(question)}
