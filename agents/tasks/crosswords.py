"""Mini crosswords: a board of 5 x 5 letters from ten clues, five words across and five down.

Source: Yao et al. 2023, Tree of Thoughts (arXiv:2305.10601), section 4.3; 156 puzzles of GooBix, of which the paper
tests 20. Success is counted by letters (of 25), by words (of 10) and by games. The text of a model is read letter by
letter, never evaluated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Item, PaperFigure, Verdict
from agents.tasks.board_text import read_board
from agents.tasks.grids import NAMES, SIZE, Board

TESTED_FILE, WHOLE_FILE = "mini0505_0_100_5.json", "mini0505.json"
TESTED = range(0, 100, 5)
"""The games of the whole file that the paper tests; the other file has these alone."""
TABLE = "Yao 2023, table 3"


class Crosswords:
    name = "crosswords"
    figures = (
        PaperFigure("chat", "letter", 0.387, f"{TABLE}, IO prompt"),
        PaperFigure("chat", "word", 0.14, f"{TABLE}, IO prompt"),
        PaperFigure("chat", "score", 0.0, f"{TABLE}, IO prompt, games"),
        PaperFigure("cot", "letter", 0.406, f"{TABLE}, CoT prompt"),
        PaperFigure("cot", "word", 0.156, f"{TABLE}, CoT prompt"),
        PaperFigure("cot", "score", 0.01, f"{TABLE}, CoT prompt, games"),
        PaperFigure("tot", "letter", 0.78, TABLE),
        PaperFigure("tot", "word", 0.60, TABLE),
        PaperFigure("tot", "score", 0.20, f"{TABLE}, games"),
        PaperFigure("tot", "best_letter", 0.824, f"{TABLE}, best state"),
        PaperFigure("tot", "best_word", 0.675, f"{TABLE}, best state"),
        PaperFigure("tot", "best_game", 0.35, f"{TABLE}, best state, games"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """The paper's twenty games. Raises BadData."""
        path = next((folder / name for name in (TESTED_FILE, WHOLE_FILE) if (folder / name).is_file()), None)
        if path is None:
            raise BadData(f"{str(folder)!r} has no {TESTED_FILE} or {WHOLE_FILE} (a list of [clues, letters])")
        try:
            games = json.loads(path.read_text("utf-8"))
            chosen = games if path.name == TESTED_FILE else [games[place] for place in TESTED if place < len(games)]
            return [_item(place, *game) for place, game in zip(TESTED, chosen, strict=False)]
        except (ValueError, TypeError, KeyError) as error:
            raise BadData(f"{str(path)!r} is no list of games, [10 clues, 25 letters] each: {error}") from None

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {"problem": self.name} if pipeline == "tot" else {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """The score is that the whole board is right; `best_` is the first of the visited with most right words."""
        if item.gold is None:
            return Verdict(score=0.0, reason="the item has no solution: give its folder with --data")
        board = read_board(answer)
        letter, word, game = _marks(board or Board(), item.gold)
        details = {"letter": letter, "word": word}
        if visited := finalists[1:]:
            best = max((_marks(read_board(other) or Board(), item.gold) for other in visited), key=lambda m: m[1])
            details |= dict(zip(("best_letter", "best_word", "best_game"), best, strict=True))
        if board is None:
            return Verdict(score=0.0, details=details, reason="no board of five rows of five letters")
        return Verdict(score=game, details=details, reason="" if game else "not the whole board is right")


def _marks(board: Board, gold: Board) -> tuple[float, float, float]:
    letters = sum(a == b for a, b in zip(board.letters, gold.letters, strict=True)) / SIZE**2
    words = sum(board.word(name) == gold.word(name) for name in NAMES) / len(NAMES)
    return letters, words, float(board == gold)


def _item(place: int, clues: Sequence[str], letters: Sequence[str]) -> Item:
    """Raises ValueError."""
    if len(clues) != len(NAMES) or len(letters) != SIZE**2:
        raise ValueError(f"game {place} has {len(clues)} clues and {len(letters)} letters")
    listed = "\n".join(f"{name}. {clue}" for name, clue in zip(NAMES, clues, strict=True))
    return Item(id=str(place), question=QUESTION.format(clues=listed), gold=Board("".join(letters).upper()))


QUESTION = """\
Fill this mini crossword of 5 rows and 5 columns. Every word has exactly 5 letters: h1 to h5 are the rows, v1 to v5 the
columns.

{clues}

End with the five rows in one line of this form, `_` for a letter that you do not know:
The answer is AAAAA BBBBB CCCCC DDDDD EEEEE."""
