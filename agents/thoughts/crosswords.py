"""A 5 x 5 mini crossword as a tree: each thought is a word for one clue.

Source: Yao et al. 2023, section 4.3 and its code. Eight calls propose words with a confidence (certain 1, high 0.5,
medium 0.2, low 0.1, summed over the calls); the search goes depth first in the order of these sums. A state is judged
when the search reaches it: one call for each clue of which at least two letters stand, and it goes on unless one of
them says `impossible`. At most 9 words deep, 3 children of a state, 100 states in all; the deepest state, the first of
them, is the answer.

The paper's code gives up a word that changes a letter on the board; so does this, before the word counts as a child.
A clue that has a word is not filled again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from agents.tasks.grids import CLUE, EMPTY, NAMES, Board, clues_of, rendered
from agents.thoughts.base import Defaults
from agents.thoughts.crosswords_prompts import JUDGE, PROPOSE, VOTE

CONFIDENCE = {"certain": 1.0, "high": 0.5, "medium": 0.2, "low": 0.1}
_WORD = re.compile(r"^\W*([hv][1-5])\.?:?\s+([a-z]{5})\s+\((certain|high|medium|low)\)", re.IGNORECASE)
_FILLED = re.compile(r"^([hv][1-5])\. ([a-z]{5})$", re.MULTILINE)


def board_of(state: str) -> Board:
    """Of a state, a word a line: `h2. motor`."""
    board = Board()
    for name, word in _FILLED.findall(state):
        board = board.filled(name, word)
    return board


class CrosswordThoughts:
    name = "crosswords"
    defaults = Defaults(search="dfs", depth=9, samples=8, evaluations=1, threshold=-1.0, ranked=True)

    def lacks(self, question: str) -> str:
        missing = [name for name in NAMES if name not in clues_of(question)]
        return f"the clues {', '.join(missing)} (a line each, `h1. ...` to `v5. ...`)" if missing else ""

    def same(self, state: str) -> str:
        return "".join(f"{name}. {word}\n" for name, word in sorted(_FILLED.findall(state)))

    def proposal(self, question: str, state: str) -> str:
        clues, board, filled = clues_of(question), board_of(state), dict(_FILLED.findall(state))
        listed = {name: f"{name}. {clues[name]}: {board.word(name).lower()}" for name in NAMES}
        unfilled = "\n".join(line for name, line in listed.items() if name not in filled)
        if not unfilled:
            return ""
        done = "\n".join(line for name, line in listed.items() if name in filled)
        return PROPOSE.format(board=rendered(board), unfilled=unfilled, filled=done or "none")

    def states(self, question: str, state: str, replies: Sequence[str]) -> list[str]:
        """The words that fit, the surest first; of equally sure ones the one named first."""
        board, filled = board_of(state), dict(_FILLED.findall(state))
        sums: defaultdict[str, float] = defaultdict(float)
        for reply in replies:
            for line in reply.splitlines():
                if (found := _WORD.match(line)) is None:
                    continue
                name, word, confidence = (part.lower() for part in found.groups())
                if name not in filled and board.takes(name, word):
                    sums[f"{name}. {word}"] += CONFIDENCE[confidence]
        return [f"{state}{word}\n" for word in sorted(sums, key=lambda word: sums[word], reverse=True)]

    def judgements(self, question: str, state: str) -> list[str]:
        clues, board = clues_of(question), board_of(state)
        words = {name: board.word(name).lower() for name in NAMES}
        return [
            JUDGE.format(clue=clues[name], letters=" ".join(word))
            for name, word in words.items()
            if word.count(EMPTY) <= 3
        ]

    def value(self, question: str, state: str, replies: Sequence[str]) -> float:
        """Minus the number of clues that no word can fill any more."""
        return 0.0 - sum(reply.strip().lower().rstrip(".") == "impossible" for reply in replies)

    def ballot(self, question: str, states: Sequence[str]) -> str:
        listed = "\n\n".join(f"Choice {n}:\n{rendered(board_of(state))}" for n, state in enumerate(states, start=1))
        clues = "\n".join(found.group(0) for found in CLUE.finditer(question))
        return VOTE.format(clues=clues, choices=listed)

    def answer(self, question: str, state: str) -> str:
        return rendered(board_of(state))
